"""The process that answers requests ends when the one that started it is gone, however that ended.

Killed by SIGKILL, `serve` can tell its child nothing. The child would go on answering on the same port, without a
worker for what it writes down, and share the port with the `serve` that is started next.
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
    """End this process once its parent is gone. What is under way is finished first, for at most 20 seconds.

    The parent is watched by a pipe that only it holds open, so this works wherever multiprocessing does.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: _end_after(parent), name="parent", daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    log.warning("the process that started this one is gone: ending too")
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(SECONDS_TO_FINISH)
    os._exit(1)
