"""Transactions on SQLite: named queries on one connection, and what a commit brings with it."""

import time
from collections.abc import Iterator
from typing import Any

import apsw

from palaver.errors import Corrupt
from palaver.storage import queries
from palaver.storage.search import following
from palaver.storage.sqlite.index import Fts5Index
from palaver.storage.transaction import Known, Row

_UNKNOWN = -1
_MAX_PLACES = 256


class ReadTransaction:
    """A connection that reads for one actor; everything between `BEGIN` and `END` sees one state."""

    __slots__ = ("_cursor", "_sql", "actor", "connection", "known_sessions")

    def __init__(self, connection: apsw.Connection, actor: str = "") -> None:
        self.connection = connection
        self.actor = actor
        self.known_sessions: Known = {}
        self._sql = queries.numbered("sqlite")
        self._cursor = connection.cursor()

    def begin(self) -> None:
        self._cursor.execute("BEGIN")

    def end(self) -> None:
        if self.connection.in_transaction:
            try:
                self._cursor.execute("END")
            except apsw.Error:
                # A statement that failed says so once more when its cursor is used again. After an error of the disk
                # SQLite may have ended the transaction by itself.
                self._cursor = self.connection.cursor()
                if self.connection.in_transaction:
                    self._cursor.execute("END")

    def rows(self, name: str, /, **parameters: Any) -> list[Row]:
        sql, bind = self._sql[name]
        return self._cursor.execute(sql, bind(parameters)).fetchall()

    def row(self, name: str, /, **parameters: Any) -> Row | None:
        # All of them are fetched, so that no statement stays open over the end of the transaction.
        sql, bind = self._sql[name]
        found = self._cursor.execute(sql, bind(parameters)).fetchall()
        return found[0] if found else None

    def iterate(self, name: str, /, **parameters: Any) -> Iterator[Row]:
        sql, bind = self._sql[name]
        return iter(self.connection.cursor().execute(sql, bind(parameters)))

    def run(self, name: str, /, **parameters: Any) -> None:
        sql, bind = self._sql[name]
        self._cursor.execute(sql, bind(parameters))

    def put(self, name: str, values: Row, /) -> None:
        """Run a statement with values in the order in which it names them."""
        self._cursor.execute(self._sql[name].sql, values)

    def insert(self, name: str, values: Row, /) -> bool:
        """The same for a statement that does nothing on a conflict; False where it did nothing."""
        self._cursor.execute(self._sql[name].sql, values)
        return self.connection.changes() > 0

    def run_many(self, name: str, /, parameters: list[dict[str, Any]]) -> None:
        sql, bind = self._sql[name]
        self._cursor.executemany(sql, map(bind, parameters))

    def index(self) -> Fts5Index:
        return Fts5Index(self)


class Effects:
    """What is to be done after the commit: mirrors to write, content to scrub."""

    __slots__ = ("forgotten", "scrub", "touched")

    def __init__(self) -> None:
        self.touched: dict[str, None] = {}
        self.forgotten: dict[str, None] = {}
        self.scrub = False


class WriteTransaction(ReadTransaction):
    """The writer's transaction. It is entered and left by each verb that shares the commit."""

    __slots__ = (
        "_effects",
        "_insert_change",
        "_kept",
        "_last",
        "_latest",
        "_places",
        "_safe",
        "_version",
        "auto_title",
        "max_sessions",
        "now",
    )

    def __init__(self, connection: apsw.Connection, *, auto_title: bool, max_sessions: int | None) -> None:
        super().__init__(connection)
        self.auto_title = auto_title
        self.max_sessions = max_sessions
        self.now = 0
        self._last = 0  # The number of the newest change.
        self._safe = 0  # The same before the verb that is running.
        self._latest = 0  # The greatest content time given out, in microseconds.
        self._effects = Effects()
        self._insert_change = self._sql["insert_change"].sql
        self._places: dict[str, tuple[str, Any]] = {}
        self._kept = False
        self._version = _UNKNOWN  # The database's after our last commit.

    @property
    def last(self) -> int:
        """The number of the newest change this process has seen."""
        return self._last

    def begin(self) -> None:
        if self.connection.data_version() == self._version:
            return  # Nobody else has written since.
        self._places.clear()
        found: list[Row] = self._cursor.execute(self._sql["last_change"].sql).fetchall()
        self._last = found[0][0]

    def committed(self) -> None:
        self._version = self.connection.data_version()

    def rolled_back(self) -> None:
        """What was remembered of the transaction did not happen."""
        self._version = _UNKNOWN

    def enter(self, actor: str) -> None:
        self.actor = actor
        self.now = time.time_ns() // 1_000_000
        self._safe = self._last
        self._effects = Effects()
        self._kept = False

    def leave(self) -> Effects:
        if not self._kept:
            self._places.clear()
        return self._effects

    def undo(self) -> None:
        """The verb was rolled back: its numbers are free again."""
        self._last = self._safe
        self._places.clear()

    def end(self) -> None:
        self.actor = ""

    def content_time(self) -> int:
        # Microseconds, so that no two sessions tie and a fast import does not run ahead of the clock.
        self._latest = max(time.time_ns() // 1000, self._latest + 1)
        return self._latest

    def set_latest(self, microseconds: int) -> None:
        """What stands in the database already: a clock that was set back does not put new content behind old."""
        if not isinstance(microseconds, int):
            raise Corrupt(
                f"the time of the newest session is no number but {microseconds!r:.40}", where="session"
            )
        self._latest = max(self._latest, microseconds)

    def mark(self, kind: int, ref: int, detail: bytes | None = None) -> int:
        self._last += 1
        self._cursor.execute(self._insert_change, (self._last, kind, ref, detail))
        return self._last

    def keep(self, session_id: str, place: Any) -> None:
        """Remember where the next message of the session goes, until a verb ends that keeps nothing.

        The id is in its canonical form, so that a session is kept once, whoever wrote to it last.
        """
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        self._places[session_id] = self.actor, place
        self._kept = True

    def recall(self, session_id: str) -> Any:
        """What was kept for this actor; None where anything else has been written since. It is no longer kept."""
        actor, place = self._places.pop(session_id, ("", None))
        return place if actor == self.actor else None

    def touch(self, session_id: str) -> None:
        self._effects.touched[session_id] = None
        self._effects.forgotten.pop(session_id, None)

    def forget(self, session_id: str) -> None:
        self._effects.forgotten[session_id] = None
        self._effects.touched.pop(session_id, None)

    def scrub(self) -> None:
        self._effects.scrub = True

    def unindex(self, mark: int, columns: tuple[str, str, str, str]) -> None:
        following.unindex(self, mark, columns)
