"""Keeps the full-text index close behind the changes, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from palaver.errors import PalaverError
from palaver.storage.search import following
from palaver.storage.search.index import Indexing, watermark

QUIET = 1_000
LOADED = 4_000
FAR = 100_000
"""How far it may fall behind an import: a search reads as much by itself, or says that it was cut."""

_SMALL, _LARGE = 500, 1_000
"""Changes of a batch: while one is indexed, whoever writes waits, 12 or 25 ms; half of it would meet twice as many."""

_IMPORT_SECONDS = 0.25
_LOOK_SECONDS = 0.05
_FINISH_SECONDS = 10

_log = logging.getLogger(__name__)


Work = Callable[[Indexing], tuple[int, int]]


class Indexer:
    """A thread that begins with the first batch due; a search reads what is not indexed yet by itself.

    `run` does a work in one transaction, `crowded` tells whether many write at this time. When `quiet`, as many changes
    come together before it begins.
    """

    def __init__(
        self,
        run: Callable[[Work], tuple[int, int]],
        crowded: Callable[[], bool],
        indexed_through: int,
        *,
        quiet: int = QUIET,
    ) -> None:
        self._run_in_transaction = run
        self._crowded = crowded
        self._quiet = quiet
        self._through = indexed_through
        self._last = indexed_through
        self._due = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._import_until = 0.0
        self._mutex = threading.Lock()

    def committed(self, last_change: int) -> None:
        """Called after each commit by whoever led it; costs a comparison."""
        self._last = last_change
        if last_change - self._through >= self._quiet:
            self._begin()

    def make_way(self) -> None:
        """Records are brought in: until shortly after the last of them the index only slows down what comes."""
        self._import_until = time.monotonic() + _IMPORT_SECONDS

    def close(self) -> None:
        """What was left undone for an import is done first, within bounds; the rest is for the next who opens the file."""
        with self._mutex:
            self._closed.set()
            thread = self._thread
        self._due.set()
        if thread is not None:
            thread.join()
        if self._import_until:
            self._try(self._finish)

    def _begin(self) -> None:
        if self._due.is_set():
            return
        with self._mutex:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="palaver-indexer", daemon=True)
                self._thread.start()
        self._due.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._due.wait()
            self._due.clear()
            self._try(self._catch_up)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except PalaverError as exc:
            # The search still finds everything in the tail; the next commit tries again.
            _log.warning("the text index could not follow: %s", exc)

    def _catch_up(self) -> None:
        while not self._closed.is_set():
            if self._gives_way():
                self._closed.wait(_LOOK_SECONDS)
            elif self._follow() < self._quiet:
                return

    def _gives_way(self) -> bool:
        """To many who write at once a little, to an import more: until they pause, or it is too far behind."""
        behind = self._last - self._through
        if time.monotonic() < self._import_until:
            return behind < FAR
        return behind < LOADED and self._crowded()

    def _finish(self) -> None:
        end = time.monotonic() + _FINISH_SECONDS
        while self._last - self._through >= self._quiet and time.monotonic() < end:
            self._follow()

    def _follow(self) -> int:
        """Index one batch; how far behind it is then."""
        limit = _LARGE if self._last - self._through >= LOADED else _SMALL
        through, last = self._run_in_transaction(partial(_index, limit=limit))
        self._through = through
        return last - through


def _index(tx: Indexing, limit: int) -> tuple[int, int]:
    following.index_batch(tx, limit)
    return watermark(tx)
