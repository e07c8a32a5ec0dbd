"""What is due whenever a store is opened, on any database: options checked, the trash, abandoned drafts, mirrors."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from palaver.errors import Invalid, PalaverError
from palaver.storage.database import OpenDatabase
from palaver.storage.writing import Effects
from palaver.store import SYSTEM_ACTOR, TRASH_DAYS, Store

if TYPE_CHECKING:
    from palaver.storage.mirror import Mirror

Database = TypeVar("Database", bound=OpenDatabase)

_log = logging.getLogger(__name__)


def check_most_sessions(count: int | None) -> int | None:
    """The option `max_sessions`. Raises `Invalid`."""
    if count is not None and count < 1:
        raise Invalid(f"max_sessions must be at least 1, not {count}", field="max_sessions")
    return count


def find_mirror(spec: str | None) -> "Mirror | None":
    """The mirror that the option `mirror` names, if it names one. Raises `Invalid`."""
    if spec is None:
        return None
    from palaver.storage.mirror import open_mirror  # noqa: PLC0415  (brings every file format; most stores have none)

    return open_mirror(spec)


def ready(
    kind: Callable[[Database, str], Store], database: Database, mirror: "Mirror | None", actor: str
) -> Store:
    """The store over a database that was just opened, once what is due is done; the database is closed where that fails."""
    try:
        system = kind(database, SYSTEM_ACTOR)
        _tidy(system)
        if mirror is not None:
            _attach(mirror, system, database)
    except BaseException:
        database.close()
        raise
    return kind(database, actor)


def _tidy(system: Store) -> None:
    """What is due at every opening; a database that cannot be written now is opened all the same."""
    try:
        system.recover_drafts()
        system.purge_trash(older_than=timedelta(days=TRASH_DAYS))
    except PalaverError as exc:
        _log.warning("the trash and interrupted answers could not be looked after: %s", exc)


def _attach(mirror: "Mirror", system: Store, database: OpenDatabase) -> None:
    """Bring the mirror up to date and let it follow each commit."""

    def follow(effects: Effects) -> None:
        for session_id in effects.touched:
            mirror.session_changed(system, session_id)
        for session_id in effects.forgotten:
            mirror.session_removed(session_id)

    mirror.catch_up(system)
    database.after_commit = follow
    database.before_close = mirror.close
    database.mirror_path = mirror.path_of
