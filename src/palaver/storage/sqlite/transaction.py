"""Transactions on SQLite: named queries on one connection, and what a commit brings with it."""

from collections.abc import Iterator
from typing import Any

import apsw

from palaver.storage import queries
from palaver.storage.search import following
from palaver.storage.sqlite.index import Fts5Index
from palaver.storage.transaction import Known, Row
from palaver.storage.wall import Walled
from palaver.storage.writing import WriteState

_UNKNOWN = -1


class ReadTransaction(Walled):
    """A connection that reads for one actor; everything between `BEGIN` and `END` sees one state."""

    __slots__ = ("_cursor", "_sql", "connection", "known_sessions")

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
        sql, bind, rule = self._sql[name]
        if rule.check is not None:
            rule.check(self, parameters)
        return self._cursor.execute(sql, bind(parameters)).fetchall()

    def row(self, name: str, /, **parameters: Any) -> Row | None:
        # All of them are fetched, so that no statement stays open over the end of the transaction.
        sql, bind, rule = self._sql[name]
        if rule.check is not None:
            rule.check(self, parameters)
        found = self._cursor.execute(sql, bind(parameters)).fetchall()
        return found[0] if found else None

    def iterate(self, name: str, /, **parameters: Any) -> Iterator[Row]:
        sql, bind, rule = self._sql[name]
        if rule.check is not None:
            rule.check(self, parameters)
        return iter(self.connection.cursor().execute(sql, bind(parameters)))

    def run(self, name: str, /, **parameters: Any) -> None:
        sql, bind, rule = self._sql[name]
        if rule.check is not None:
            rule.check(self, parameters)
        self._cursor.execute(sql, bind(parameters))

    def put(self, name: str, values: Row, /) -> None:
        """Run a statement with values in the order in which it names them."""
        query = self._sql[name]
        self.check_values(name, query.rule, values)
        self._cursor.execute(query.sql, values)

    def insert(self, name: str, values: Row, /) -> bool:
        """The same for a statement that does nothing on a conflict; False where it did nothing."""
        query = self._sql[name]
        self.check_values(name, query.rule, values)
        self._cursor.execute(query.sql, values)
        return self.connection.changes() > 0

    def run_many(self, name: str, /, parameters: list[dict[str, Any]]) -> None:
        sql, bind, rule = self._sql[name]
        if rule.check is not None:
            for each in parameters:
                rule.check(self, each)
        self._cursor.executemany(sql, map(bind, parameters))

    def index(self) -> Fts5Index:
        return Fts5Index(self)


class WriteTransaction(WriteState, ReadTransaction):
    """The writer's transaction. It is entered and left by each verb that shares the commit."""

    def __init__(self, connection: apsw.Connection, *, auto_title: bool, max_sessions: int | None) -> None:
        WriteState.__init__(self, auto_title=auto_title, max_sessions=max_sessions)
        ReadTransaction.__init__(self, connection)
        self._insert_change = self._sql["insert_change"].sql
        self._version = _UNKNOWN  # The database's after our last commit.

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

    def mark(self, kind: int, ref: int, detail: bytes | None = None) -> int:
        self.check_mark(ref)
        self._last += 1
        self._cursor.execute(self._insert_change, (self._last, kind, ref, detail))
        return self._last

    def unindex(self, mark: int, columns: tuple[str, str, str, str]) -> None:
        with self.by_itself():
            following.unindex(self, mark, columns)

    def move_indexed(self, session: int, source: int, target: int) -> None:
        """Nothing: FTS5 does not know of projects."""
