"""The stored side of what runs in a session: it keeps others out in every process, and keeps what happens."""

import logging
import threading
from collections.abc import Callable, Sequence

from palaver import wire
from palaver.chat.backlog import CANNOT_RECORD, REFUSED, Backlog
from palaver.chat.events import (
    InputRequired,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnEvent,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from palaver.errors import PalaverError
from palaver.model import SideEvent, TurnState
from palaver.store import Store

_IN_MESSAGES = (
    TurnStarted,
    TextDelta,
    ReasoningDelta,
    ToolCalled,
    ToolReturned,
    TurnFinished,
    TurnFailed,
)
"""What readers make of the answers themselves."""

_log = logging.getLogger(__name__)


class Claim:
    """A session, taken in the store for one thing that runs. Safe from any thread.

    Where the store could not be written at the beginning nothing is taken, and of what happens nothing is kept.
    """

    def __init__(self, store: Store, backlog: Backlog, session_id: str) -> None:
        self._store = store
        self._backlog = backlog
        self._session_id = session_id
        self._begun: TurnState | None = None
        self._lock = threading.Lock()
        self._count = 0
        self._waiting: list[SideEvent] = []

    @property
    def actor(self) -> str:
        """Who began it."""
        return self._store.actor

    @property
    def begun(self) -> TurnState | None:
        """How it stood in the store when it began; None where it is not there."""
        return self._begun

    @property
    def _number(self) -> int | None:
        return self._begun.number if self._begun is not None else None

    @property
    def waiting(self) -> Sequence[SideEvent]:
        """What has happened and is not kept yet, oldest first."""
        with self._lock:
            return tuple(self._waiting)

    def take(self, begin: Callable[[], TurnState]) -> TurnState:
        """Begin it in the store. Raises what `begin` raises."""
        self._begun = begin()
        return self._begun

    def note(self, event: TurnEvent) -> None:
        """It happens now; it is kept with what is written next."""
        if self._number is None or isinstance(event, _IN_MESSAGES):
            return
        asked = event if isinstance(event, InputRequired) else None
        with self._lock:
            self._waiting.append(
                SideEvent(
                    number=self._count,
                    id=event.id,
                    data=wire.to_builtins(event),
                    request_id=asked.request_id if asked else None,
                    choices=asked.choices if asked else (),
                )
            )
            self._count += 1

    def kept(self, events: Sequence[SideEvent]) -> None:
        """These are in the store now."""
        with self._lock:
            self._waiting = [one for one in self._waiting if one not in events]

    def flush(self) -> None:
        """Keep what waits, while no answer is written. What cannot be kept now is tried again with the next."""
        waiting = self.waiting
        if self._number is None or not waiting:
            return
        try:
            self._store.extend_turn(self._session_id, self._number, *waiting)
        except PalaverError as exc:
            _log.info("What happens in session %s is not kept now: %s", self._session_id, exc.message)
        else:
            self.kept(waiting)

    def find(self) -> TurnState | None:
        """How it stands in the store; None where it does not, or cannot be read."""
        if self._number is None:
            return None
        try:
            turns = self._store.list_turns(self._session_id)
        except PalaverError as exc:
            _log.info("The turn of session %s cannot be looked at: %s", self._session_id, exc.message)
            return None
        return next((turn for turn in turns if turn.number == self._number), None)

    def end(self) -> None:
        """It is over. Where the store cannot be written, it is told later, behind what else waits."""
        if self._number is None:
            return
        number, waiting = self._number, self.waiting

        def save() -> None:
            self._store.end_turn(self._session_id, number, *waiting)

        try:
            self._backlog.put(self._session_id, [], save)
        except (*REFUSED, *CANNOT_RECORD) as exc:
            _log.info("The end of a turn in session %s is not told: %s", self._session_id, exc.message)
