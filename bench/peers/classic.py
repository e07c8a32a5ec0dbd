"""The classic recorder: after every message the whole session as JSON, to a temporary file, synced and renamed."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.peers.base import Peer, synced_folder
from bench.peers.raw import sync


class Classic(Peer):
    """Holds its sessions in memory, as a chat program does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._sessions: dict[str, list[dict[str, Any]]] = {}

    def open_session(self, name: str, history: Sequence[str]) -> None:
        self._sessions[name] = [{"role": "user", "content": text} for text in history]
        self._write(name)

    def append(self, name: str, text: str) -> None:
        self._sessions[name].append({"role": "user", "content": text})
        self._write(name)

    def _write(self, name: str) -> None:
        path = self.folder / f"{name}.json"
        temporary = path.with_suffix(".tmp")
        with temporary.open("w") as file:
            json.dump({"id": name, "messages": self._sessions[name]}, file)
            file.flush()
            sync(file.fileno())
        temporary.replace(path)
        with synced_folder(self.folder) as folder:
            os.fsync(folder)


def open_peer(folder: Path) -> Peer:
    return Classic(folder)
