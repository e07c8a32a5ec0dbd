"""Plain files written so that a reader, a crash or another process never meets half of one, nor loses its own."""

import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from palaver.folders import sync_folder, sync_handle

VERSION = 1
Writer = Callable[[BinaryIO], object]
_SPARE_LINES = 2000


class FileLock:
    """One holder at a time among all threads and processes that name the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait until nobody else holds it. Raises `OSError` where the file cannot be made."""
        with self._threads, self._path.open("ab") as file:
            _lock(file)
            try:
                yield
            finally:
                _unlock(file)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        while True:
            file.seek(0)
            with suppress(OSError):
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return
            time.sleep(0.02)

    def _unlock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


def sync(file: BinaryIO) -> None:
    """What was written to the file is on the disk."""
    file.flush()
    sync_handle(file.fileno())


class _Hashed:
    """A file that knows the digest of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._state = blake2b(digest_size=16)

    def write(self, data: bytes) -> int:
        self._state.update(data)
        return self._file.write(data)

    @property
    def digest(self) -> str:
        return self._state.hexdigest()


def replace(path: Path, write: Writer, announce: Callable[[str], object]) -> None:
    """Put in `path` what `write` writes, on the disk when this returns; `announce` hears its digest before it appears."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with partial.open("xb") as file:
            hashed = _Hashed(file)
            write(cast(BinaryIO, hashed))
            sync(file)
        announce(hashed.digest)
        partial.replace(path)
        sync_folder(path.parent)
    finally:
        with suppress(OSError):  # what went wrong before is what counts
            partial.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """The digest of a file's content. Raises `OSError`."""
    state = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            state.update(chunk)
    return state.hexdigest()


class Owned(msgspec.Struct):
    """A file that was written here: for which database, what it may hold, and the state of the session it shows."""

    location: str
    digests: tuple[str, ...] = ()
    state: str | None = None


class Ledger:
    """Which files of a folder a mirror has written, so that it never touches another one's. Used under a `FileLock`.

    A file of JSON lines: `["will", key, location, digest]` before a file appears, `["is", key, state]` after it,
    `["gone", key]` when it was removed. Several processes add to it; each reads what the others added.
    """

    def __init__(self, path: Path) -> None:
        self.entries: dict[str, Owned] = {}
        self._path = path
        self._read_to = 0
        self._inode = 0
        self._lines = 0
        self._looks: dict[str, tuple[int, int, int]] = {}

    def refresh(self) -> None:
        """Take in what other processes have added. A torn last line is one that was not finished: it says nothing."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self.entries, self._read_to, self._inode = {}, 0, 0
            return
        if stat.st_ino != self._inode or stat.st_size < self._read_to:
            self.entries, self._read_to, self._inode = {}, 0, stat.st_ino
        if stat.st_size > self._read_to:
            with self._path.open("rb") as file:
                file.seek(self._read_to)
                whole, _, _ = file.read().rpartition(b"\n")
            self._read_to += len(whole) + bool(whole)
            for line in whole.splitlines():
                self._take(line)

    def _take(self, line: bytes) -> None:
        self._lines += 1
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            match msgspec.json.decode(line):
                case ["will", str(key), str(location), str(digest)]:
                    known = self.entries.get(key)
                    digests = (*known.digests[-1:], digest) if known else (digest,)
                    self.entries[key] = Owned(location, digests, known.state if known else None)
                case ["is", str(key), str(state)] if key in self.entries:
                    known = self.entries[key]
                    self.entries[key] = Owned(known.location, known.digests[-1:], state)
                case ["gone", str(key)]:
                    self.entries.pop(key, None)
                case _:
                    pass  # The first line, or one that a later version knows.

    def add(self, *words: str, durable: bool = False) -> None:
        """Add a line and take it in."""
        with self._path.open("ab") as file:
            is_new = file.tell() == 0
            if is_new:
                file.write(_line("palaver-mirror", VERSION))
            elif not self._ends_with_line():
                file.write(b"\n")
            file.write(_line(*words))
            if durable:
                sync(file)
        if is_new:
            sync_folder(self._path.parent)  # else what it speaks of could be there without it
        self.refresh()

    def _ends_with_line(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def owns(self, key: str, path: Path) -> bool:
        """Whether the file at `path` holds what a mirror wrote there, and nothing somebody else did since."""
        known = self.entries.get(key)
        if known is None:
            return False
        return self._looks.get(key) == _look(path) or digest_of(path) in known.digests

    def remember(self, key: str, path: Path) -> None:
        """How the file looks now that it was written, which saves reading it the next time."""
        self._looks[key] = _look(path)

    def shrink(self) -> None:
        """Write the ledger anew where most of its lines are no longer true."""
        if self._lines < 4 * len(self.entries) + _SPARE_LINES:
            return
        lines = [_line("palaver-mirror", VERSION)]
        for key, known in self.entries.items():
            lines += [_line("will", key, known.location, digest) for digest in known.digests]
            lines += [_line("is", key, known.state)] if known.state else []
        replace(self._path, lambda out: out.write(b"".join(lines)), lambda _: None)
        self._lines = self._read_to = self._inode = 0
        self.refresh()


def _look(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _line(*words: str | int | None) -> bytes:
    return msgspec.json.encode(words) + b"\n"
