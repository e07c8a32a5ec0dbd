"""One open SQLite file: its writer, its readers, and what runs beside them. Several stores may share it."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import apsw

from palaver.errors import Corrupt
from palaver.storage.database import OpenDatabase
from palaver.storage.readers import Reading
from palaver.storage.search.index import Indexing, watermark
from palaver.storage.search.indexer import Indexer
from palaver.storage.sqlite import cipher, faults, index, schema
from palaver.storage.sqlite.connection import BUSY_TIMEOUT, connect
from palaver.storage.sqlite.readers import Readers
from palaver.storage.sqlite.transaction import ReadTransaction, WriteTransaction
from palaver.storage.sqlite.turnstile import Turnstile
from palaver.storage.sqlite.writer import SqliteWriter
from palaver.storage.watch import Callback, Watch
from palaver.storage.writer import Job
from palaver.store import SYSTEM_ACTOR

T = TypeVar("T")

_SCRUB_TRIES = 100
_SCRUB_SECONDS = 0.02

_log = logging.getLogger(__name__)


class Database(OpenDatabase):
    """`damage` is why nothing is written any more."""

    def __init__(
        self,
        path: Path,
        key: cipher.Key | None,
        *,
        auto_title: bool = True,
        max_sessions: int | None = None,
        timeout: float = BUSY_TIMEOUT,
    ) -> None:
        super().__init__()
        self.path = path
        self.key = key
        self.damage = _prepare(path, key)
        with ExitStack() as undo, faults.translated(str(path)):
            self._connection = connect(path, key, mode="write", timeout=0)
            undo.callback(self._connection.close)
            self._turnstile = Turnstile(path)
            undo.callback(self._turnstile.close)
            self._tx = WriteTransaction(self._connection, auto_title=auto_title, max_sessions=max_sessions)
            self.readers = Readers(lambda: connect(path, key, mode="read"), str(path), self._note_damage)
            undo.callback(self.readers.close)
            self.watch = Watch(self.readers.read)
            self.writer = SqliteWriter(
                self._connection,
                self._tx,
                self._turnstile,
                where=str(path),
                timeout=timeout,
                committed=self._committed,
            )
            self._indexer = self._make_indexer(0)
            self._begin()
            undo.pop_all()
        self.close_at_exit()

    @property
    def location(self) -> str:
        return str(self.path)

    def _begin(self) -> None:
        """Read what writing begins with. Where that is damaged the rest can still be read, and nothing is written."""
        try:
            with self.readers.read(SYSTEM_ACTOR) as tx:
                schema.check(tx.connection, str(self.path))
                through, last = watermark(tx)
                self._tx.set_latest(_latest(tx))
        except Corrupt as exc:
            self.damage = exc
            if not schema.can_be_read(self._connection):
                raise
            return
        self.damage = None
        self._indexer = self._make_indexer(through)
        self._indexer.committed(last)

    def _make_indexer(self, through: int) -> Indexer:
        return Indexer(self._index, self.writer.crowded, through)

    def _index(self, work: Callable[[Indexing], tuple[int, int]]) -> tuple[int, int]:
        return self.writer.run(SYSTEM_ACTOR, work).result or (0, 0)

    def write(self, actor: str, work: Callable[[WriteTransaction], T]) -> T:
        if self.damage is not None:
            self._look_again()
        try:
            job = self.writer.run(actor, work)
        except Corrupt as exc:
            self._note_damage(exc)
            raise
        self._follow_up(job.effects)
        return job.result  # type: ignore[return-value]

    def write_each(
        self, actor: str, works: Sequence[Callable[[WriteTransaction], T]]
    ) -> list[T | BaseException]:
        """The same for several works at once, each for itself: what it returned or raised."""
        if self.damage is not None:
            self._look_again()
        return [self._outcome(job) for job in self.writer.run_each(actor, works)]

    def _outcome(self, job: Job[Any]) -> Any:
        if job.error is None:
            self._follow_up(job.effects)
            return job.result
        if isinstance(job.error, Corrupt):
            self._note_damage(job.error)
        return job.error

    def read(self, actor: str) -> Reading[ReadTransaction]:
        return self.readers.read(actor)

    def listen(self, actor: str, callback: Callback) -> Callable[[], None]:
        return self.watch.listen(actor, callback)

    def _look_again(self) -> None:
        """Raise `Corrupt` for what is damaged. Where only reading had failed, at the opening, it may succeed now."""
        with self._mutex:
            if self.damage is not None and not faults.proves_damage(self.damage.__cause__):
                self._begin()
            if self.damage is not None:
                raise Corrupt(
                    f"{self.damage.message}. Nothing more is written to it", where=self.damage.where
                )

    def _note_damage(self, exc: Corrupt) -> None:
        """Where SQLite finds pages damaged nothing more is written.

        One unreadable row is in nobody else's way, and a disk that failed to read proves nothing of what is on it.
        """
        if faults.proves_damage(exc.__cause__):
            self.damage = exc

    def make_way(self, records: int) -> None:  # noqa: ARG002  (how many is nothing to it)
        """So many records are coming in: the text index waits."""
        self._indexer.make_way()

    def sizes(self, tx: ReadTransaction) -> dict[str, int]:
        """Bytes of the database and of its text index, and the schema's number."""
        pages, page_size = tx.connection.pragma("page_count"), tx.connection.pragma("page_size")
        found = tx.row("index_size")
        steps = schema.applied(tx.connection)
        return {
            "database_size": pages * page_size,
            "index_size": found[0] if found else 0,
            "schema": steps[-1].number if steps else 0,
        }

    def _release(self) -> None:
        self._indexer.close()
        self.watch.close()
        self.writer.close()
        self.readers.close()
        if self.damage is not None:  # what the WAL holds is not written over it
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._connection.close()
        self._turnstile.close()

    def _committed(self) -> None:
        self._indexer.committed(self._tx.last)
        self.watch.committed()

    def _scrub(self) -> None:
        """What was purged is overwritten in the pages; the copies of old pages in the WAL go with the WAL."""
        with faults.translated(str(self.path)):
            self.writer.run(SYSTEM_ACTOR, index.purify)
            self.writer.maintain(truncate_wal)


def _prepare(path: Path, key: cipher.Key | None) -> Corrupt | None:
    """See `schema.prepare`; returns what of it is damaged. What nobody can open is refused by the next connection."""
    try:
        schema.prepare(path, key)
    except Corrupt as exc:
        return exc
    return None


def truncate_wal(tx: WriteTransaction) -> None:
    """Write the WAL's pages home and empty it. A reader of an older state is waited for, within bounds."""
    for _ in range(_SCRUB_TRIES):
        try:
            tx.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            time.sleep(_SCRUB_SECONDS)
        else:
            return
    _log.warning(
        "a long read keeps old pages in the WAL; they go when the next one is purged or it is closed"
    )


def _latest(tx: ReadTransaction) -> int:
    found = tx.row("greatest_content_time")
    return found[0] if found and found[0] is not None else 0
