"""Transactions on PostgreSQL: named queries on one connection, and what a commit brings with it."""

import select
from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import Error, RawCursor, RawServerCursor, errors
from psycopg.pq import Format, TransactionStatus

from palaver.storage.postgres.appended import Appended
from palaver.storage.postgres.connection import Connection, is_alive
from palaver.storage.postgres.index import VectorIndex
from palaver.storage.postgres.statements import Statement, body_text, statements
from palaver.storage.search import following
from palaver.storage.transaction import Known, Row
from palaver.storage.wall import Walled
from palaver.storage.writing import WriteState

_FETCHED = 100
_ANSWER_SECONDS = 5.0


class ReadTransaction(Walled):
    """A connection that reads for one actor; everything between `begin` and `end` sees one state."""

    def __init__(self, connection: Connection, actor: str = "") -> None:
        self.actor = actor
        self.known_sessions: Known = {}
        self._sql = statements()
        self._opened = 0
        self._iterating: list[RawServerCursor[Row]] = []
        self.attach(connection)

    def attach(self, connection: Connection) -> None:
        self.connection = connection
        self._is_begun = True  # Until `begin` says otherwise each query is by itself.
        self._is_ending = False
        self._control: RawCursor[Row] = RawCursor(connection)
        self._cursor: RawCursor[Row] = RawCursor(connection)
        self._cursor.format = Format.BINARY

    def begin(self) -> None:
        """It begins together with its first query, in one trip to the server."""
        self._is_begun = False

    def end(self) -> None:
        """Nobody waits for the answer: `settle` takes it up before the connection is used again."""
        self.leave_iterations()
        if self.is_open():
            self.connection.pgconn.send_query(self._sql["commit"].sql)
            self._is_ending = True

    def settle(self) -> bool:
        """Whether the connection is free and alive."""
        pgconn = self.connection.pgconn
        if self._is_ending:
            self._is_ending = False
            while pgconn.is_busy():
                if not select.select([pgconn.socket], [], [], _ANSWER_SECONDS)[0]:
                    return False
                pgconn.consume_input()
            while pgconn.get_result() is not None:
                pass
        return pgconn.transaction_status == TransactionStatus.IDLE and is_alive(self.connection)

    def is_open(self) -> bool:
        return (
            not self.connection.closed and self.connection.pgconn.transaction_status != TransactionStatus.IDLE
        )

    def rows(self, name: str, /, **parameters: Any) -> list[Row]:
        statement = self._find(name, parameters)
        return self._execute(statement, statement.bind(parameters)).fetchall()

    def row(self, name: str, /, **parameters: Any) -> Row | None:
        statement = self._find(name, parameters)
        return self._execute(statement, statement.bind(parameters)).fetchone()

    def iterate(self, name: str, /, **parameters: Any) -> Iterator[Row]:
        """In bounded memory, and beside other queries."""
        statement = self._find(name, parameters)
        self._prepare()
        self._opened += 1
        cursor: RawServerCursor[Row] = RawServerCursor(self.connection, f"c{self._opened}")
        self._iterating.append(cursor)
        try:
            cursor.itersize = _FETCHED
            cursor.execute(statement.sql, statement.bind(parameters), binary=True)
            for row in cursor:  # noqa: UP028 (`yield from` would hand the end of this generator on to the cursor)
                yield row
        finally:
            _close(cursor)
            self._iterating.remove(cursor)

    def leave_iterations(self) -> None:
        """Called at each end: an iterator that somebody still holds must not close its cursor in a later transaction."""
        for cursor in self._iterating:
            _close(cursor)

    def run(self, name: str, /, **parameters: Any) -> None:
        statement = self._find(name, parameters)
        self._execute(statement, statement.bind(parameters))

    def run_many(self, name: str, /, parameters: list[dict[str, Any]]) -> None:
        statement = self._sql[name]
        if statement.rule.check is not None:
            for each in parameters:
                statement.rule.check(self, each)
        self._prepare()
        self._cursor.executemany(statement.sql, map(statement.bind, parameters))

    def index(self) -> VectorIndex:
        return VectorIndex(self)

    def _find(self, name: str, parameters: dict[str, Any]) -> Statement:
        statement = self._sql[name]
        if statement.rule.check is not None:
            statement.rule.check(self, parameters)
        return statement

    def _execute(self, statement: Statement, values: Row) -> RawCursor[Row]:
        if self._is_begun:
            return self._cursor.execute(statement.sql, values)
        self._is_begun = True
        with self.connection.pipeline():
            self._control.execute(self._sql["begin_read"].sql)
            self._cursor.execute(statement.sql, values)
        return self._cursor

    def _prepare(self) -> None:
        """Called before what is more than one statement."""
        if not self._is_begun:
            self._is_begun = True
            self._control.execute(self._sql["begin_read"].sql)


def _close(cursor: RawServerCursor[Row]) -> None:
    """Of a lost connection too: what it had to give was taken, and whoever uses the connection next is told."""
    try:
        cursor.close()
    except Error:
        cursor.connection.close()
        cursor.close()


class Outdated(Exception):
    """Somebody else has written since, or an id is taken: what was done so far is to be done again, step by step."""


class WriteTransaction(WriteState, ReadTransaction):
    """The writer's transaction. It is entered and left by each verb that shares the commit.

    What appends leave behind is kept until something is read or the commit comes, and then goes in one statement. It
    begins with the first statement. So appends to sessions at hand are that one statement and nothing else; where
    somebody else has written meanwhile, or a message is there already, they are `Outdated`.
    """

    def __init__(self, connection: Connection, *, auto_title: bool, max_sessions: int | None) -> None:
        WriteState.__init__(self, auto_title=auto_title, max_sessions=max_sessions)
        ReadTransaction.__init__(self, connection)
        self.begun = Begun("", "")
        # Ref and id of the last message: by these a commit can be recognised.
        self.written: tuple[int, bytes] | None = None
        self._written_before: tuple[int, bytes] | None = None
        self._appended = Appended(self._sql["write_appends"])
        self._epoch = 0
        self.newest = 0  # The number of the newest change this process has committed.
        self._known = -1  # The number of the newest change of all, as far as known.
        self._alone = True  # Nobody else wrote between our last commits.
        self._guessing = False
        self._careful = False

    def begin(self) -> None:
        """The next statement begins it."""
        self._is_begun = self._guessing = self._careful = False
        self.written = None
        self._appended.clear()

    def commit(self) -> None:
        self.leave_iterations()
        if not self._is_begun:
            self.flush()
            return
        self.flush()
        if self._last == self._known:
            self._cursor.execute(self._sql["count_epoch"].sql)
            self._epoch += 1
        self._cursor.execute(self._sql["commit"].sql)

    def committed(self) -> None:
        self._known = self.newest = self._last

    def roll_back(self) -> None:
        self.leave_iterations()
        self._cursor.execute(self._sql["rollback"].sql)

    def rolled_back(self) -> None:
        """What was remembered of the transaction did not happen."""
        self._known = -1
        self._places.clear()
        self._appended.clear()

    def set_savepoint(self) -> None:
        """From here on each statement is run where it stands."""
        self._careful = True
        self._written_before = self.written
        self.run("savepoint")

    def undo_to_savepoint(self) -> None:
        self.written = self._written_before
        self._appended.clear()
        self.run("savepoint_undo")
        self.run("savepoint_release")

    def release_savepoint(self) -> None:
        self.run("savepoint_release")

    def flush(self) -> None:
        """Write what appends have left behind so far. Raises `Outdated`."""
        if not self._appended:
            return
        try:
            self._cursor.execute(self._appended.statement.sql, self._appended.values(self._epoch))
        except (errors.UniqueViolation, errors.DivisionByZero) as exc:
            if self._careful:
                raise
            self._alone = False
            raise Outdated from exc
        self._appended.clear()

    def put(self, name: str, values: Row, /) -> None:
        self.check_values(name, self._sql[name].rule, values)
        if name == "advance_session":
            self._appended.sessions[values[-1]] = values
        else:
            self._execute(self._sql[name], values)

    def insert(self, name: str, values: Row, /) -> bool:
        self.check_values(name, self._sql[name].rule, values)
        row = (*values[:-1], body_text(values[-1]))
        if not self._careful:
            self._appended.messages.append(row)
        elif self._execute(self._sql[name], row).rowcount == 0:
            return False
        self.written = values[0], values[1]
        return True

    @property
    def last(self) -> int:
        if not self._is_begun and not self._guessing:
            self._start()
        return self._last

    def mark(self, kind: int, ref: int, detail: bytes | None = None) -> int:
        self.check_mark(ref)
        self._last = self.last + 1
        self._appended.changes.append((self._last, kind, ref, detail))
        return self._last

    def recall(self, session_id: str) -> Any:
        """Where others write, too, it is looked first whether they have: else most guesses would be wrong."""
        if not self._alone and not self._is_begun:
            self._start()
        place = super().recall(session_id)
        if place is not None and not self._is_begun:
            self._guessing = True
        return place

    def row(self, name: str, /, **parameters: Any) -> Row | None:
        if name != "find_session_with_head" or not self._is_begun:
            return super().row(name, **parameters)
        # Of all that is not written yet it tells of the session alone.
        statement = self._find(name, parameters)
        found = self._cursor.execute(statement.sql, statement.bind(parameters)).fetchone()
        if found is None or found[0] not in self._appended.sessions:
            return found
        return super().row(name, **parameters)

    def unindex(self, mark: int, columns: tuple[str, str, str, str]) -> None:
        with self.by_itself():
            following.unindex(self, mark, columns)

    def move_indexed(self, session: int, source: int, target: int) -> None:
        with self.by_itself():
            self.index().move(session, source, target)

    def _execute(self, statement: Statement, values: Row) -> RawCursor[Row]:
        self._prepare()
        return self._cursor.execute(statement.sql, values)

    def _prepare(self) -> None:
        if not self._is_begun:
            self._start()
        self.flush()

    def _start(self) -> None:
        self._cursor.execute(self._sql["begin_write"].sql, prepare=False, binary=False)
        while self._cursor.nextset():
            pass
        last, epoch, *begun = self._cursor.fetchone() or (0, 0, "", "")
        self._is_begun = True
        self.begun = Begun(*begun)
        self._alone = (last, epoch) == (self._known, self._epoch)
        if not self._alone:
            if self._guessing:
                raise Outdated
            self._places.clear()
            self._known, self._epoch = last, epoch
            self._last = self._safe = last


class Begun(NamedTuple):
    """A transaction's number, as the server counts, and when that server was started."""

    number: str
    started: str


class IndexTransaction(ReadTransaction):
    """Changes the full-text index and nothing else: it waits for nobody who writes."""

    def begin(self) -> None:
        self.run("begin")

    def end(self) -> None:
        self.leave_iterations()
        if self.is_open():
            self.run("commit")
