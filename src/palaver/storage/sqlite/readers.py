"""Connections that read: each is used by one thread at a time, and none waits for the writer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apsw

from palaver.errors import Unavailable
from palaver.storage.sqlite import faults, search
from palaver.storage.sqlite.transaction import ReadTransaction

MAX_IDLE = 8


class Readers:
    """A stack of idle connections; more are opened when all are in use."""

    def __init__(self, connect: Callable[[], apsw.Connection], where: str) -> None:
        self._connect = connect
        self._where = where
        self._translated = faults.translated(where, known=True)
        self._mutex = threading.Lock()
        self._idle: list[ReadTransaction] = []
        self._closed = False

    @contextmanager
    def read(self, actor: str) -> Iterator[ReadTransaction]:
        """One consistent state of the database for an actor."""
        tx = self._take()
        try:
            with self._translated:
                tx.actor = actor
                tx.begin()
                try:
                    yield tx
                finally:
                    tx.end()
        finally:
            self._give_back(tx)

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
        search.prepare(connection)
        return ReadTransaction(connection)

    def _give_back(self, tx: ReadTransaction) -> None:
        with self._mutex:
            if not self._closed and len(self._idle) < MAX_IDLE:
                self._idle.append(tx)
                return
        tx.connection.close()
