"""Waiting in line: a limited number of places for threads, assigned in the order in which they were requested.

Python's own locks and queues give them to anyone: with 256 threads, some wait four times as long as most.
"""

from collections import deque
from threading import Lock


class Places:
    """A number of places, one for each thread that may use something at the same time.

    It takes no lock that the garbage collector, which may give one back at any moment, could want a second time: each
    step is one operation of a deque.
    """

    def __init__(self, count: int) -> None:
        self._free, self._waiting = deque([None] * count), deque[Lock]()

    @property
    def free(self) -> int:
        """The number of free places."""
        return len(self._free)

    def take(self, seconds: float) -> bool:
        """Take a place; False if it was not the caller's turn in time."""
        mine = Lock()
        mine.acquire()
        self._waiting.append(mine)
        self._hand_out()
        if mine.acquire(timeout=seconds):
            return True
        try:
            self._waiting.remove(mine)
        except ValueError:
            return True  # it was given just now
        return False

    def give_back(self) -> None:
        """Let the next one have a place."""
        self._free.append(None)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free and self._waiting:
            try:
                self._free.pop()
            except IndexError:
                return  # another thread gives it
            try:
                following = self._waiting.popleft()
            except IndexError:
                self._free.append(None)  # and check again: another thread may have arrived since
            else:
                following.release()
