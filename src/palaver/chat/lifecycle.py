"""One client's current session: which it is, how it changes, who is told."""

from collections.abc import Callable
from typing import Literal

import msgspec

from palaver.model import Session, Time
from palaver.store import Store

EventName = Literal["session_start", "session_saved", "session_end"]
SessionListener = Callable[[str, str | None, str], None]


class SessionEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`turn_number` counts the session's questions, `message_count` its messages."""

    name: EventName
    session_id: str
    model: str | None
    provider: str | None
    turn_number: int
    message_count: int
    timestamp: Time


class SessionManager:
    """Holds the current session of one client. Safe from any thread.

    At first it is the store's most recent session, or a fresh one with `model`.
    """

    def __init__(self, store: Store, model: str | None = None, *, context_size: int | None = None) -> None:
        raise NotImplementedError

    @property
    def current_session(self) -> Session:
        """The session as it is stored now."""
        raise NotImplementedError

    @property
    def current_model(self) -> str | None:
        raise NotImplementedError

    def session_path(self, session_id: str | None = None) -> str:
        """Where the session is: its mirrored file, or the store's location (without secrets) and the id."""
        raise NotImplementedError

    def create_session(self, model: str | None = None, *, provider: str | None = None) -> Session:
        """Start a session linked to the current one and make it current.

        Another model makes the relation `model_swap`, the same one (or None) `new`.
        """
        raise NotImplementedError

    def switch(self, id: str) -> Session:
        """Make an existing session current. Raises `NotFound`, and then nothing has changed."""
        raise NotImplementedError

    def set_pending_context_size(self, size: int) -> None:
        """The window, in tokens, of the next session that is created; it overrides the configured one."""
        raise NotImplementedError

    def take_pending_context_size(self) -> int | None:
        """The pending size, once: it is gone afterwards."""
        raise NotImplementedError

    def on_session_change(self, callback: SessionListener) -> Callable[[], None]:
        """Call back with (session id, model, path) after each change; returns what ends it."""
        raise NotImplementedError

    def on(self, event: EventName, callback: Callable[[SessionEvent], None]) -> Callable[[], None]:
        """Call back when the event happens; returns what ends it."""
        raise NotImplementedError

    def close(self) -> None:
        """Tell `session_end` and stop listening. The store stays open."""
        raise NotImplementedError
