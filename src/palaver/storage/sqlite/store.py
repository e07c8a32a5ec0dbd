"""`Store` on SQLite: what differs there from every other database."""

from pathlib import Path

from palaver.errors import Invalid
from palaver.model import Report, Stats
from palaver.storage.sqlite import copies, verify
from palaver.storage.sqlite.database import Database
from palaver.storage.store import DatabaseStore, check_actor
from palaver.storage.verbs import changes

_SEARCH_SECONDS = 2.0


class SqliteStore(DatabaseStore):
    """One actor's view of an open file."""

    _database: Database

    def __init__(self, database: Database, actor: str) -> None:
        super().__init__(database, actor)

    def as_actor(self, id: str) -> "SqliteStore":
        return SqliteStore(self._database, check_actor(id))

    def verify(self, repair: bool = False) -> Report:
        return verify.verify_database(self._database, repair)

    def backup(self, path: Path | str | None = None, *, keep: int | None = None) -> Path:
        if path is not None and "\0" in str(path):
            raise Invalid("a path must not hold a NUL", field="path")
        target = None if path is None else Path(path)
        return copies.backup(self._database.path, self._database.key, target, keep=keep)

    def stats(self) -> Stats:
        with self._database.read(self.actor) as tx:
            return changes.stats(tx, location=self.location, **self._database.sizes(tx))
