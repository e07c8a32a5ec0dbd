"""One answer that a program has asked for in words of its own: recorded like any other, and nothing else is done."""

import logging
from collections.abc import Callable, Iterable

from palaver.chat.answering import Answering, Pace
from palaver.chat.endings import describe, ended
from palaver.chat.events import END
from palaver.chat.places import Places
from palaver.chat.recording import Outcome, Recording
from palaver.chat.turn import Turn
from palaver.context.attachments import Image
from palaver.context.prompt import Sent
from palaver.context.tokens import Counter, count_parts
from palaver.errors import PalaverError
from palaver.model import File, Message, NewMessage, Text
from palaver.providers.base import Answer

_log = logging.getLogger(__name__)

Ask = Callable[[], Answer]


def as_sent(
    messages: Iterable[NewMessage], load: Callable[[File], Text | Image | None], counter: Counter
) -> list[Sent]:
    """Messages as a model is sent them, with what is in their files, and the tokens of each."""
    made = []
    for message in messages:
        parts = [load(part) if isinstance(part, File) else part for part in message.parts]
        known = tuple(part for part in parts if part is not None)
        made.append(Sent(message.role, known, count_parts(known, counter)))
    return made


class Relaying:
    """`run` blocks until the answer is closed. What the model calls is for the program to do."""

    def __init__(self, turn: Turn, recording: Recording, places: Places, pace: Pace) -> None:
        self._turn = turn
        self._recording = recording
        self._places = places
        self._answering = Answering(turn, recording, pace)

    def look(self) -> None:
        """Another process may have asked for a stop."""
        state = self._recording.claim.find()
        if state is not None and state.stop_requested:
            self._turn.stop()

    def run(self, ask: Ask) -> None:
        try:
            message = self._answering.run(lambda answering: answering.listen(ask()))
        except Exception as exc:  # noqa: BLE001  (the end of a thread: whoever waits for the answer must hear of it)
            _log.error("An answer in session %s failed", self._turn.session_id, exc_info=exc)
            message = self._fail(exc)
        finally:
            self._recording.claim.end()
            self._places.leave(self._turn.session_id)
        self._turn.end(ended(message, self._turn.id_at(END), unsaved=self._recording.failure))

    def _fail(self, exc: Exception) -> Message:
        error = (
            exc
            if isinstance(exc, PalaverError)
            else PalaverError(f"the turn failed in an unknown way: {type(exc).__name__}")
        )
        return self._recording.close(Outcome(status="error", error=error.message, metadata=describe(error)))
