"""Palaver: `Store.append` on the embedded database, everything included."""

import time
from collections.abc import Sequence
from pathlib import Path

import palaver
from bench.archive import append_all, settle
from bench.peers.base import Peer


class PalaverStore(Peer):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "palaver.db"
        self._store = palaver.open_store(self._path)
        self._ids: dict[str, str] = {}

    def open_session(self, name: str, history: Sequence[str]) -> None:
        self._ids[name] = self._store.create_session(title=name).id
        append_all(self._store, self._ids[name], history)

    def append(self, name: str, text: str) -> None:
        self._store.append(self._ids[name], palaver.user(text))

    def found_at_once(self, name: str, times: int) -> int:
        """How many of so many appends the very next search found."""
        found = 0
        for number in range(times):
            word = f"needle{time.time_ns()}x{number}"
            self._store.append(self._ids[name], palaver.user(f"{next(self._texts)} {word}"))
            found += any(hit.session_id == self._ids[name] for hit in self._store.search(word).items)
        return found

    def settle(self) -> None:
        settle(self._path)

    def close(self) -> None:
        self._store.close()


def open_peer(folder: Path) -> Peer:
    return PalaverStore(folder)
