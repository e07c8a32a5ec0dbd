"""Turns between processes: a database lock alone lets one process take it again and again while another waits.

Who finds the write lock taken locks a small file beside the database and holds it until it has the write lock; everybody
asks before each commit whether somebody holds it, and lets him go first.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from palaver.errors import Busy

try:
    import fcntl
except ImportError:  # Windows: SQLite's own busy handling has to do.
    fcntl = None  # type: ignore[assignment]

SUFFIX = "-turn"
_POLL_SECONDS = 50e-6


class Turnstile:
    """One per store; used by whoever leads, so by one thread at a time."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + SUFFIX)
        self._file: int | None = None
        if fcntl is not None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)

    def wait(self, timeout: float) -> None:
        """Let a process go first that is waiting for the write lock."""
        if self._file is None:
            return
        deadline = 0.0
        while not _try_lock(self._file, fcntl.LOCK_SH):
            deadline = deadline or time.monotonic() + timeout
            if time.monotonic() > deadline:
                return  # It waits for a lock we do not hold either: the write lock itself will tell.
            time.sleep(_POLL_SECONDS)
        fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def hold(self, timeout: float) -> Iterator[None]:
        """Be the one who goes next. Raises `Busy` where another one stays that for too long."""
        if self._file is None:
            yield
            return
        deadline = time.monotonic() + timeout
        while not _try_lock(self._file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Busy(
                    f"{self._path.name}: other processes have waited to write for more than {timeout:g} s"
                )
            time.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _try_lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
