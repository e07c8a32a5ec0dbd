"""Connections that read: each is used by one thread at a time, and none waits for the writer."""

import threading
from collections.abc import Callable

import psycopg

from palaver.errors import Busy, Unavailable
from palaver.storage.postgres import faults
from palaver.storage.postgres.connection import Connection
from palaver.storage.postgres.transaction import ReadTransaction
from palaver.storage.readers import Reading

MOST = 16
"""Connections at once. Whoever finds all in use waits for one."""

_WAIT_SECONDS = 30.0


class Readers:
    """A stack of idle connections; more are opened when all are in use, up to `MOST`.

    Not `psycopg_pool`: who finds the server away is to be told so at once, and not when a pool has tried for long.
    """

    def __init__(self, connect: Callable[[], Connection], where: str, *, most: int = MOST) -> None:
        self._connect = connect
        self._where = where
        self._translated = faults.translated(where)
        self._mutex = threading.Lock()
        self._free = threading.BoundedSemaphore(most)
        self._idle: list[ReadTransaction] = []
        self._closed = False

    def read(self, actor: str) -> Reading[ReadTransaction]:
        """`with readers.read(actor) as tx:` sees one consistent state of the database for an actor."""
        return Reading(self, actor)

    def begin(self, actor: str) -> ReadTransaction:
        tx = self._take()
        tx.actor = actor
        tx.begin()
        return tx

    def end(self, tx: ReadTransaction, exc: BaseException | None) -> None:
        """Raises in the house's words what ended the reading early, where it has any for it."""
        try:
            tx.end()
        except psycopg.Error as failed:
            exc = exc or failed
            tx.connection.close()
        finally:
            self._give_back(tx)
        if exc is not None:
            with self._translated:
                raise exc

    def close(self) -> None:
        with self._mutex:
            self._closed = True
            idle, self._idle = self._idle, []
        for tx in idle:
            tx.connection.close()

    def _take(self) -> ReadTransaction:
        if not self._free.acquire(timeout=_WAIT_SECONDS):
            raise Busy(f"{self._where}: all connections have been reading for {_WAIT_SECONDS:g} s; try again")
        try:
            return self._take_idle() or ReadTransaction(self._connect())
        except BaseException:
            self._free.release()
            raise

    def _take_idle(self) -> ReadTransaction | None:
        while True:
            with self._mutex:
                if self._closed:
                    raise Unavailable(f"{self._where} is closed")
                tx = self._idle.pop() if self._idle else None
            if tx is None or tx.settle():
                return tx
            tx.connection.close()

    def _give_back(self, tx: ReadTransaction) -> None:
        kept = False
        if not tx.connection.closed:
            with self._mutex:
                kept = not self._closed
                if kept:
                    self._idle.append(tx)
        if not kept:
            tx.connection.close()
        self._free.release()
