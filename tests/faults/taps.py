"""What stands between a program and its files: each call goes by a tap, which may record it or make it fail."""

import errno
import os
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from tests.faults.disk import SHARED, Event, Named, Told, number_before

Call = Literal[
    "make",
    "open",
    "look",
    "read",
    "write",
    "resize",
    "sync",
    "remove",
    "rename",
    "link",
    "folder",
    "sync_folder",
]
Side = Literal["sqlite", "python"]


class Tap(Protocol):
    """Hears of each call before it is made, and may raise `OSError` in its place; then of what it did."""

    def ask(self, call: Call, side: Side, path: str) -> None: ...

    def tell(self, event: Event) -> None: ...


class Recorder:
    """Keeps every event in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def ask(self, call: Call, side: Side, path: str) -> None: ...

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def say(self, what: object) -> None:
        """From here on somebody relies on it."""
        self.events.append(Told(what))


class Failing:
    """Makes the calls that are meant fail from the `at`-th on: that one alone, or all of them until it is mended."""

    def __init__(
        self,
        error: int,
        calls: Collection[Call],
        at: int,
        *,
        lasting: bool = False,
        within: Path | None = None,
    ) -> None:
        self.count = 0
        self.hit: list[str] = []
        self._error = error
        self._calls = calls
        self._at = at
        self._lasting = lasting
        self._within = str(within or "/")
        self._mended = False

    def ask(self, call: Call, side: Side, path: str) -> None:
        if self._mended or call not in self._calls or not path.startswith(self._within):
            return
        self.count += 1
        if self.count - 1 == self._at or (self._lasting and self.count > self._at):
            self.hit.append(f"{call} {Path(path).name}")
            raise OSError(self._error, os.strerror(self._error), path)

    def tell(self, event: Event) -> None: ...

    def mend(self) -> None:
        """From now on nothing fails."""
        self._mended = True


class Interrupting:
    """Every second call of SQLite is interrupted by a signal before it has begun; Python repeats such calls by itself."""

    CALLS: ClassVar[set[Call]] = {"make", "open", "look", "read", "write", "resize"}

    def __init__(self) -> None:
        self.count = 0
        self._interrupts = False

    def ask(self, call: Call, side: Side, path: str) -> None:
        if side == "sqlite" and call in self.CALLS:
            self._interrupts = not self._interrupts
            self.count += self._interrupts
            if self._interrupts:
                raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))

    def tell(self, event: Event) -> None: ...


class Both:
    """One tap behind the other."""

    def __init__(self, *taps: Tap) -> None:
        self._taps = taps

    def ask(self, call: Call, side: Side, path: str) -> None:
        for tap in self._taps:
            tap.ask(call, side, path)

    def tell(self, event: Event) -> None:
        for tap in self._taps:
            tap.tell(event)


class Layer:
    """What both sides share: which files are meant, and their numbers, by inode, which outlives names."""

    def __init__(self, root: str, tap: Tap, *, shared: bool) -> None:
        self.lock = threading.RLock()
        self._root = root
        self._tap = tap
        self._skip = "\0" if shared else SHARED
        self._numbers: dict[int, int] = {}
        self._count = 0

    def means(self, path: Any) -> bool:
        if not isinstance(path, str | os.PathLike):
            return False
        name = absolute(path)
        return (name == self._root or name.startswith(self._root + "/")) and not name.endswith(self._skip)

    def ask(self, call: Call, side: Side, path: str) -> None:
        self._tap.ask(call, side, path)

    def tell(self, event: Event) -> None:
        self._tap.tell(event)

    def made(self, path: str, status: os.stat_result) -> None:
        self._count += 1
        self._numbers[status.st_ino] = self._count
        self.tell(Named(path, self._count))

    def number(self, status: os.stat_result) -> int:
        return self._numbers.get(status.st_ino, number_before(status))

    def removed(self, status: os.stat_result) -> None:
        if status.st_nlink == 1:
            self._numbers.pop(status.st_ino, None)


def absolute(path: Any) -> str:
    """The whole path as text, links left as they are."""
    return os.path.abspath(str(path))  # noqa: PTH100  (Path.resolve would follow them)


def intent(path: str, flags: int) -> Call:
    """Which kind of opening it is: a full disk makes no file, one that may only be read opens none for writing."""
    if flags & os.O_CREAT and not os.path.lexists(path):
        return "make"
    return "open" if flags & (os.O_WRONLY | os.O_RDWR) else "look"
