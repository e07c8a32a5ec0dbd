"""Transactions on PostgreSQL: named queries on one connection, and what a commit brings with it."""

from collections.abc import Iterator
from typing import Any

from psycopg import RawCursor, RawServerCursor
from psycopg.pq import Format, TransactionStatus

from palaver.storage.postgres.connection import Connection
from palaver.storage.postgres.index import VectorIndex
from palaver.storage.postgres.statements import Statement, body_text, statements
from palaver.storage.search import following
from palaver.storage.transaction import Known, Row
from palaver.storage.writing import WriteState

_FETCHED = 500


class ReadTransaction:
    """A connection that reads for one actor; everything between `begin` and `end` sees one state."""

    def __init__(self, connection: Connection, actor: str = "") -> None:
        self.actor = actor
        self.known_sessions: Known = {}
        self._sql = statements()
        self._open = 0
        self.attach(connection)

    def attach(self, connection: Connection) -> None:
        self.connection = connection
        self._cursor: RawCursor[Row] = RawCursor(connection)
        self._cursor.format = Format.BINARY

    def begin(self) -> None:
        self._cursor.execute(self._sql["begin_read"].sql)

    def end(self) -> None:
        if self.is_open():
            self._cursor.execute(self._sql["commit"].sql)

    def is_open(self) -> bool:
        return (
            not self.connection.closed and self.connection.pgconn.transaction_status != TransactionStatus.IDLE
        )

    def rows(self, name: str, /, **parameters: Any) -> list[Row]:
        statement = self._sql[name]
        return self._execute(statement, statement.bind(parameters)).fetchall()

    def row(self, name: str, /, **parameters: Any) -> Row | None:
        statement = self._sql[name]
        return self._execute(statement, statement.bind(parameters)).fetchone()

    def iterate(self, name: str, /, **parameters: Any) -> Iterator[Row]:
        """In bounded memory, and beside other queries."""
        statement = self._sql[name]
        self._prepare()
        self._open += 1
        with RawServerCursor(self.connection, f"c{self._open}") as cursor:
            cursor.itersize = _FETCHED
            cursor.execute(statement.sql, statement.bind(parameters), binary=True)
            yield from cursor

    def run(self, name: str, /, **parameters: Any) -> None:
        statement = self._sql[name]
        self._execute(statement, statement.bind(parameters))

    def run_many(self, name: str, /, parameters: list[dict[str, Any]]) -> None:
        statement = self._sql[name]
        self._prepare()
        self._cursor.executemany(statement.sql, map(statement.bind, parameters))

    def index(self) -> VectorIndex:
        return VectorIndex(self)

    def _execute(self, statement: Statement, values: Row) -> RawCursor[Row]:
        self._prepare()
        return self._cursor.execute(statement.sql, values)

    def _prepare(self) -> None:
        """Called before every statement."""


class WriteTransaction(WriteState, ReadTransaction):
    """The writer's transaction. It is entered and left by each verb that shares the commit."""

    def __init__(self, connection: Connection, *, auto_title: bool, max_sessions: int | None) -> None:
        WriteState.__init__(self, auto_title=auto_title, max_sessions=max_sessions)
        ReadTransaction.__init__(self, connection)
        self._version: Row = ()
        self.number = ""  # The transaction's, as the server counts, and when that server was started.
        self.started = ""

    def begin(self) -> None:
        self._cursor.execute(self._sql["begin_write"].sql, prepare=False, binary=False)
        while self._cursor.nextset():
            pass
        last, epoch, self.number, self.started = self._cursor.fetchone() or (0, 0, "", "")
        if (last, epoch) != self._version:
            self._places.clear()
        self._last = int(last)

    def commit(self) -> None:
        self._cursor.execute(self._sql["commit"].sql)

    def roll_back(self) -> None:
        self._cursor.execute(self._sql["rollback"].sql)

    def rolled_back(self) -> None:
        """What was remembered of the transaction did not happen."""
        self._version = ()

    def put(self, name: str, values: Row, /) -> None:
        self._execute(self._sql[name], values)

    def insert(self, name: str, values: Row, /) -> bool:
        return self._execute(self._sql[name], (*values[:-1], body_text(values[-1]))).rowcount > 0

    def mark(self, kind: int, ref: int, detail: bytes | None = None) -> int:
        self._last += 1
        self._execute(self._sql["insert_change"], (self._last, kind, ref, detail))
        return self._last

    def unindex(self, mark: int, columns: tuple[str, str, str, str]) -> None:
        following.unindex(self, mark, columns)

    def move_indexed(self, session: int, source: int, target: int) -> None:
        self.index().move(session, source, target)


class IndexTransaction(ReadTransaction):
    """Changes the full-text index and nothing else: it waits for nobody who writes."""

    def begin(self) -> None:
        self.run("begin")
