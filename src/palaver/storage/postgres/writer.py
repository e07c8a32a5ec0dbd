"""Writing to PostgreSQL: one writer at a time per database, whichever process it is in."""

from collections.abc import Callable

import psycopg

from palaver.errors import Unavailable
from palaver.storage.postgres import faults
from palaver.storage.postgres.connection import Connection, is_alive
from palaver.storage.postgres.statements import statements
from palaver.storage.postgres.transaction import WriteTransaction
from palaver.storage.writer import Writer


class PostgresWriter(Writer[WriteTransaction]):
    """Owns the connection that writes, and makes a new one when it was lost."""

    def __init__(
        self,
        transaction: WriteTransaction,
        connect: Callable[[], Connection],
        *,
        where: str,
        committed: Callable[[], None],
    ) -> None:
        super().__init__(transaction, where=where, translated=faults.translated(where), committed=committed)
        self._connect = connect

    def _begin(self) -> None:
        if not is_alive(self._tx.connection):
            self._reconnect()
        self._tx.begin()

    def _end(self) -> None:
        try:
            self._tx.commit()
        except psycopg.Error as exc:
            if not faults.is_lost(exc) and not self._tx.connection.closed:
                raise
            if not self._was_committed():
                raise

    def _roll_back(self) -> None:
        self._tx.rolled_back()
        if self._is_open():
            try:
                self._tx.roll_back()
            except psycopg.Error:
                self._tx.connection.close()  # The server rolls back what nobody can go on with.

    def _is_open(self) -> bool:
        return self._tx.is_open()

    def _set_savepoint(self) -> None:
        self._tx.run("savepoint")

    def _undo_to_savepoint(self) -> None:
        self._tx.run("savepoint_undo")
        self._tx.run("savepoint_release")

    def _release_savepoint(self) -> None:
        self._tx.run("savepoint_release")

    def _reconnect(self) -> None:
        self._tx.connection.close()
        self._tx.attach(self._connect())
        self._tx.rolled_back()

    def _was_committed(self) -> bool:
        """Find out what became of a commit whose answer was lost. Raises `Unavailable` where nobody can tell."""
        number, started = self._tx.number, self._tx.started
        try:
            self._reconnect()
            connection = self._tx.connection
            with connection.transaction():
                # Whoever has the lock knows that the lost transaction has ended.
                connection.execute(statements()["write_lock"].sql)
                statement = statements()["transaction_status"]
                found = connection.execute(statement.sql, statement.bind({"transaction": number})).fetchone()
        except psycopg.Error as exc:
            raise self._unknown() from exc
        status, now = found or ("", "")
        if now != started:  # Started anew: it may have given the same number to another transaction.
            raise self._unknown()
        return bool(status == "committed")

    def _unknown(self) -> Unavailable:
        return Unavailable(
            f"{self._where}: the connection was lost during a commit. Whether it was done is not known: look before "
            "you do it again; an append with the same ids may be repeated safely"
        )
