"""Making the tables, and bringing older ones up to date."""

import time
from collections.abc import Sequence

from palaver import ids
from palaver.storage import migrate
from palaver.storage.migrate import Applied, Migration
from palaver.storage.postgres.connection import Connection
from palaver.storage.postgres.statements import DIALECT, statements


def prepare(connection: Connection, where: str, *, migrations: Sequence[Migration] | None = None) -> None:
    """See to it that the tables are of this version: made if absent, migrated if older, each step in one transaction.

    Raises `Unavailable` for newer ones, and `Corrupt` where what they are cannot be told any more.
    """
    known = migrate.load(DIALECT) if migrations is None else migrations
    while _left(connection, where, known):
        with connection.transaction():
            _step(connection, where, known)


def applied(connection: Connection) -> list[Applied]:
    """The ledger."""
    return [Applied(*row) for row in connection.execute(statements()["ledger_rows"].sql)]


def _left(connection: Connection, where: str, known: Sequence[Migration]) -> Sequence[Migration]:
    return migrate.pending(applied(connection), known, where) if _is_made(connection) else known


def _is_made(connection: Connection) -> bool:
    return connection.execute(statements()["ledger_exists"].sql).fetchone() is not None


def _step(connection: Connection, where: str, known: Sequence[Migration]) -> None:
    """One step, unless another process has done it meanwhile: it is looked for again under the lock."""
    sql = statements()
    connection.execute(sql["schema_lock"].sql)
    new = not _is_made(connection)
    left = _left(connection, where, known)
    if not left:
        return
    if new:
        connection.execute(sql["schema_create"].sql)
        connection.execute(sql["ledger_create"].sql)
    migration = left[0]
    connection.execute(migration.sql.encode(), prepare=False)
    row = {"number": migration.number, "name": migration.name, "digest": migration.digest, "now": _now()}
    _run(connection, "ledger_add", row)
    if new:
        _run(connection, "store_add", {"id": ids.new_bytes(), "now": _now()})


def _run(connection: Connection, name: str, parameters: dict[str, object]) -> None:
    statement = statements()[name]
    connection.execute(statement.sql, statement.bind(parameters))


def _now() -> int:
    return time.time_ns() // 1_000_000
