"""Writing the full-text index beside the writer, on a connection of its own."""

from collections.abc import Callable
from typing import TypeVar

from palaver.storage.postgres import faults
from palaver.storage.postgres.connection import Connection, is_alive
from palaver.storage.postgres.transaction import IndexTransaction
from palaver.store import SYSTEM_ACTOR

T = TypeVar("T")


class Indexing:
    """Of one thread at a time. The connection is made when it is first needed, and again when it was lost."""

    def __init__(self, connect: Callable[[], Connection], where: str) -> None:
        self._connect = connect
        self._translated = faults.translated(where)
        self._tx: IndexTransaction | None = None

    def run(self, work: Callable[[IndexTransaction], T]) -> T:
        """What the work returns, once it is committed."""
        with self._translated:
            tx = self._begin()
            try:
                result = work(tx)
                tx.end()
            except BaseException:
                self.close()  # The server rolls back what nobody can go on with.
                raise
            return result

    def close(self) -> None:
        if self._tx is not None:
            self._tx.connection.close()
            self._tx = None

    def _begin(self) -> IndexTransaction:
        if self._tx is None or not is_alive(self._tx.connection):
            self.close()
            self._tx = IndexTransaction(self._connect(), SYSTEM_ACTOR)
        self._tx.begin()
        return self._tx
