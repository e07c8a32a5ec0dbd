"""OpenAI Agents SDK: `SQLiteSession(session_id, path)`, `await session.add_items([...])`."""

from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from agents import SQLiteSession

from bench.peers.base import AsyncPeer, Peer


class OpenaiSession(AsyncPeer):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._sessions: dict[str, SQLiteSession] = {}

    def open_session(self, name: str, history: Sequence[str]) -> None:
        self._sessions[name] = SQLiteSession(name, str(self.folder / "conversations.db"))
        self.runner.run(self._sessions[name].add_items([_item(text) for text in history]))

    def append(self, name: str, text: str) -> Awaitable[None]:
        added: Awaitable[None] = self._sessions[name].add_items([_item(text)])
        return added

    def last(self, name: str, limit: int) -> int:
        return len(self.runner.run(self._sessions[name].get_items(limit=limit)))

    def describe(self) -> str:
        connection = next(iter(self._sessions.values()))._get_connection()  # noqa: SLF001  (no public way to it)
        return _settings(connection)


def _item(text: str) -> Any:
    return {"role": "user", "content": text}


def _settings(connection: Any) -> str:
    names = ("journal_mode", "synchronous")
    return ", ".join(f"{name}={connection.execute(f'PRAGMA {name}').fetchone()[0]}" for name in names)


def open_peer(folder: Path) -> Peer:
    return OpenaiSession(folder)
