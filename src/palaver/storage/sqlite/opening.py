"""Opening a store on SQLite, with what is due then: the trash, abandoned drafts, mirrors."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from palaver.errors import Invalid, PalaverError
from palaver.storage.sqlite import cipher
from palaver.storage.sqlite.database import Database
from palaver.storage.sqlite.store import SqliteStore
from palaver.storage.sqlite.transaction import Effects
from palaver.storage.store import check_actor
from palaver.store import SYSTEM_ACTOR, TRASH_DAYS, Store

if TYPE_CHECKING:
    from palaver.storage.mirror import Mirror

_log = logging.getLogger(__name__)


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
    if max_sessions is not None and max_sessions < 1:
        raise Invalid(f"max_sessions must be at least 1, not {max_sessions}", field="max_sessions")
    opened = _open_mirror(mirror) if mirror is not None else None
    derived = cipher.derive(path if path.is_file() else None, key) if key is not None else None
    database = Database(path, derived, auto_title=auto_title, max_sessions=max_sessions)
    try:
        _tidy(SqliteStore(database, SYSTEM_ACTOR))
        if opened is not None:
            _attach(database, opened)
    except BaseException:
        database.close()
        raise
    return SqliteStore(database, actor)


def _open_mirror(spec: str) -> "Mirror":
    from palaver.storage.mirror import open_mirror  # noqa: PLC0415  (brings every file format; most stores have none)

    return open_mirror(spec)


def _tidy(system: SqliteStore) -> None:
    """What is due at every opening; a database that cannot be written now is opened all the same."""
    try:
        system.recover_drafts()
        system.purge_trash(older_than=timedelta(days=TRASH_DAYS))
    except PalaverError as exc:
        _log.warning("the trash and interrupted answers could not be looked after: %s", exc)


def _attach(database: Database, mirror: "Mirror") -> None:
    system = SqliteStore(database, SYSTEM_ACTOR)

    def follow(effects: Effects) -> None:
        for session_id in effects.touched:
            mirror.session_changed(system, session_id)
        for session_id in effects.forgotten:
            mirror.session_removed(session_id)

    mirror.catch_up(system)
    database.after_commit = follow
    database.before_close = mirror.close
    database.mirror_path = mirror.path_of
