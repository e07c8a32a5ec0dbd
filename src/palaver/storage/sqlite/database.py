"""One open SQLite file: its writer, its readers, and what runs beside them. Several stores may share it."""

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw

from palaver.errors import Corrupt, NotFound, PalaverError
from palaver.storage import owner
from palaver.storage.sqlite import cipher, faults, index, schema
from palaver.storage.sqlite.connection import BUSY_TIMEOUT, connect
from palaver.storage.sqlite.indexer import Indexer
from palaver.storage.sqlite.readers import Readers
from palaver.storage.sqlite.transaction import Effects, ReadTransaction, WriteTransaction
from palaver.storage.sqlite.turnstile import Turnstile
from palaver.storage.sqlite.watch import Watch
from palaver.storage.sqlite.writer import Writer
from palaver.storage.verbs import drafts
from palaver.store import DRAFT_LEASE_SECONDS, SYSTEM_ACTOR

T = TypeVar("T")

_SCRUB_TRIES = 100
_SCRUB_SECONDS = 0.02

_log = logging.getLogger(__name__)


class Database:
    """`after_commit` is told which sessions a verb touched and which are gone, `before_close` of the end.

    `mirror_path` names the plain file of a session where there are any.
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
        schema.prepare(path, key)
        self.path = path
        self.key = key
        self.owner = owner.current()
        self.after_commit: Callable[[Effects], None] | None = None
        self.before_close: Callable[[], None] | None = None
        self.mirror_path: Callable[[str], Path] | None = None
        self._drafts: dict[str, float] = {}
        self._mutex = threading.Lock()
        self._closed = False
        self._damage: Corrupt | None = None
        with faults.translated(str(path)):
            self._turnstile = Turnstile(path)
            self._connection = connect(path, key, mode="write", timeout=0)
            self._tx = WriteTransaction(self._connection, auto_title=auto_title, max_sessions=max_sessions)
            self.readers = Readers(lambda: connect(path, key, mode="read"), str(path))
            with self.readers.read(SYSTEM_ACTOR) as tx:
                schema.check(tx.connection, str(path))
                through, last = index.watermark(tx)
                self._tx.set_latest(_latest(tx))
        self.watch = Watch(self.readers)
        self.writer = Writer(
            self._connection,
            self._tx,
            self._turnstile,
            where=str(path),
            timeout=timeout,
            committed=self._committed,
        )
        self._indexer = Indexer(self.writer, through)
        self._indexer.committed(last)
        self._at_exit = _close_at_exit(self)

    def write(self, actor: str, work: Callable[[WriteTransaction], T]) -> T:
        if self._damage is not None:
            raise Corrupt(f"{self._damage.message}. Nothing more is written to it", where=self._damage.where)
        try:
            job = self.writer.run(actor, work)
        except Corrupt as exc:
            self._note_damage(exc)
            raise
        effects = job.effects
        if effects.scrub:
            self._scrub()
        if self.after_commit is not None and (effects.touched or effects.forgotten):
            self.after_commit(effects)
        return job.result  # type: ignore[return-value]

    @contextmanager
    def read(self, actor: str) -> Iterator[ReadTransaction]:
        try:
            with self.readers.read(actor) as tx:
                yield tx
        except Corrupt as exc:
            self._note_damage(exc)
            raise

    def _note_damage(self, exc: Corrupt) -> None:
        """Where SQLite finds pages damaged nothing more is written; one unreadable row is in nobody else's way."""
        if isinstance(exc.__cause__, apsw.Error | UnicodeDecodeError):
            self._damage = exc

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
        schema_number = schema.applied(tx.connection)[-1].number
        return {
            "database_size": pages * page_size,
            "index_size": found[0] if found else 0,
            "schema": schema_number,
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
