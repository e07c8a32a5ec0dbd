"""A file is made whole under a temporary name, brought to the disk, and only then given its own name."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from palaver.folders import sync_folder, sync_handle

_PREFIX = ".palaver-"
_SUFFIX = ".new"
_LEFT_AFTER = 3600  # seconds without a write: whoever made it was killed

REPLACES_OPEN = os.name != "nt"
"""Whether a file may be replaced while it is open."""


@contextmanager
def new_file(folder: Path) -> Iterator[Path]:
    """An empty file in `folder` for its owner alone, gone afterwards unless it was renamed."""
    _sweep(folder)
    path = folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):  # what went wrong before is what counts; it is swept up later
            _remove(path)


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFT_AFTER:
                _remove(path)


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def replace(source: Path, target: Path) -> None:
    """Bring `source` to the disk and give it the name `target`, in one step that survives a power cut."""
    sync(source)
    source.replace(target)
    sync_folder(target.parent)


def publish(source: Path, target: Path) -> None:
    """The same, but raises `FileExistsError` where the name is taken."""
    sync(source)
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(str(target)) from None
        source.rename(target)
    sync_folder(target.parent)


def take_empty(source: Path, target: Path) -> None:
    """The same where `target` is absent or empty; who comes later than somebody else leaves what is there.

    The empty file decides, by a lock SQLite does not know of: it must never open a file that is then replaced, for it
    would take the new one's WAL for its own.
    """
    sync(source)
    if os.name == "nt":
        _take_empty_windows(source, target)
        return
    import fcntl  # noqa: PLC0415  (absent on Windows)

    handle = os.open(target, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_empty(handle, target):
            source.replace(target)
            sync_folder(target.parent)
    finally:
        os.close(handle)


def _is_empty(handle: int, target: Path) -> bool:
    held = os.fstat(handle)
    return held.st_size == 0 and os.path.samestat(held, target.stat())


def _take_empty_windows(source: Path, target: Path) -> None:
    # A rename does not overwrite there.
    if target.exists() and target.stat().st_size == 0:
        target.unlink()
    with contextlib.suppress(FileExistsError):
        source.rename(target)


def sync(path: Path) -> None:
    """What was written to the file is on the disk."""
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        sync_handle(handle)
    finally:
        os.close(handle)
