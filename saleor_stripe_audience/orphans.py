"""The process that serves requests exits when its parent has exited, for whatever reason.

Killed by SIGKILL, `serve` cannot signal its child. The child would keep serving on the same port without a worker, and
share the port with the next `serve`.
"""

import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess

import structlog

log = structlog.get_logger(__name__)

SECONDS_TO_FINISH = 20.0  # a synchronous webhook may take fifteen


def end_with_parent() -> None:
    """End this process once its parent is gone. Requests in progress are finished first, for at most 20 seconds.

    A pipe that only the parent holds open shows that it is alive, so this works wherever multiprocessing does.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: _end_after(parent), name="parent", daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    log.warning("the parent process is gone: stopping")
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(SECONDS_TO_FINISH)
    os._exit(1)
