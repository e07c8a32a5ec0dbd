"""The making of a checkpoint that a person asked for, as events like a turn's."""

import logging
from collections.abc import Callable, Sequence

from palaver.chat.claim import Claim
from palaver.chat.compression import Compression
from palaver.chat.events import CheckpointFinished, TurnEvent
from palaver.chat.models import Chosen
from palaver.chat.scope import Scope
from palaver.chat.stopping import Stopping
from palaver.chat.stream import Stream
from palaver.context.tools import Tool
from palaver.errors import Busy, PalaverError
from palaver.ids import new_id
from palaver.model import NewMessage, TurnState
from palaver.store import HEAD, Store

_log = logging.getLogger(__name__)


class Compacting(Stream):
    """Running or finished; the last event is a `CheckpointFinished`. Its events' ids begin with its own."""

    def __init__(self, session_id: str, claim: Claim) -> None:
        self.id = new_id()
        super().__init__(self.id)
        self.session_id = session_id
        self._claim = claim
        self.stopping = Stopping()
        self._finished: CheckpointFinished | None = None

    @property
    def begun(self) -> TurnState | None:
        """As it was stored when it began."""
        return self._claim.begun

    def stop(self) -> None:
        """Give it up; nothing changes then. Returns at once."""
        self.stopping.stop()

    def wait(self, timeout: float | None = None) -> CheckpointFinished:
        """What came of it. Raises `Busy` when `timeout` seconds have passed before."""
        self.wait_for_end(timeout)
        if self._finished is None:
            raise Busy(f"The checkpoint is still being made after {timeout:g} seconds")
        return self._finished

    def make(
        self, store: Store, compression: Compression, chosen: Chosen, tools: Callable[[], Sequence[Tool]]
    ) -> CheckpointFinished:
        """For the engine: do it, whatever comes of it."""
        provider, model = chosen
        scope = Scope(
            session_id=self.session_id,
            leaf_id=HEAD,
            provider=provider,
            model=model,
            next_id=self.next_id,
            tell=self._tell,
            ask=lambda required: required.default,
            note=lambda note: _append(store, self.session_id, note),
            stopped=self.stopping.event,
        )
        try:
            return compression.compact(scope, tools=tools())
        except PalaverError as exc:
            return self._nothing(exc.message)
        except Exception as exc:  # noqa: BLE001  (the end of a thread: whoever waits must hear of it)
            _log.exception("Making a checkpoint in session %s failed in an unknown way", self.session_id)
            return self._nothing(f"It failed in an unknown way: {type(exc).__name__}")

    def end(self, event: CheckpointFinished) -> None:
        """For the engine: it is over, and the session free."""
        self._finished = event
        self.tell(event, last=True)

    def leave(self, event: CheckpointFinished) -> None:
        """For the engine: it ends with this event; the session is free in the store."""
        self._claim.note(event)
        self._claim.end()

    def look(self) -> None:
        """For the engine: another process may have asked for a stop."""
        state = self._claim.find()
        if state is not None and state.stop_requested:
            self.stop()

    def _tell(self, event: TurnEvent) -> None:
        """The end is told once the session is free."""
        if not isinstance(event, CheckpointFinished):
            self._claim.note(event)
            self.tell(event)
            self._claim.flush()

    def _nothing(self, why: str) -> CheckpointFinished:
        return CheckpointFinished(id=self.next_id(), checkpoint=None, text=why, before=0, after=0)


def _append(store: Store, session_id: str, note: NewMessage) -> None:
    store.append(session_id, note)
