"""An end to what PostgreSQL does for a transaction, after which the transaction goes on."""

import time
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from psycopg.errors import QueryCanceled

T = TypeVar("T")


class _Over(Exception):
    """Between two rows the time was over."""


class Deadline:
    """Ends what is done within it once its time is over; `cut` tells that it did."""

    def __init__(self, tx: Any, seconds: float) -> None:
        self._tx = tx
        self._end = time.monotonic() + seconds
        self.cut = False

    def __enter__(self) -> Self:
        left = max(int((self._end - time.monotonic()) * 1000), 1)  # none at all would be no end
        self._tx.run("search_begin")
        self._tx.rows("search_settle", time=f"{left}ms")
        return self

    def __exit__(
        self, type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if exc is not None and not isinstance(exc, _Over | QueryCanceled):
            return False
        self._tx.run("search_end")
        self.cut = exc is not None
        return self.cut

    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def bounded(self, rows: Iterator[T]) -> Iterator[T]:
        """The rows until the time is over: the server's own limit is one for each step alone."""
        try:
            for row in rows:
                yield row  # What is there counts, however long it took.
                if self.is_over():
                    raise _Over
        finally:
            # The exception holds what it came through: a cursor would be closed after its savepoint is gone.
            if isinstance(rows, Generator):
                rows.close()
