"""Backups of a database on PostgreSQL: a SQLite file that any Palaver opens, made from one state of the database."""

from contextlib import closing
from functools import partial
from pathlib import Path

from palaver import locations
from palaver.errors import Corrupt, Invalid
from palaver.storage import copying
from palaver.storage.postgres.database import Database
from palaver.storage.sqlite import copies
from palaver.storage.sqlite.database import Database as File
from palaver.storage.sqlite.store import SqliteStore
from palaver.storage.sqlite.turnstile import SUFFIX
from palaver.store import SYSTEM_ACTOR

_STEM = "palaver-server"


def backup(database: Database, path: Path | str | None, keep: int | None) -> Path:
    """Without a path it is beside the user's own database. Raises `Corrupt` where the copy is not what the source is."""
    if path is not None and ("\0" in str(path) or "://" in str(path)):
        raise Invalid("a backup is a file: name one, or a folder", field="path")
    usual = locations.database().parent / "backups"
    where = copies.destination(usual, _STEM, None if path is None else Path(path))
    return copies.keep_copy(where, partial(_write, database), keep=keep)


def _write(database: Database, made: Path) -> None:
    try:
        with (
            closing(SqliteStore(File(made, None), SYSTEM_ACTOR)) as target,
            database.read(SYSTEM_ACTOR) as tx,
        ):
            report = copying.copy(tx, target)
    finally:
        made.with_name(made.name + SUFFIX).unlink(missing_ok=True)
    if report.differing:
        raise Corrupt(
            f"the backup would not be what {database.location} holds: {report.differing[0]}; run verify",
            where=database.location,
        )
