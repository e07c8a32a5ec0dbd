"""Making the database, and bringing an older one up to date."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from palaver import ids
from palaver.errors import Corrupt, Unavailable
from palaver.folders import make_folder
from palaver.storage import migrate, queries
from palaver.storage.migrate import Applied, Migration
from palaver.storage.sqlite import cipher, copies, faults, place, temporary
from palaver.storage.sqlite.connection import connect
from palaver.storage.sqlite.inspection import APPLICATION_ID, beside, inspect, peek, real

_SQL = queries.load("sqlite")


def prepare(path: Path, key: cipher.Key | None, *, migrations: Sequence[Migration] | None = None) -> None:
    """See to it that `path` is a database of this version: made if absent or empty, migrated if older.

    A backup is made before an existing one is migrated. Raises as `connection.connect` does, `Unavailable` for a newer
    one, and `Corrupt` where what it is cannot be told any more.
    """
    known = migrate.load("sqlite") if migrations is None else migrations
    path = real(path)
    place.check(path)
    with faults.translated(str(path)):
        if not inspect(path, key, new=True):
            _create(path, key, known)
        _refuse_newer(path, key, known)
        if beside(
            path, "-journal"
        ).exists():  # of another program that was killed: only who writes can undo its half
            connect(path, key, mode="write").close()
        with closing(connect(path, key, mode="read")) as connection:
            left = migrate.pending(applied(connection), known, str(path))
        if left:
            copies.backup(path, key)
            with closing(connect(path, key, mode="write")) as connection:
                _upgrade(connection, str(path), known)


def check(connection: apsw.Connection, where: str, migrations: Sequence[Migration] | None = None) -> None:
    """Raise `Unavailable` or `Corrupt` unless the database is of exactly this version: for those who only read."""
    known = migrate.load("sqlite") if migrations is None else migrations
    left = migrate.pending(applied(connection), known, where)
    if left:
        raise Unavailable(
            f"{where} was written by an older Palaver (schema {left[0].number - 1}, this one needs {left[-1].number}): "
            "open it once for writing"
        )


def can_be_read(connection: apsw.Connection) -> bool:
    """Whether SQLite understands which tables there are; else it reads none of them."""
    try:
        connection.execute(_SQL["ledger_exists"])
    except apsw.Error:
        return False
    return True


def applied(connection: apsw.Connection) -> list[Applied]:
    """The ledger."""
    if not connection.execute(_SQL["ledger_exists"]).get:
        return []
    try:
        return [Applied(*row) for row in connection.execute(_SQL["ledger_rows"])]
    except apsw.SQLError as exc:  # its own words are known to be right
        raise apsw.CorruptError(f"the table of migrations is damaged: {exc}") from exc


def _refuse_newer(path: Path, key: cipher.Key | None, known: Sequence[Migration]) -> None:
    # Before a connection that shares the file with others is opened: a newer database is left as it is, with its folder.
    with closing(peek(path, key)) as connection:
        try:
            migrate.pending(applied(connection), known, str(path))
        except (apsw.Error, UnicodeDecodeError, Corrupt):
            return  # it is being written to, or damaged: the next connection tells


def _upgrade(connection: apsw.Connection, where: str, known: Sequence[Migration]) -> None:
    """Run what is pending. Another process may be doing the same: each step is looked for again under its lock."""
    connection.pragma(
        "foreign_keys", 0
    )  # a table that is rebuilt is missing for a moment; checked before the commit
    while True:
        with _transaction(connection, "begin_immediate"):
            left = migrate.pending(applied(connection), known, where)
            if not left:
                return
            _run(connection, left[0])


def _create(path: Path, key: cipher.Key | None, known: Sequence[Migration]) -> None:
    make_folder(path.parent, 0o700)
    with temporary.new_file(path.parent) as made:
        with closing(connect(made, key, mode="create")) as connection:
            with _transaction(connection, "begin_exclusive"):
                connection.pragma("application_id", APPLICATION_ID)
                for migration in known:
                    _run(connection, migration)
                connection.execute(_SQL["store_add"], {"id": ids.new_bytes(), "now": _now()})
            connection.pragma("journal_mode", "wal")
        temporary.take_empty(made, path)


def _run(connection: apsw.Connection, migration: Migration) -> None:
    connection.execute(_SQL["ledger_create"])
    connection.execute(migration.sql)
    row = {"number": migration.number, "name": migration.name, "digest": migration.digest, "now": _now()}
    connection.execute(_SQL["ledger_add"], row)
    broken = connection.pragma("foreign_key_check")
    if broken:
        raise AssertionError(f"migration {migration.number} leaves rows that refer to nothing: {broken}")


@contextmanager
def _transaction(connection: apsw.Connection, begin: str) -> Iterator[None]:
    connection.execute(_SQL[begin])
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute(_SQL["rollback"])
        raise
    connection.execute(_SQL["commit"])


def _now() -> int:
    return time.time_ns() // 1_000_000
