"""A connection to Palaver's tables on a PostgreSQL server."""

import logging
import select
from typing import Any

import psycopg
from psycopg import RawCursor

from palaver.errors import Unavailable
from palaver.storage.postgres import faults, values
from palaver.storage.postgres.address import Address
from palaver.storage.postgres.statements import statements

Connection = psycopg.Connection[tuple[Any, ...]]

OLDEST = 15
_STATEMENTS = 1_000

_log = logging.getLogger(__name__)


def connect(address: Address) -> Connection:
    """Raises `Unavailable` where the server cannot be reached or is not one that Palaver can use."""
    where = address.location
    try:
        connection = psycopg.connect(**address.parameters, autocommit=True, cursor_factory=RawCursor)
    except psycopg.Error as exc:
        raise faults.refused(exc, where) from exc
    try:
        with faults.translated(where):
            version = connection.info.server_version
            if version < OLDEST * 10_000:
                raise Unavailable(
                    f"{where} is PostgreSQL {version // 10_000}: Palaver needs {OLDEST} or newer"
                )
            connection.execute(statements()["settle"].sql, prepare=False)
            values.adapt(connection)
            # What comes a second time on a connection will come again: it is planned once, then.
            connection.prepare_threshold = 1
            connection.prepared_max = _STATEMENTS
    except BaseException:
        connection.close()
        raise
    return connection


def check_server(connection: Connection, where: str) -> None:
    """Once for a store. Raises `Unavailable` for a database that cannot hold every text."""
    found = connection.execute(statements()["server"].sql).fetchone()
    encoding, fsync, _ = found or ("", "", False)
    if encoding != "UTF8":
        raise Unavailable(f"{where} is encoded as {encoding}: Palaver needs a database with encoding UTF8")
    if fsync != "on":
        _log.warning("%s: the server runs without fsync and may lose what it has confirmed", where)


def is_alive(connection: Connection) -> bool:
    """Whether an idle connection can be used: a server that ended it has said so, and then there is something to read."""
    if connection.closed:
        return False
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    if not readable:
        return True
    try:
        connection.execute(b"", prepare=False)
    except psycopg.Error:
        return False
    return not connection.closed
