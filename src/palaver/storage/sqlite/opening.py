"""Opening a store on SQLite."""

from pathlib import Path

from palaver.errors import Invalid
from palaver.storage import opening
from palaver.storage.sqlite import cipher
from palaver.storage.sqlite.database import Database
from palaver.storage.sqlite.store import SqliteStore
from palaver.storage.store import check_actor
from palaver.store import Store


def open_store(
    path: Path,
    *,
    actor: str,
    key: str | bytes | None,
    mirror: str | None,
    max_sessions: int | None,
    auto_title: bool,
) -> Store:
    """See `palaver.storage.open_store`."""
    check_actor(actor)
    if key is not None and mirror is not None:
        raise Invalid(
            "a mirror would hold in plain text what the key encrypts: use one or the other", field="mirror"
        )
    most = opening.check_most_sessions(max_sessions)
    opened = opening.find_mirror(mirror)
    derived = cipher.derive(path if path.is_file() else None, key) if key is not None else None
    database = Database(path, derived, auto_title=auto_title, max_sessions=most)
    return opening.ready(SqliteStore, database, opened, actor)
