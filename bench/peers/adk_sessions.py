"""Google ADK: `DatabaseSessionService("sqlite+aiosqlite:///…")`, `await service.append_event(session, event)`."""

from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from google.adk.events import Event
from google.adk.sessions import DatabaseSessionService, Session
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai.types import Content, Part
from sqlalchemy import text as sql

from bench.peers.base import AsyncPeer, Peer

_APP, _USER = "bench", "somebody"


class AdkSessions(AsyncPeer):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._service = DatabaseSessionService(f"sqlite+aiosqlite:///{folder / 'sessions.db'}")
        self._sessions: dict[str, Session] = {}

    def open_session(self, name: str, history: Sequence[str]) -> None:
        self.runner.run(self._open(name, history))

    async def _open(self, name: str, history: Sequence[str]) -> None:
        self._sessions[name] = await self._service.create_session(
            app_name=_APP, user_id=_USER, session_id=name
        )
        for text in history:
            await self.append(name, text)

    def append(self, name: str, text: str) -> Awaitable[Any]:
        event = Event(author="user", content=Content(role="user", parts=[Part(text=text)]))
        appended: Awaitable[Any] = self._service.append_event(self._sessions[name], event)
        return appended

    def last(self, name: str, limit: int) -> int:
        found = self.runner.run(
            self._service.get_session(
                app_name=_APP,
                user_id=_USER,
                session_id=name,
                config=GetSessionConfig(num_recent_events=limit),
            )
        )
        return len(found.events) if found else 0

    def describe(self) -> str:
        return self.runner.run(self._settings())

    async def _settings(self) -> str:
        async with self._service.db_engine.connect() as connection:
            found = [
                f"{name}={(await connection.execute(sql(f'PRAGMA {name}'))).scalar()}"
                for name in ("journal_mode", "synchronous")
            ]
        return ", ".join(found)

    def close(self) -> None:
        self.runner.run(self._service.close())


def open_peer(folder: Path) -> Peer:
    return AdkSessions(folder)
