"""`Store` on PostgreSQL: what differs there from every other database."""

from pathlib import Path

from palaver.model import Report, Stats
from palaver.storage.postgres import backup, verify
from palaver.storage.postgres.database import Database
from palaver.storage.store import DatabaseStore, check_actor
from palaver.storage.verbs import changes


class PostgresStore(DatabaseStore):
    """One actor's view of a database on a server."""

    _database: Database

    def __init__(self, database: Database, actor: str) -> None:
        super().__init__(database, actor)

    def as_actor(self, id: str) -> "PostgresStore":
        return PostgresStore(self._database, check_actor(id))

    def verify(self, repair: bool = False) -> Report:
        return verify.verify_database(self._database, repair)

    def backup(self, path: Path | str | None = None, *, keep: int | None = None) -> Path:
        return backup.backup(self._database, path, keep)

    def stats(self) -> Stats:
        with self._database.read(self.actor) as tx:
            return changes.stats(tx, location=self.location, **self._database.sizes(tx))
