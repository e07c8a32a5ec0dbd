"""Opening a store on PostgreSQL."""

from palaver.errors import Invalid
from palaver.storage import opening
from palaver.storage.postgres import address
from palaver.storage.postgres.database import Database
from palaver.storage.postgres.store import PostgresStore
from palaver.storage.store import check_actor
from palaver.store import Store


def open_store(
    url: str,
    *,
    actor: str,
    key: str | bytes | None,
    mirror: str | None,
    max_sessions: int | None,
    auto_title: bool,
) -> Store:
    """See `palaver.storage.open_store`."""
    check_actor(actor)
    if key is not None:
        raise Invalid(
            "a key encrypts a SQLite file; PostgreSQL's disks are encrypted by who runs it", field="key"
        )
    most = opening.check_most_sessions(max_sessions)
    opened = opening.find_mirror(mirror)
    database = Database(address.parse(url), auto_title=auto_title, max_sessions=most)
    return opening.ready(PostgresStore, database, opened, actor)
