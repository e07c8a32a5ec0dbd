"""Events that anybody may read from any point, while they happen and afterwards."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator

from palaver.chat.events import (
    BESIDE,
    DELTA,
    Place,
    ReasoningDelta,
    Seen,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnEvent,
)
from palaver.model import Event as EventPart
from palaver.model import File, Opaque, Part, Reasoning, Text, ToolCall, ToolResult, part_length


class Stream:
    """Events in order, over one answer after another. Safe from any thread; nothing follows the end."""

    def __init__(self, answer_id: str) -> None:
        self._changed = threading.Condition()
        self._answer_ids = [answer_id]
        self._offset = 0
        self._beside = BESIDE
        self._spots: list[tuple[int, Place]] = []
        self._events: list[TurnEvent] = []
        self._ended = False
        self._listeners: list[Callable[[TurnEvent], None]] = []
        self._at_end: list[Callable[[], None]] = []

    @property
    def answer_id(self) -> str:
        """The answer that is being written, or the last one."""
        return self._answer_ids[-1]

    @property
    def done(self) -> bool:
        return self._ended

    def events(self, after: str | None = None) -> Iterator[TurnEvent]:
        """What has happened and what happens, to the end; behind the event with the id `after`. Several may read.

        Raises `Invalid` for an `after` that is no event's id; one of another turn counts as none.
        """
        seen = Seen.parse(after) if after is not None else None
        number = self._number_behind(seen)
        while True:
            with self._changed:
                while len(self._events) == number and not self._ended:
                    self._changed.wait()
                fresh = self._events[number:]
            for event in fresh:
                yield behind(event, seen)
            number += len(fresh)
            if not fresh:
                return

    def listen(self, callback: Callable[[TurnEvent], None]) -> None:
        """Call back with each event from the first one on, in order, on the thread that tells it.

        The callback is quick and does not raise: whoever tells waits for it.
        """
        with self._changed:
            for event in self._events:
                callback(event)
            self._listeners.append(callback)

    def begin(self, answer_id: str) -> None:
        """For the engine: what follows belongs to another answer."""
        with self._changed:
            self._answer_ids.append(answer_id)
            self._offset = 0

    def id_at(self, rank: int) -> str:
        """The id of an event of this rank that happens now."""
        return Place(self._offset, rank).id(self.answer_id)

    def next_id(self) -> str:
        """The id of an event beside the answer that happens now."""
        with self._changed:
            rank, self._beside = self._beside, self._beside + 1
        return self.id_at(rank)

    def tell(self, event: TurnEvent, *, last: bool = False) -> None:
        """For the engine: something has happened; behind the `last` event nothing is taken."""
        seen = Seen.parse(event.id)
        with self._changed:
            if self._ended:
                return
            spot = (self._answer_ids.index(seen.answer_id), seen.place)
            self._spots.append(max(spot, self._spots[-1]) if self._spots else spot)
            self._events.append(event)
            for listener in self._listeners:
                listener(event)
            self._ended = last
            self._changed.notify_all()
        if last:
            for callback in self._at_end:
                callback()

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back when it has ended, at once where it has. The callback is quick and does not raise."""
        with self._changed:
            ended = self._ended
            if not ended:
                self._at_end.append(callback)
        if ended:
            callback()

    def tell_part(self, part: Part) -> None:
        """For the engine: a piece of the answer has come."""
        event = delta(part, self.answer_id, self._offset)
        self._offset += part_length(part)
        if event is not None:
            self.tell(event)

    def wait_for_end(self, timeout: float | None) -> bool:
        """False where it has not come within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended, timeout)

    def _number_behind(self, seen: Seen | None) -> int:
        with self._changed:
            if seen is None or seen.answer_id not in self._answer_ids:
                return 0
            return bisect_right(self._spots, (self._answer_ids.index(seen.answer_id), seen.place))


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
        case File() | EventPart() | Opaque():
            return None


def behind(event: TurnEvent, seen: Seen | None) -> TurnEvent:
    """The event without the beginning of its text that was seen already."""
    if seen is None or not isinstance(event, TextDelta | ReasoningDelta):
        return event
    here = Seen.parse(event.id)
    if here.answer_id != seen.answer_id:
        return event
    known = len(event.text) - (here.place.offset - seen.place.offset)
    return type(event)(id=event.id, text=event.text[known:]) if known > 0 else event
