"""Runs turns: records the question, asks the model, records the answer as it comes."""

from collections.abc import Iterator, Sequence

from palaver.chat.events import TurnEvent
from palaver.chat.turn import Turn
from palaver.model import NewMessage
from palaver.providers.base import Provider
from palaver.settings import Settings
from palaver.store import HEAD, Head, Store


class Engine:
    """Turns in the sessions of one store. One turn runs per session; many sessions may have one at the same time."""

    def __init__(
        self, store: Store, providers: Sequence[Provider], *, settings: Settings | None = None
    ) -> None:
        raise NotImplementedError

    def start_turn(
        self,
        session_id: str,
        message: str | NewMessage,
        *,
        parent_id: str | None | Head = HEAD,
        model: str | None = None,
    ) -> Turn:
        """Record a question and have it answered. The turn goes on when nobody reads its events.

        `model` ("name" or "provider/name") is for this answer alone; None is the session's. Raises `Busy` while a turn
        runs in the session, `NotFound` and `Invalid` as the store does. If only recording fails, the turn goes on.
        """
        raise NotImplementedError

    def retry(self, message_id: str, *, model: str | None = None) -> Turn:
        """Ask again: a sibling of the answer `message_id`, or a new answer to the question `message_id`."""
        raise NotImplementedError

    def follow(self, session_id: str, turn_id: str, after: str | None = None) -> Iterator[TurnEvent]:
        """The events of a turn, running or ended, in this process or another, behind the event `after`."""
        raise NotImplementedError

    def running(self, session_id: str) -> Turn | None:
        """The turn this process runs in the session."""
        raise NotImplementedError

    def stop(self, session_id: str) -> bool:
        """Stop the session's turn, whichever process runs it; what came is kept. False where none runs."""
        raise NotImplementedError

    def unsaved(self, session_id: str | None = None) -> list[NewMessage]:
        """Messages that could not be recorded yet, oldest first. They are tried again until they are saved."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop every turn, keep what came, and try once more to save what is unsaved. The store stays open."""
        raise NotImplementedError
