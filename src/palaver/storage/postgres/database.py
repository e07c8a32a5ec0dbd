"""One PostgreSQL database: its writer, its readers, and what runs beside them. Several stores may share it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from palaver.storage.database import OpenDatabase
from palaver.storage.postgres import faults, schema
from palaver.storage.postgres.address import Address
from palaver.storage.postgres.connection import check_server, connect
from palaver.storage.postgres.indexing import Indexing
from palaver.storage.postgres.notices import Notices
from palaver.storage.postgres.readers import Readers
from palaver.storage.postgres.transaction import ReadTransaction, WriteTransaction
from palaver.storage.postgres.upkeep import Upkeep
from palaver.storage.postgres.writer import PostgresWriter
from palaver.storage.readers import Reading
from palaver.storage.search.index import watermark
from palaver.storage.search.indexer import Indexer
from palaver.storage.watch import Callback, Watch
from palaver.storage.writer import Job
from palaver.store import SYSTEM_ACTOR

T = TypeVar("T")

QUIET = 250  # A search reads as many changes as they are stored, and who indexes keeps nobody from writing.


class Database(OpenDatabase):
    """Its connections are made when they are needed, and again when they were lost."""

    def __init__(self, address: Address, *, auto_title: bool = True, max_sessions: int | None = None) -> None:
        super().__init__()
        self.location = address.location
        with ExitStack() as undo, faults.translated(self.location):
            connection = connect(address)
            undo.callback(connection.close)
            check_server(connection, self.location)
            schema.prepare(connection, self.location)
            self._tx = WriteTransaction(connection, auto_title=auto_title, max_sessions=max_sessions)
            self.readers = Readers(lambda: connect(address), self.location)
            undo.callback(self.readers.close)
            self.watch = Watch(self.readers.read)
            self._notices = Notices(lambda: connect(address), self.watch.committed)
            self.writer = PostgresWriter(
                self._tx, lambda: connect(address), where=self.location, committed=self._committed
            )
            self._upkeep = Upkeep(lambda: connect(address), self.location)
            self._indexing = Indexing(lambda: connect(address), self.location)
            tx = ReadTransaction(connection, SYSTEM_ACTOR)
            self._tx.set_latest(_latest(tx))
            through, last = watermark(tx)
            self._indexer = Indexer(self._indexing.run, self.writer.crowded, through, quiet=QUIET)
            self._indexer.committed(last)
            undo.pop_all()
        self.close_at_exit()

    def read(self, actor: str) -> Reading[ReadTransaction]:
        return self.readers.read(actor)

    def write(self, actor: str, work: Callable[[WriteTransaction], T]) -> T:
        job = self.writer.run(actor, work)
        self._follow_up(job.effects)
        return job.result  # type: ignore[return-value]

    def write_each(
        self, actor: str, works: Sequence[Callable[[WriteTransaction], T]]
    ) -> list[T | BaseException]:
        """The same for several works at once, each for itself: what it returned or raised."""
        return [self._outcome(job) for job in self.writer.run_each(actor, works)]

    def _outcome(self, job: Job[Any]) -> Any:
        if job.error is not None:
            return job.error
        self._follow_up(job.effects)
        return job.result

    def listen(self, actor: str, callback: Callback) -> Callable[[], None]:
        self._notices.start()
        return self.watch.listen(actor, callback)

    def make_way(self, records: int) -> None:
        """So many records are coming in: the text index waits, and the server counts anew when they are there."""
        self._indexer.make_way()
        self._upkeep.brought_in(records)

    def sizes(self, tx: ReadTransaction) -> dict[str, int]:
        """Bytes of the tables and of the text index, and the schema's number."""
        found = tx.row("sizes") or (0, 0)
        steps = schema.applied(tx.connection)
        return {
            "database_size": found[0],
            "index_size": found[1],
            "schema": steps[-1].number if steps else 0,
        }

    def _committed(self) -> None:
        self._indexer.committed(self._tx.newest)
        self.watch.committed()

    def _scrub(self) -> None:
        self._upkeep.purged()

    def _release(self) -> None:
        self._notices.close()
        self._indexer.close()
        self._indexing.close()
        self._upkeep.close()
        self.watch.close()
        self.writer.close()
        self.readers.close()
        self._tx.connection.close()


def _latest(tx: ReadTransaction) -> int:
    found = tx.row("greatest_content_time")
    return found[0] if found and found[0] is not None else 0
