"""Writing to PostgreSQL: one writer at a time per database, whichever process it is in."""

from collections.abc import Callable
from typing import Any

import psycopg

from palaver.errors import Unavailable
from palaver.storage.postgres import faults
from palaver.storage.postgres.connection import Connection, is_alive
from palaver.storage.postgres.statements import statements
from palaver.storage.postgres.transaction import Outdated, WriteTransaction
from palaver.storage.transaction import Row
from palaver.storage.writer import Job, Writer


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

    def _try(self, batch: list[Job[Any]]) -> None:
        try:
            super()._try(batch)
        except Outdated:
            self._try_again(batch)

    def _try_again(self, batch: list[Job[Any]]) -> None:
        """By what the database holds now; and where an id is taken, one after the other."""
        self._forget(batch)
        try:
            super()._try(batch)
        except Outdated:
            self._forget(batch)
            self._begin()
            for job in batch:
                self._run_in_savepoint(job)
            self._end()

    def _forget(self, batch: list[Job[Any]]) -> None:
        self._roll_back()
        for job in batch:
            job.error = None

    def _end(self) -> None:
        try:
            self._tx.commit()
        except BaseException as exc:
            signalled = not isinstance(exc, Exception)
            if not signalled and not (faults.is_lost(exc) or self._tx.connection.closed):
                raise
            self._begun = self._was_committed()
            if signalled or not self._begun:
                raise
        self._tx.committed()

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
        self._tx.set_savepoint()

    def _undo_to_savepoint(self) -> None:
        self._tx.undo_to_savepoint()

    def _release_savepoint(self) -> None:
        self._tx.release_savepoint()

    def _reconnect(self) -> None:
        self._tx.connection.close()
        self._tx.attach(self._connect())
        self._tx.rolled_back()

    def _was_committed(self) -> bool:
        """Find out what became of a commit whose answer was lost. Raises `Unavailable` where nobody can tell."""
        begun, written = self._tx.begun, self._tx.written
        try:
            self._reconnect()
            with self._tx.connection.transaction():
                # Whoever has the lock knows that the lost transaction has ended.
                self._ask("write_lock")
                if written is not None:
                    return self._ask("find_message_id", ref=written[0]) == (written[1],)
                status, started = self._ask("transaction_status", transaction=begun.number) or ("", "")
        except psycopg.Error as exc:
            raise self._unknown() from exc
        if (
            started != begun.started
        ):  # Started anew, it may have given the same number to another transaction.
            raise self._unknown()
        return bool(status == "committed")

    def _ask(self, name: str, **parameters: Any) -> Row | None:
        statement = statements()[name]
        return self._tx.connection.execute(statement.sql, statement.bind(parameters)).fetchone()

    def _unknown(self) -> Unavailable:
        return Unavailable(
            f"{self._where}: the connection was lost during a commit. Whether it was done is not known: look before "
            "you do it again; an append of the same messages may be repeated safely"
        )
