"""Connections that read: each is used by one thread at a time, and none waits for the writer."""

import threading
from collections.abc import Callable

import apsw

from palaver.errors import Corrupt, Unavailable
from palaver.storage.readers import Reading
from palaver.storage.sqlite import faults, relevance
from palaver.storage.sqlite.transaction import ReadTransaction

MAX_IDLE = 8


class Readers:
    """A stack of idle connections; more are opened when all are in use. `damaged` is told what a read found broken."""

    def __init__(
        self, connect: Callable[[], apsw.Connection], where: str, damaged: Callable[[Corrupt], None]
    ) -> None:
        self._connect = connect
        self._where = where
        self._damaged = damaged
        self._translated = faults.translated(where, known=True)
        self._mutex = threading.Lock()
        self._idle: list[ReadTransaction] = []
        self._closed = False

    def read(self, actor: str) -> Reading[ReadTransaction]:
        """`with readers.read(actor) as tx:` sees one consistent state of the database for an actor."""
        return Reading(self, actor)

    def begin(self, actor: str) -> ReadTransaction:
        tx = self._take()
        try:
            tx.actor = actor
            tx.begin()
        except BaseException as exc:
            self._give_back(tx)
            self._raise(exc)
            raise
        return tx

    def end(self, tx: ReadTransaction, exc: BaseException | None) -> None:
        """Raises in the house's words what ended the reading early, where it has any for it."""
        try:
            tx.end()
        except apsw.Error as failed:
            exc = failed
        finally:
            self._give_back(tx)
        if exc is not None:
            self._raise(exc)

    def _raise(self, exc: BaseException) -> None:
        try:
            with self._translated:
                raise exc
        except Corrupt as found:
            self._damaged(found)
            raise

    def close(self) -> None:
        with self._mutex:
            self._closed = True
            idle, self._idle = self._idle, []
        for tx in idle:
            tx.connection.close()

    def _take(self) -> ReadTransaction:
        with self._mutex:
            if self._closed:
                raise Unavailable(f"{self._where} is closed")
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        relevance.prepare(connection)
        return ReadTransaction(connection)

    def _give_back(self, tx: ReadTransaction) -> None:
        with self._mutex:
            if not self._closed and len(self._idle) < MAX_IDLE:
                self._idle.append(tx)
                return
        tx.connection.close()
