"""The limit: the same bytes at the end of a file, made durable."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.peers.base import Peer

if sys.platform == "darwin":
    import fcntl

    def sync(file: int) -> None:
        """Down to the medium; a plain fsync stops at the drive's cache there."""
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
else:
    sync = getattr(os, "fdatasync", os.fsync)


class Raw(Peer):
    """One file per session, opened once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._files: dict[str, int] = {}

    def open_session(self, name: str, history: Sequence[str]) -> None:
        file = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, "".join(history).encode())
        sync(file)
        self._files[name] = file

    def append(self, name: str, text: str) -> None:
        file = self._files[name]
        os.write(file, text.encode())
        sync(file)

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)


def open_peer(folder: Path) -> Peer:
    return Raw(folder)
