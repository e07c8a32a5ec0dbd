"""What the server would do by itself some time later, asked for when it is known to be due."""

import logging
import threading
from collections.abc import Callable

import psycopg

from palaver.errors import PalaverError
from palaver.storage.postgres.connection import Connection
from palaver.storage.postgres.statements import statements

_GATHER_SECONDS = 1.0
_MANY = 1_000
"""So many records brought in change how the tables are best read."""

_log = logging.getLogger(__name__)


class Upkeep:
    """A thread that begins with the first request. What is asked for within a second is done together, the last at the end.

    After a purge: rows that were deleted or overwritten leave the tables, not only what they are seen by. PostgreSQL
    writes nothing over in place. What the server keeps of it after that, docs/storage-format.md says.

    After an import: the server counts again. Until it has, it takes the tables for nearly empty, and reads a session of
    100,000 messages whole for its last 50.
    """

    def __init__(self, connect: Callable[[], Connection], where: str) -> None:
        self._connect = connect
        self._where = where
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._purged = False
        self._brought_in = 0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def purged(self) -> None:
        with self._mutex:
            self._purged = True
        self._begin()

    def brought_in(self, records: int) -> None:
        with self._mutex:
            self._brought_in += records
            many = self._brought_in >= _MANY
        if many:
            self._begin()

    def close(self) -> None:
        """What is still due is done first."""
        with self._mutex:
            self._closed.set()
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join()

    def _begin(self) -> None:
        with self._mutex:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="palaver-upkeep", daemon=True)
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            closed = self._closed.wait(_GATHER_SECONDS)
            with self._mutex:
                purged, self._purged = self._purged, False
                # While more comes in, what is counted now would soon be wrong.
                counts = self._brought_in >= _MANY and (closed or not self._wake.is_set())
                self._brought_in = 0 if counts else self._brought_in
            if purged:
                self._run_statement("vacuum")
            if counts:
                self._run_statement("analyze")
            if closed:
                return

    def _run_statement(self, name: str) -> None:
        try:
            with self._connect() as connection:
                connection.execute(statements()["upkeep_settle"].sql, prepare=False)
                connection.execute(statements()[name].sql, prepare=False)
        except (psycopg.Error, PalaverError) as exc:
            _log.warning("%s: %s is left to the server's own upkeep: %s", self._where, name, exc)
