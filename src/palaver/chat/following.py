"""A turn seen from outside: what another process writes, or what has ended, as the same events."""

import time
from collections.abc import Iterator

from palaver.chat.branches import newest_first
from palaver.chat.endings import broken_off, ended
from palaver.chat.events import END, START, Place, Seen, TurnEvent, TurnStarted
from palaver.chat.stream import behind, delta
from palaver.errors import NotFound
from palaver.model import Message, Part, ToolCall, part_length
from palaver.store import Store

POLL_SECONDS = 0.1
APPEAR_SECONDS = 2.0
"""An answer follows its question, or the results before it, at once; one that has not after this time never will."""
QUIET_SECONDS = 5.0
"""After so long without news it is looked whether the writer still lives."""


def follow(store: Store, session_id: str, turn_id: str, after: str | None) -> Iterator[TurnEvent]:
    """The events of a turn, read from its drafts and then from its messages.

    Raises `NotFound` for a turn that has no answer, `Invalid` for an `after` that is no event's id.
    """
    seen = Seen.parse(after) if after is not None else None
    answer = _await_answer(store, session_id, turn_id, seen)
    if seen is None or seen.answer_id != answer.id:
        seen = None
        yield _started(answer, turn_id)
    while True:
        reading = _Reading(store, answer, seen)
        yield from reading.events()
        following = reading.find_next()
        if following is None:
            yield from reading.end()
            return
        answer, seen = following, None


class _Reading:
    """One answer, whenever there is more of it, with what stands below it when it is closed."""

    def __init__(self, store: Store, answer: Message, seen: Seen | None) -> None:
        self._store = store
        self._answer = answer
        self._seen = seen
        self._below: list[Message] = []
        self._offset = 0

    def events(self) -> Iterator[TurnEvent]:
        for _ in self._changes():
            yield from self._behind(self._answer.parts)
        if any(isinstance(part, ToolCall) for part in self._answer.parts):
            self._below = _list_below(self._store, self._answer)
        results = [part for message in self._results() for part in message.parts]
        yield from self._behind((*self._answer.parts, *results))

    def find_next(self) -> Message | None:
        """The answer that follows the results; None at the end of the turn."""
        if self._answer.status != "complete" or not self._results():
            return None
        deadline = time.monotonic() + APPEAR_SECONDS
        while True:
            for message in self._below:
                if message.role == "assistant":
                    return message
            if time.monotonic() > deadline:
                return None
            time.sleep(POLL_SECONDS)
            self._below = _list_below(self._store, self._answer)

    def end(self) -> Iterator[TurnEvent]:
        last = Place(self._offset, END)
        if self._seen is not None and self._seen.place >= last:
            return
        id = last.id(self._answer.id)
        goes_on = self._answer.status == "complete" and self._results()
        yield broken_off(self._answer, id) if goes_on else ended(self._answer, id)

    def _changes(self) -> Iterator[None]:
        """Each time there is more of it, to its end."""
        yield
        quiet_since = time.monotonic()
        while self._answer.status == "streaming":
            time.sleep(POLL_SECONDS)
            if time.monotonic() - quiet_since > QUIET_SECONDS:
                self._store.recover_drafts()
                quiet_since = time.monotonic()
            before, self._answer = self._answer, self._store.get_message(self._answer.id)
            if self._answer != before:
                quiet_since = time.monotonic()
                yield

    def _behind(self, parts: tuple[Part, ...]) -> Iterator[TurnEvent]:
        """The parts as events, as far as nobody has seen them."""
        self._offset = 0
        for part in parts:
            event = delta(part, self._answer.id, self._offset)
            self._offset += part_length(part)
            if event is None:
                continue
            here = Seen.parse(event.id)
            if self._seen is None or self._seen.place < here.place:
                yield behind(event, self._seen)
                self._seen = here

    def _results(self) -> list[Message]:
        """What came back from the tools this answer called; a draft has it among its own parts."""
        return [message for message in self._below if message.role == "tool"]


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
