"""After a purge: rows that were deleted or overwritten leave the tables, not only what they are seen by."""

import logging
import threading
from collections.abc import Callable

import psycopg

from palaver.errors import PalaverError
from palaver.storage.postgres.connection import Connection
from palaver.storage.postgres.statements import statements

_GATHER_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Vacuum:
    """A thread that begins with the first purge. Purges of a second are cleared away together, the last ones at the end.

    PostgreSQL writes nothing over in place. What the server keeps of it after that, docs/storage-format.md says.
    """

    def __init__(self, connect: Callable[[], Connection], where: str) -> None:
        self._connect = connect
        self._where = where
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._due = False
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def request(self) -> None:
        with self._mutex:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="palaver-vacuum", daemon=True)
                self._thread.start()
            self._due = True
        self._wake.set()

    def close(self) -> None:
        """What is still due is done first."""
        with self._mutex:
            self._closed.set()
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            closed = self._closed.wait(_GATHER_SECONDS)
            with self._mutex:
                due, self._due = self._due, False
            if due:
                self._clear_away()
            if closed:
                return

    def _clear_away(self) -> None:
        try:
            with self._connect() as connection:
                connection.execute(statements()["vacuum_settle"].sql, prepare=False)
                connection.execute(statements()["vacuum"].sql, prepare=False)
        except (psycopg.Error, PalaverError) as exc:
            _log.warning("%s: what was purged is left to the server's own vacuum: %s", self._where, exc)
