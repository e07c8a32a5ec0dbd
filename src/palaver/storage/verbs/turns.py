"""Verbs on turns: a session is taken, told of, stopped and left, whichever process does it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from palaver.errors import Conflict, Invalid, NotFound
from palaver.ids import find_bytes, from_bytes, new_id, to_bytes
from palaver.model import TURN_KINDS, Message, NewMessage, Part, SideEvent, Status, TurnKind, TurnState, Usage
from palaver.storage.rows import EDITOR, SessionRow
from palaver.storage.transaction import POSITION_MASK, Reading, Writing
from palaver.storage.verbs import drafts, lookup, messages, turn_rows
from palaver.storage.verbs.kinds import MESSAGE_CHANGED
from palaver.storage.verbs.message_rows import Prepared, find_tip
from palaver.storage.verbs.turn_rows import TurnRow, find_running, state
from palaver.store import HEAD, Head


class Beginning(NamedTuple):
    """What a turn begins with; without a question it answers what stands at `parent_id`."""

    kind: TurnKind
    question: Prepared | None
    parent_id: str | None | Head
    turn_id: str | None
    answer_id: str | None
    model: str | None
    provider: str | None
    lease: float
    owner: str


def begin_turn(tx: Writing, session_id: str, beginning: Beginning) -> TurnState:
    row, _ = lookup.open_session_row(tx, session_id)
    if drafts.recover_row(tx, row):
        row, _ = lookup.open_session_row(tx, session_id)
    drafts.check_idle(tx, row)
    if beginning.kind not in TURN_KINDS:
        raise Invalid(f"kind must be one of {', '.join(TURN_KINDS)}", field="kind")
    turn_id, answer_id = beginning.turn_id, None
    if beginning.kind == "answer":
        turn_id, answer_id = _open(tx, from_bytes(row.id), beginning)
    tx.run(
        "insert_turn",
        session=row.key,
        id=to_bytes(turn_id or new_id()),
        kind=TURN_KINDS.index(beginning.kind),
        actor=tx.actor,
        owner=beginning.owner,
        lease_until=tx.now + turn_rows.TURN_LEASE_MS,
        answers=to_bytes(answer_id) if answer_id else b"",
        now=tx.now,
    )
    turn_rows.tell_change(tx, row.key)
    begun = find_running(tx, row.key)
    assert begun is not None  # noqa: S101
    return turn_rows.value(begun, from_bytes(row.id))


class Following(NamedTuple):
    """The draft that is opened where one of the same turn is closed."""

    id: str
    lease: float
    owner: str


def _open(tx: Writing, session_id: str, beginning: Beginning) -> tuple[str, str]:
    """The question stored and shown, a draft below it; the ids of the turn and of the answer."""
    leaf_id = beginning.parent_id
    place: messages.Place | None = None
    if beginning.question is not None:
        _, place, _ = messages.add(tx, session_id, [beginning.question], leaf_id)
        leaf_id = beginning.question.new.id
    if beginning.parent_id is not HEAD and isinstance(leaf_id, str):
        messages.set_head(tx, session_id, leaf_id)
        place = None
    if place is not None:
        row, tip, _ = place
    else:
        row, _, tip = find_tip(tx, session_id, leaf_id)
    parent_id = from_bytes(tip.id) if tip.id else None
    answer_id = beginning.answer_id or new_id()
    new = drafts.NewDraft(
        answer_id, beginning.model, beginning.provider, None, beginning.lease, beginning.owner
    )
    drafts.add_draft(tx, row, tip, new)
    return beginning.turn_id or parent_id or answer_id, answer_id


def close_draft(
    tx: Writing,
    message_id: str,
    status: Status,
    parts: Sequence[Part] | None,
    usage: Usage | None,
    error: str | None,
    metadata: Mapping[str, Any] | None,
    results: Sequence[NewMessage],
    following: Following | None,
) -> Message:
    """A draft's end and what its calls gave back, below it; and the next draft of its turn."""
    message = messages.close_draft(tx, message_id, status, parts, usage, error, metadata, results)
    if following is not None and tx.row("message_exists", id=to_bytes(following.id)) is None:
        _open_next(tx, message, results[-1].id if results else message.id, following)
    return message


def _open_next(tx: Writing, message: Message, leaf_id: str, following: Following) -> None:
    drafts.open_draft(
        tx,
        message.session_id,
        leaf_id,
        following.id,
        message.model,
        message.provider,
        None,
        following.lease,
        following.owner,
    )


def extend_turn(tx: Writing, session_id: str, number: int, events: Sequence[SideEvent]) -> TurnState:
    row, _ = lookup.session_row(tx, session_id, EDITOR)
    turn = _this(tx, row, number)
    if turn is None:
        raise Conflict(f"The turn in session {session_id} has ended already")
    turn_rows.put_events(tx, turn, events)
    turn_rows.renew(tx, turn)
    return state(tx, turn, from_bytes(row.id))


def end_turn(tx: Writing, session_id: str, number: int, events: Sequence[SideEvent]) -> None:
    row, _ = lookup.session_row(tx, session_id, EDITOR)
    turn = _this(tx, row, number)
    if turn is not None:
        turn_rows.put_events(tx, turn, events)
        turn_rows.end(tx, turn)


def list_turns(tx: Reading, session_id: str) -> list[TurnState]:
    row, _ = lookup.session_row(tx, session_id)
    found = tx.rows("list_turns", session=row.key)
    return [state(tx, TurnRow(*columns), from_bytes(row.id)) for columns in found]


def stop_turn(tx: Writing, session_id: str, turn_id: str | None) -> bool:
    row, _ = lookup.session_row(tx, session_id, EDITOR)
    turn = find_running(tx, row.key)
    if turn_id is not None and (turn is None or turn.id != find_bytes(turn_id)):
        return False
    streaming = tx.rows("list_session_drafts", low=row.ref(1), high=row.ref(POSITION_MASK))
    for ref, _, _ in streaming:
        tx.run("stop_draft", ref=ref)
        tx.mark(MESSAGE_CHANGED, ref)
    if turn is not None:
        tx.run("stop_turn", session=row.key, key=turn.key)
        turn_rows.tell_change(tx, row.key)
    return turn is not None or bool(streaming)


def answer_turn(tx: Writing, session_id: str, request_id: str, choice: str) -> None:
    row, _ = lookup.session_row(tx, session_id, EDITOR)
    turn = find_running(tx, row.key)
    found = tx.row("find_turn_request", session=row.key, turn=turn.key, request=request_id) if turn else None
    if turn is None or found is None or found[2] is not None:
        raise NotFound("request", request_id)
    number, choices, _ = found
    offered = json.loads(choices)
    if choice not in offered:
        raise Invalid(f"{choice[:40]!r} is no choice here; there are: {', '.join(offered)}", field="choice")
    tx.run("set_turn_choice", session=row.key, turn=turn.key, number=number, choice=choice)
    turn_rows.tell_change(tx, row.key)


def _this(tx: Reading, row: SessionRow, number: int) -> TurnRow | None:
    turn = find_running(tx, row.key)
    return turn if turn is not None and turn.key == number else None
