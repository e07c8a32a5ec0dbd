"""Keeps the full-text index close behind the changes, through the writer's queue like everybody else."""

import logging
import threading

from palaver.errors import PalaverError
from palaver.storage.sqlite import index
from palaver.storage.sqlite.transaction import WriteTransaction
from palaver.storage.sqlite.writer import Writer
from palaver.store import SYSTEM_ACTOR

QUIET = 1_000
LOADED = 4_000
_CROWD = 2

_log = logging.getLogger(__name__)


class Indexer:
    """A thread that begins with the first batch due; a search reads what is not indexed yet by itself."""

    def __init__(self, writer: Writer, indexed_through: int) -> None:
        self._writer = writer
        self._through = indexed_through
        self._due = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._mutex = threading.Lock()

    def committed(self, last_change: int) -> None:
        """Called after each commit by whoever led it; costs a comparison."""
        behind = last_change - self._through
        if behind >= QUIET and (behind >= LOADED or self._writer.queued() <= _CROWD):
            self._begin()

    def close(self) -> None:
        with self._mutex:
            self._closed = True
            thread = self._thread
        self._due.set()
        if thread is not None:
            thread.join()

    def _begin(self) -> None:
        if self._due.is_set():
            return
        with self._mutex:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="palaver-indexer", daemon=True)
                self._thread.start()
        self._due.set()

    def _run(self) -> None:
        while not self._closed:
            self._due.wait()
            self._due.clear()
            try:
                self._catch_up()
            except PalaverError as exc:
                # The search still finds everything in the tail; the next commit tries again.
                _log.warning("the text index could not follow: %s", exc)

    def _catch_up(self) -> None:
        while not self._closed:
            through, last = self._writer.run(SYSTEM_ACTOR, _index).result or (0, 0)
            self._through = through
            if last - through < QUIET:
                return


def _index(tx: WriteTransaction) -> tuple[int, int]:
    index.index_batch(tx, QUIET)
    return index.watermark(tx)
