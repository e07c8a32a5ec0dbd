"""A turn seen from outside: what another process writes, or what has ended, as the same events."""

import heapq
import time
from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter

from palaver import wire
from palaver.chat.branches import newest_first
from palaver.chat.endings import broken_off, ended
from palaver.chat.events import END, START, Place, Seen, TurnEvent, TurnStarted
from palaver.chat.stream import behind, delta
from palaver.errors import NotFound
from palaver.model import Message, Part, Reasoning, Text, ToolCall, TurnState, part_length
from palaver.store import Store

POLL_SECONDS = 0.1
APPEAR_SECONDS = 2.0
"""An answer that no stored turn tells of follows its question, or the results before it, at once; one that has not after
this time never will."""
QUIET_SECONDS = 5.0
"""After so long without news it is looked whether the writer still lives."""

_Told = tuple[Place, TurnEvent]


def follow(store: Store, session_id: str, turn_id: str, after: str | None) -> Iterator[TurnEvent]:
    """The events of a turn, read from its drafts, from what is kept beside them and then from its messages.

    Raises `NotFound` for a turn that has no answer, `Invalid` for an `after` that is no event's id.
    """
    seen = Seen.parse(after) if after is not None else None
    beside = _Beside(store, session_id, turn_id)
    if beside.find_summary():
        yield from _summary(beside, seen)
        return
    answer = _await_answer(store, session_id, turn_id, seen)
    if seen is None or seen.answer_id != answer.id:
        seen = None
        yield _started(answer, turn_id)
    while True:
        reading = _Reading(store, answer, beside, seen)
        yield from reading.events()
        following = reading.find_next()
        if following is None:
            yield from reading.end()
            return
        answer, seen = following, None


class _Beside:
    """What the store keeps of a turn beside its answers, as it was when it was last looked at."""

    def __init__(self, store: Store, session_id: str, turn_id: str) -> None:
        self._store = store
        self._session_id = session_id
        self._turn_id = turn_id
        self._quiet_since = time.monotonic()
        self._turns: list[TurnState] = []

    def look(self) -> None:
        self._turns = [one for one in self._store.list_turns(self._session_id) if one.id == self._turn_id]

    def find_summary(self) -> TurnState | None:
        """The turn, where it is the making of a summary."""
        self.look()
        return next((one for one in self._turns if one.kind == "summary"), None)

    def turn_of(self, answer_id: str) -> TurnState | None:
        """The turn that the answer belongs to: asking again makes another by the same id."""
        return next((one for one in self._turns if answer_id in one.answers), None)

    def goes_on(self, answer_id: str) -> bool:
        """Whether something may still happen behind this answer, and before any other."""
        turn = self.turn_of(answer_id)
        return turn is not None and turn.ended_at is None and turn.answer_id == answer_id

    def next_id(self, answer_id: str) -> str | None:
        """The answer that follows."""
        turn = self.turn_of(answer_id)
        behind = turn.answers[turn.answers.index(answer_id) + 1 :] if turn is not None else ()
        return behind[0] if behind else None

    def told(self, turn: TurnState | None, answer_id: str) -> list[_Told]:
        """What has happened at an answer, in order."""
        found = []
        for one in turn.events if turn is not None else ():
            here = Seen.parse(one.id)
            if here.answer_id == answer_id:
                event: TurnEvent = wire.convert(one.data, TurnEvent)
                found.append((here.place, event))
        return sorted(found, key=itemgetter(0))

    def wait(self, *, news: bool) -> None:
        """Until it is time to look again. After a while without news, see to it that what a dead process left ends."""
        now = time.monotonic()
        if news:
            self._quiet_since = now
        elif now - self._quiet_since > QUIET_SECONDS:
            self._store.recover_drafts()
            self._quiet_since = now
        time.sleep(POLL_SECONDS)


def _summary(beside: _Beside, seen: Seen | None) -> Iterator[TurnEvent]:
    turn = beside.find_summary()
    place = seen.place if seen is not None else Place(-1, 0)
    while turn is not None:
        fresh = [(at, event) for at, event in beside.told(turn, turn.id) if at > place]
        for place, event in fresh:  # noqa: B007
            yield event
        if turn.ended_at is not None:
            return
        beside.wait(news=bool(fresh))
        turn = beside.find_summary()


class _Reading:
    """One answer, whenever there is more of it, with what stands below it when it is closed."""

    def __init__(self, store: Store, answer: Message, beside: _Beside, seen: Seen | None) -> None:
        self._store = store
        self._answer = answer
        self._beside = beside
        self._seen = seen
        self._below: list[Message] = []
        self._length = 0

    def events(self) -> Iterator[TurnEvent]:
        """To the end of the answer, and of what happens behind it."""
        while True:
            before = self._seen
            # The answer first: of what is beside it is then known what happened before its last character.
            self._answer = self._store.get_message(self._answer.id)
            self._beside.look()
            parts = self._answer.parts
            if self._answer.status != "streaming" and any(isinstance(part, ToolCall) for part in parts):
                self._below = _list_below(self._store, self._answer)
                parts = (*parts, *(part for message in self._results() for part in message.parts))
            yield from self._behind(parts)
            if self._answer.status != "streaming" and not self._beside.goes_on(self._answer.id):
                return
            self._beside.wait(news=self._seen != before)

    def find_next(self) -> Message | None:
        """The answer that follows the results; None at the end of the turn."""
        next_id = self._beside.next_id(self._answer.id)
        if next_id is not None:
            return self._store.get_message(next_id)
        if self._answer.status != "complete" or not self._results():
            return None
        deadline = time.monotonic() + APPEAR_SECONDS
        while True:
            for message in self._below:
                if message.role == "assistant":
                    return message
            if self._beside.turn_of(self._answer.id) is not None or time.monotonic() > deadline:
                return None
            time.sleep(POLL_SECONDS)
            self._below = _list_below(self._store, self._answer)

    def end(self) -> Iterator[TurnEvent]:
        last = Place(self._length, END)
        if self._seen is not None and self._seen.place >= last:
            return
        id = last.id(self._answer.id)
        goes_on = self._answer.status == "complete" and self._results()
        yield broken_off(self._answer, id) if goes_on else ended(self._answer, id)

    def _behind(self, parts: tuple[Part, ...]) -> Iterator[TurnEvent]:
        """The parts as events, with what happened beside them, as far as nobody has seen it."""
        self._length = sum(map(part_length, parts))
        turn = self._beside.turn_of(self._answer.id)
        beside = [one for one in self._beside.told(turn, self._answer.id) if one[0].offset <= self._length]
        said = _deltas(parts, self._answer.id, [place.offset for place, _ in beside])
        for place, event in heapq.merge(said, beside, key=itemgetter(0)):
            if self._seen is None or self._seen.place < place:
                yield behind(event, self._seen)
                self._seen = Seen(self._answer.id, place)

    def _results(self) -> list[Message]:
        """What came back from the tools this answer called; a draft has it among its own parts."""
        return [message for message in self._below if message.role == "tool"]


def _deltas(parts: tuple[Part, ...], answer_id: str, cuts: list[int]) -> Iterator[_Told]:
    """The parts as events; a text is cut where something happened within it."""
    offset = 0
    for part in parts:
        for piece in _pieces(part, [cut - offset for cut in cuts]):
            event = delta(piece, answer_id, offset)
            offset += part_length(piece)
            if event is not None:
                yield Seen.parse(event.id).place, event


def _pieces(part: Part, cuts: list[int]) -> Iterator[Part]:
    if not isinstance(part, Text | Reasoning):
        yield part
        return
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(part.text)}), len(part.text)]
    for start, end in pairwise(edges):
        yield type(part)(part.text[start:end])


def _list_below(store: Store, answer: Message) -> list[Message]:
    """What follows an answer up to the answer or the question after it, on the branch that is shown or on its own."""
    below: list[Message] = []
    for message in newest_first(store, answer.session_id):
        if message.id == answer.id:
            return _up_to_next(below[::-1])
        if message.position <= answer.position:
            break
        below.append(message)
    return _up_to_next(_newest_line(store, answer))


def _up_to_next(messages: list[Message]) -> list[Message]:
    found: list[Message] = []
    for message in messages:
        if message.role == "user":
            break
        found.append(message)
        if message.role == "assistant":
            break
    return found


def _newest_line(store: Store, answer: Message) -> list[Message]:
    """From child to child, the newest of each: what another branch than the shown one holds."""
    children: dict[str | None, Message] = {}
    for message in store.tree(answer.session_id):
        if message.position > answer.position and message.trashed_at is None:
            children[message.parent_id] = message
    line: list[Message] = []
    below = children.get(answer.id)
    while below is not None:
        line.append(below)
        below = children.get(below.id)
    return line


def _started(answer: Message, turn_id: str) -> TurnStarted:
    return TurnStarted(
        id=Place(0, START).id(answer.id),
        session_id=answer.session_id,
        turn_id=turn_id,
        answer_id=answer.id,
        model=answer.model or "",
        provider=answer.provider or "",
    )


def _await_answer(store: Store, session_id: str, turn_id: str, wanted: Seen | None) -> Message:
    question = store.get_message(turn_id)
    if question.session_id != session_id:
        raise NotFound("turn", turn_id)
    deadline = time.monotonic() + APPEAR_SECONDS
    while True:
        answer = _find_answer(store, question, wanted)
        if answer is not None:
            return answer
        if time.monotonic() > deadline:
            raise NotFound("turn", turn_id)
        time.sleep(POLL_SECONDS)


def _find_answer(store: Store, question: Message, wanted: Seen | None) -> Message | None:
    """The answer that was being read, else the first one on the branch that is shown, else the newest below it."""
    if wanted is not None:
        answer = store.get_message(wanted.answer_id)
        if answer.session_id == question.session_id and _answers(store, answer, question):
            return answer
    return _on_shown_branch(store, question) or _anywhere(store, question)


def _answers(store: Store, answer: Message, question: Message) -> bool:
    """Whether an answer belongs to the question's turn: no other question stands between them."""
    message = answer
    while message.parent_id is not None and message.position > question.position:
        if message.parent_id == question.id:
            return True
        message = store.get_message(message.parent_id)
        if message.role == "user":
            break
    return False


def _on_shown_branch(store: Store, question: Message) -> Message | None:
    for message in newest_first(store, question.session_id):
        if message.parent_id == question.id:
            return message if message.role == "assistant" else None
        if message.position <= question.position:
            return None
    return None


def _anywhere(store: Store, question: Message) -> Message | None:
    answers = (
        m for m in store.tree(question.session_id) if m.parent_id == question.id and m.role == "assistant"
    )
    return max(answers, key=lambda m: m.position, default=None)
