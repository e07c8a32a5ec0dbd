"""One open SQLite file: its writer, its readers, and what runs beside them. Several stores may share it."""

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from palaver.errors import Corrupt, NotFound, PalaverError
from palaver.storage import owner
from palaver.storage.search.index import Indexing, watermark
from palaver.storage.search.indexer import Indexer
from palaver.storage.sqlite import cipher, faults, index, schema
from palaver.storage.sqlite.connection import BUSY_TIMEOUT, connect
from palaver.storage.sqlite.readers import Readers, Reading
from palaver.storage.sqlite.transaction import Effects, ReadTransaction, WriteTransaction
from palaver.storage.sqlite.turnstile import Turnstile
from palaver.storage.sqlite.watch import Callback, Watch
from palaver.storage.sqlite.writer import Job, Writer
from palaver.storage.verbs import drafts
from palaver.store import DRAFT_LEASE_SECONDS, SYSTEM_ACTOR

T = TypeVar("T")

_SCRUB_TRIES = 100
_SCRUB_SECONDS = 0.02

_log = logging.getLogger(__name__)


class Database:
    """`after_commit` is told which sessions a verb touched and which are gone, `before_close` of the end.

    `mirror_path` names the plain file of a session where there are any. `damage` is why nothing is written any more.
    """

    def __init__(
        self,
        path: Path,
        key: cipher.Key | None,
        *,
        auto_title: bool = True,
        max_sessions: int | None = None,
        timeout: float = BUSY_TIMEOUT,
    ) -> None:
        self.path = path
        self.key = key
        self.owner = owner.current()
        self.after_commit: Callable[[Effects], None] | None = None
        self.before_close: Callable[[], None] | None = None
        self.mirror_path: Callable[[str], Path] | None = None
        self._drafts: dict[str, float] = {}
        self._mutex = threading.Lock()
        self._closed = False
        self.damage = _prepare(path, key)
        with ExitStack() as undo, faults.translated(str(path)):
            self._connection = connect(path, key, mode="write", timeout=0)
            undo.callback(self._connection.close)
            self._turnstile = Turnstile(path)
            undo.callback(self._turnstile.close)
            self._tx = WriteTransaction(self._connection, auto_title=auto_title, max_sessions=max_sessions)
            self.readers = Readers(lambda: connect(path, key, mode="read"), str(path), self._note_damage)
            undo.callback(self.readers.close)
            self.watch = Watch(self.readers)
            self.writer = Writer(
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
        self._at_exit = _close_at_exit(self)

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

    def _follow_up(self, effects: Effects) -> None:
        if effects.scrub:
            self._scrub()
        if self.after_commit is not None and (effects.touched or effects.forgotten):
            self.after_commit(effects)

    def read(self, actor: str) -> Reading:
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

    def make_way(self) -> None:
        """Many records are coming in: the text index waits."""
        self._indexer.make_way()

    def hold_draft(self, message_id: str, lease: float) -> None:
        """This process writes that draft; when the store is closed it ends, interrupted."""
        with self._mutex:
            self._drafts[message_id] = lease

    def lease_of(self, message_id: str) -> float:
        """Seconds an extension renews the lease by."""
        return self._drafts.get(message_id, DRAFT_LEASE_SECONDS)

    def release_draft(self, message_id: str) -> None:
        with self._mutex:
            self._drafts.pop(message_id, None)

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

    def close(self) -> None:
        with self._mutex:
            if self._closed:
                return
            self._closed = True
        self._interrupt_drafts()
        if self.before_close is not None:
            self.before_close()
        self._indexer.close()
        self.watch.close()
        self.writer.close()
        self.readers.close()
        if self.damage is not None:  # what the WAL holds is not written over it
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._connection.close()
        self._turnstile.close()
        atexit.unregister(self._at_exit)

    def _committed(self) -> None:
        self._indexer.committed(self._tx.last)
        self.watch.committed()

    def _interrupt_drafts(self) -> None:
        for message_id in sorted(self._drafts):
            try:
                self.write(SYSTEM_ACTOR, partial(drafts.interrupt, message_id=message_id))
            except NotFound:
                continue
            except PalaverError:
                # The next one who opens the file finds the owner dead and does it.
                return

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


def _close_at_exit(database: Database) -> Callable[[], None]:
    reference = weakref.ref(database)

    def close() -> None:
        alive = reference()
        if alive is not None:
            alive.close()

    atexit.register(close)
    return close
