"""Writing to SQLite: the write lock, and turns between processes."""

import time
from collections.abc import Callable

import apsw

from palaver.errors import Busy
from palaver.storage.sqlite import faults
from palaver.storage.sqlite.transaction import WriteTransaction
from palaver.storage.sqlite.turnstile import Turnstile
from palaver.storage.writer import Writer

_TURN_SECONDS = 1e-3
_POLL_SECONDS = (50e-6, 100e-6, 200e-6, 500e-6, 1e-3)


class SqliteWriter(Writer[WriteTransaction]):
    """Owns the connection that writes."""

    def __init__(
        self,
        connection: apsw.Connection,
        transaction: WriteTransaction,
        turnstile: Turnstile,
        *,
        where: str,
        timeout: float,
        committed: Callable[[], None],
    ) -> None:
        super().__init__(
            transaction, where=where, translated=faults.translated(where, known=True), committed=committed
        )
        self._connection = connection
        self._cursor = connection.cursor()
        self._turnstile = turnstile
        self._timeout = timeout
        self._looked = 0.0

    def _begin(self) -> None:
        self._lock()
        self._tx.begin()

    def _end(self) -> None:
        self._cursor.execute("COMMIT")
        self._tx.committed()

    def _roll_back(self) -> None:
        self._tx.rolled_back()
        if self._connection.in_transaction:
            self._cursor.execute("ROLLBACK")

    def _is_open(self) -> bool:
        return self._connection.in_transaction

    def _set_savepoint(self) -> None:
        self._cursor.execute("SAVEPOINT verb")

    def _undo_to_savepoint(self) -> None:
        self._cursor.execute("ROLLBACK TO verb")
        self._cursor.execute("RELEASE verb")

    def _release_savepoint(self) -> None:
        self._cursor.execute("RELEASE verb")

    def _lock(self) -> None:
        """Take the write lock. Processes take turns: whoever found it taken goes through the turnstile first."""
        now = time.monotonic()
        if now - self._looked > _TURN_SECONDS:
            self._turnstile.wait(self._timeout)
            self._looked = now
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            return
        except apsw.BusyError:
            pass
        deadline = time.monotonic() + self._timeout
        with self._turnstile.hold(self._timeout):
            attempt = 0
            while True:
                try:
                    self._cursor.execute("BEGIN IMMEDIATE")
                    return
                except apsw.BusyError as exc:
                    if time.monotonic() > deadline:
                        raise Busy(
                            f"{self._where}: another process has held the write lock for more than "
                            f"{self._timeout:g} s; close it or try again"
                        ) from exc
                time.sleep(_POLL_SECONDS[min(attempt, len(_POLL_SECONDS) - 1)])
                attempt += 1
