"""Other processes' commits: a connection of its own on which the server tells of them."""

import logging
import threading
from collections.abc import Callable

import psycopg

from palaver.errors import PalaverError
from palaver.storage.postgres.connection import Connection
from palaver.storage.postgres.statements import statements

_LOOK_SECONDS = 0.5
_AGAIN_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Notices:
    """A thread that calls `told` after each commit of any process. While the server is away it tries again."""

    def __init__(self, connect: Callable[[], Connection], told: Callable[[], None]) -> None:
        self._connect = connect
        self._told = told
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def start(self) -> None:
        """Begin, if it has not yet."""
        with self._mutex:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="palaver-notices", daemon=True)
                self._thread.start()

    def close(self) -> None:
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with self._connect() as connection:
                    self._follow(connection)
            except (psycopg.Error, PalaverError) as exc:
                _log.warning("commits of other processes are looked for every while only: %s", exc)
                self._closed.wait(_AGAIN_SECONDS)

    def _follow(self, connection: Connection) -> None:
        connection.execute(statements()["listen"].sql)
        self._told()  # of what was committed before it listened
        while not self._closed.is_set():
            for _ in connection.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                self._told()
