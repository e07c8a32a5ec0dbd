"""Folders that survive a power cut: a name in one is on the disk only once the folder itself is."""

import contextlib
import os
import sys
from pathlib import Path


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder with those above it that are missing. `mode` is for the folder itself. Raises `OSError`."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    for each in missing:
        with contextlib.suppress(PermissionError):  # who may write to a folder but not read it cannot sync it
            sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """The names in the folder are on the disk. Windows does that by itself. Raises `OSError`."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        sync_handle(handle)
    finally:
        os.close(handle)


def sync_handle(handle: int) -> None:
    """What was written is on the disk itself, which on macOS takes more than `fsync`. Raises `OSError`."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415  (absent on Windows)

        with contextlib.suppress(OSError):  # not every file system has it
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)
