"""Plain apsw: one row per message and an index, WAL, `synchronous=FULL`, a connection for each thread."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import apsw

from bench.peers.base import Peer

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
  id INTEGER PRIMARY KEY, session TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS message_session ON message (session, id);
"""
_INSERT = "INSERT INTO message (session, role, content, created_at) VALUES (?, 'user', ?, ?)"


class ApswRows(Peer):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._local = threading.local()
        self._connection().execute(_SCHEMA)

    def _connection(self) -> apsw.Connection:
        found: apsw.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = apsw.Connection(str(self.folder / "rows.db"))
            found.set_busy_timeout(30_000)
            found.pragma("journal_mode", "wal")
            found.pragma("synchronous", "full")
        return found

    def open_session(self, name: str, history: Sequence[str]) -> None:
        connection = self._connection()
        with connection:
            connection.executemany(_INSERT, [(name, text, time.time()) for text in history])

    def append(self, name: str, text: str) -> None:
        self._connection().execute(_INSERT, (name, text, time.time()))

    def describe(self) -> str:
        connection = self._connection()
        return f"journal_mode={connection.pragma('journal_mode')}, synchronous={connection.pragma('synchronous')}"


def open_peer(folder: Path) -> Peer:
    return ApswRows(folder)
