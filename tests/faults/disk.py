"""A disk that forgets: what is left of files when the power fails, by the order of what was done to them.

Written is what a sync has brought to the platter. What was written since may be there, may not be there, in any order, and
of each write any of its sectors. A name is there once its folder was synced, whatever became of the file.
"""

import os
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

SECTOR = 512
SHARED = "-shm"
"""What such a file holds is memory that processes share, and is made anew."""


def number_before(status: os.stat_result) -> int:
    """The number of a file that was there before anything was recorded."""
    return -status.st_ino


class Wrote(NamedTuple):
    file: int
    offset: int
    data: bytes


class Resized(NamedTuple):
    file: int
    size: int


class Synced(NamedTuple):
    file: int


class SyncFailed(NamedTuple):
    """What was written before may be lost for good: a later sync does not try again."""

    file: int


class Named(NamedTuple):
    """A file that was made, or that has one more name."""

    path: str
    file: int


class Renamed(NamedTuple):
    old: str
    path: str
    file: int


class Removed(NamedTuple):
    path: str


class FolderMade(NamedTuple):
    path: str


class FolderRemoved(NamedTuple):
    path: str


class FolderSynced(NamedTuple):
    path: str


class Told(NamedTuple):
    """Somebody was told that something is done."""

    what: object


Naming = Named | Renamed | Removed | FolderMade | FolderRemoved
Event = Wrote | Resized | Synced | SyncFailed | Naming | FolderSynced | Told

State = Literal["waiting", "certain", "doubtful"]
"""Of a write: no sync has reached it; one has; one has failed, and no later one will try again."""

Kind = Literal["kept", "dropped", "reordered", "torn"]
KINDS: tuple[Kind, ...] = ("kept", "dropped", "reordered", "torn")


class Fate:
    """What becomes of each thing that no sync has reached."""

    def __init__(self, kind: Kind, chance: random.Random) -> None:
        self.kind = kind
        self._chance = chance
        self._share = chance.choice((0.1, 0.5, 0.9))
        self._noise = chance.random() < 0.5

    def keeps(self) -> bool:
        if self.kind in ("kept", "dropped"):
            return self.kind == "kept"
        return self._chance.random() < self._share

    def sectors(self, write: Wrote) -> Iterable[tuple[int, bytes]]:
        """The pieces of a write that reach the platter, each with its offset."""
        if self.kind != "torn":
            return [(write.offset, write.data)] if self.keeps() else []
        return [piece for piece in _split(write) if self.keeps()]

    def filling(self, size: int) -> bytes:
        """What stands where a file has grown and nothing was written."""
        return self._chance.randbytes(size) if self.kind == "torn" and self._noise else bytes(size)


def _split(write: Wrote) -> Iterable[tuple[int, bytes]]:
    at, end = write.offset, write.offset + len(write.data)
    while at < end:
        border = min(end, (at // SECTOR + 1) * SECTOR)
        yield at, write.data[at - write.offset : border - write.offset]
        at = border


class _File:
    """Content on the platter, and what was done to it since."""

    def __init__(self, platter: bytes = b"") -> None:
        self._platter = bytearray(platter)
        self._since: list[tuple[Wrote | Resized, State]] = []

    def take(self, event: Wrote | Resized) -> None:
        self._since.append((event, "waiting"))

    def sync(self) -> None:
        self._since = [(event, "certain" if state == "waiting" else state) for event, state in self._since]
        if all(state == "certain" for _, state in self._since):
            for event, _ in self._since:
                _apply(self._platter, event)
            self._since.clear()

    def fail(self) -> None:
        self._since = [(event, "doubtful" if state == "waiting" else state) for event, state in self._since]

    def content(self, fate: Fate) -> bytes:
        made = bytearray(self._platter)
        for event, state in self._since:
            if state == "certain" or (isinstance(event, Resized) and fate.keeps()):
                _apply(made, event)
            elif isinstance(event, Wrote):
                for offset, data in fate.sectors(event):
                    made += fate.filling(max(0, offset - len(made)))
                    made[offset : offset + len(data)] = data
        return bytes(made)


def _apply(content: bytearray, event: Wrote | Resized) -> None:
    if isinstance(event, Resized):
        del content[event.size :]
        content += bytes(event.size - len(content))
        return
    content += bytes(max(0, event.offset - len(content)))
    content[event.offset : event.offset + len(event.data)] = event.data


class Disk:
    """Takes events one after the other; at any moment the power may fail. What is below `root` now is on the platter."""

    def __init__(self, root: Path) -> None:
        self.told: list[object] = []
        self._root = str(root)
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._folders = {self._root}
        self._waiting: list[Naming] = []
        for path in root.rglob("*"):
            if path.is_dir():
                self._folders.add(str(path))
            elif not path.name.endswith(SHARED):
                self._names[str(path)] = found = number_before(path.stat())
                self._files[found] = _File(path.read_bytes())

    def take(self, event: Event) -> None:
        match event:
            case Told(what):
                self.told.append(what)
            case Wrote() | Resized():
                self._file(event.file).take(event)
            case Synced(file):
                self._file(file).sync()
            case SyncFailed(file):
                self._file(file).fail()
            case FolderSynced(path):
                self._sync_folder(path)
            case _:
                self._waiting.append(event)

    def write_out(self, target: Path, fate: Fate) -> None:
        """What is found there when the power is back, below `target`."""
        names, folders = dict(self._names), set(self._folders)
        for event in self._waiting:
            if fate.keeps():
                _rename(names, folders, event)
        for folder in sorted(folders):
            if _is_there(folder, folders, self._root):
                self._moved(folder, target).mkdir(parents=True, exist_ok=True)
        for path, file in names.items():
            if _is_there(_parent(path), folders, self._root):
                self._moved(path, target).write_bytes(self._file(file).content(fate))

    def _file(self, number: int) -> _File:
        return self._files.setdefault(number, _File())

    def _sync_folder(self, path: str) -> None:
        left: list[Naming] = []
        for event in self._waiting:
            if _parent(event.path) == path:
                _rename(self._names, self._folders, event)
            else:
                left.append(event)
        self._waiting = left

    def _moved(self, path: str, target: Path) -> Path:
        return target / path[len(self._root) :].lstrip("/")


def _rename(names: dict[str, int], folders: set[str], event: Naming) -> None:
    match event:
        case Named(path, file):
            names[path] = file
        case Renamed(old, path, file):
            names.pop(old, None)
            names[path] = file
        case Removed(path):
            names.pop(path, None)
        case FolderMade(path):
            folders.add(path)
        case FolderRemoved(path):
            folders.discard(path)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _is_there(folder: str, folders: set[str], root: str) -> bool:
    return folder == root or (folder in folders and _is_there(_parent(folder), folders, root))
