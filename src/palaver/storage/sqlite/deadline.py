"""An end to what SQLite does for a connection."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TypeVar

import apsw

T = TypeVar("T")

_STEPS = 1_000  # of SQLite's machine between two looks at the clock: some 30 µs


class Deadline:
    """Ends what SQLite does for a connection once its time is over; `cut` tells that it did."""

    def __init__(self, connection: apsw.Connection, seconds: float) -> None:
        self._connection = connection
        self._end = time.monotonic() + seconds
        self.cut = False

    def __enter__(self) -> Self:
        self._connection.set_progress_handler(self.is_over, _STEPS, id=self)
        return self

    def __exit__(
        self, type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._connection.set_progress_handler(None, id=self)
        if not isinstance(exc, apsw.InterruptError) or not self.is_over():
            return False
        self.cut = True
        return True

    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def bounded(self, rows: Iterator[T]) -> Iterator[T]:
        return rows  # SQLite looks at the clock within each step.
