"""One question and everything up to its finished answer, as events that anybody may read from any point."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator

from palaver.chat.events import (
    DELTA,
    Place,
    ReasoningDelta,
    Seen,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnEvent,
    TurnFailed,
    TurnFinished,
)
from palaver.errors import Busy
from palaver.model import (
    Event,
    File,
    Message,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    part_length,
)


class Turn:
    """A running or finished turn. `id` is that of the question, `answer_id` that of the answer."""

    def __init__(self, session_id: str, id: str, answer_id: str, stop: Callable[[], None]) -> None:
        self.session_id = session_id
        self.id = id
        self.answer_id = answer_id
        self._stop = stop
        self._changed = threading.Condition()
        self._places: list[Place] = []
        self._events: list[TurnEvent] = []
        self._offset = 0
        self._message: Message | None = None

    def events(self, after: str | None = None) -> Iterator[TurnEvent]:
        """What has happened and what happens, to the end; behind the event with the id `after`. Several may read."""
        seen = _place_in(self.answer_id, after)
        number = bisect_right(self._places, seen) if seen else 0
        while True:
            with self._changed:
                while len(self._events) == number and self._message is None:
                    self._changed.wait()
                fresh = self._events[number:]
            for event in fresh:
                yield behind(event, seen)
            number += len(fresh)
            if not fresh:
                return

    def stop(self) -> None:
        """End the answer; what came is kept as `cancelled`. Returns at once."""
        self._stop()

    def wait(self, timeout: float | None = None) -> Message:
        """The finished answer, whatever its status. Raises `Busy` when `timeout` seconds have passed before."""
        with self._changed:
            self._changed.wait_for(lambda: self._message is not None, timeout)
            if self._message is None:
                raise Busy(f"The answer is still being written after {timeout:g} seconds")
            return self._message

    @property
    def done(self) -> bool:
        return self._message is not None

    def id_at(self, rank: int) -> str:
        """The id of an event of this rank that happens now."""
        return Place(self._offset, rank).id(self.answer_id)

    def tell(self, event: TurnEvent) -> None:
        """For the engine: something has happened."""
        with self._changed:
            self._places.append(Seen.parse(event.id).place)
            self._events.append(event)
            if isinstance(event, TurnFinished | TurnFailed):
                self._message = event.message
            self._changed.notify_all()

    def tell_part(self, part: Part) -> None:
        """For the engine: a piece of the answer has come."""
        event = delta(part, self.answer_id, self._offset)
        self._offset += part_length(part)
        if event is not None:
            self.tell(event)


def delta(part: Part, answer_id: str, offset: int) -> TurnEvent | None:
    """The event for a part that begins at `offset`; its id names where the part ends. None for what nobody is shown."""
    if not part_length(part):
        return None
    name = Place(offset + part_length(part), DELTA).id(answer_id)
    match part:
        case Text(text=text):
            return TextDelta(id=name, text=text)
        case Reasoning(text=text):
            return ReasoningDelta(id=name, text=text)
        case ToolCall():
            return ToolCalled(id=name, call=part)
        case ToolResult():
            return ToolReturned(id=name, result=part)
        case File() | Event() | Opaque():
            return None


def behind(event: TurnEvent, seen: Place | None) -> TurnEvent:
    """The event without the beginning of its text that lies before `seen`."""
    if seen is None or not isinstance(event, TextDelta | ReasoningDelta):
        return event
    end = Seen.parse(event.id).place.offset
    known = len(event.text) - (end - seen.offset)
    return type(event)(id=event.id, text=event.text[known:]) if known > 0 else event


def _place_in(answer_id: str, after: str | None) -> Place | None:
    """Where `after` stands in this answer; an event of another answer counts as none."""
    seen = Seen.parse(after) if after is not None else None
    return seen.place if seen is not None and seen.answer_id == answer_id else None
