"""A turn seen from outside: what another process writes, or what has ended, as the same events."""

import time
from collections.abc import Iterator

from palaver.chat.answering import ended
from palaver.chat.branches import newest_first
from palaver.chat.events import END, START, Place, Seen, TurnEvent, TurnStarted
from palaver.chat.turn import behind, delta
from palaver.errors import NotFound
from palaver.model import Message, part_length
from palaver.store import Store

POLL_SECONDS = 0.1
APPEAR_SECONDS = 2.0
"""An answer follows its question at once; one that has not after this time never will."""
QUIET_SECONDS = 5.0
"""After so long without news it is looked whether the writer still lives."""


def follow(store: Store, session_id: str, turn_id: str, after: str | None) -> Iterator[TurnEvent]:
    """The events of a turn, read from its draft and then from its message.

    Raises `NotFound` for a turn that has no answer, `Invalid` for an `after` that is no event's id.
    """
    wanted = Seen.parse(after) if after is not None else None
    answer = _await_answer(store, session_id, turn_id, wanted)
    seen = wanted.place if wanted is not None and wanted.answer_id == answer.id else None
    if seen is None:
        yield _started(answer, turn_id)
    reading = answer
    for reading in _readings(store, answer):
        for event in _behind(reading, seen):
            yield event
            seen = Seen.parse(event.id).place
    if seen is None or seen < _end_of(reading):
        yield ended(reading, _end_of(reading).id(answer.id))


def _readings(store: Store, answer: Message) -> Iterator[Message]:
    """The answer whenever there is more of it, to its end."""
    yield answer
    quiet_since = time.monotonic()
    while answer.status == "streaming":
        time.sleep(POLL_SECONDS)
        if time.monotonic() - quiet_since > QUIET_SECONDS:
            store.recover_drafts()
            quiet_since = time.monotonic()
        before, answer = answer, store.get_message(answer.id)
        if answer != before:
            quiet_since = time.monotonic()
            yield answer


def _behind(answer: Message, seen: Place | None) -> Iterator[TurnEvent]:
    offset = 0
    for part in answer.parts:
        event = delta(part, answer.id, offset)
        offset += part_length(part)
        if event is not None and (seen is None or seen < Seen.parse(event.id).place):
            yield behind(event, seen)


def _end_of(answer: Message) -> Place:
    return Place(sum(map(part_length, answer.parts)), END)


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
    """The answer that was being read, else the one on the branch that is shown, else the newest."""
    if wanted is not None:
        answer = store.get_message(wanted.answer_id)
        if answer.parent_id == question.id:
            return answer
    return _on_shown_branch(store, question) or _anywhere(store, question)


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
