"""The rows of turns: which one runs in a session, what happened in it, its end."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from palaver.ids import from_bytes
from palaver.model import TURN_KINDS, SideEvent, Time, TurnState
from palaver.storage import owner
from palaver.storage.rows import check_text, encode_json, readable
from palaver.storage.transaction import POSITION_BITS, Reading, Row, Writing
from palaver.storage.verbs.kinds import TURN_CHANGED

TURN_LEASE_MS = 120 * 1000
"""Longer than a draft's: while a title or a summary is made nothing renews it."""
KEEP_MS = 60 * 1000
"""How long a turn's events are kept behind its end, for readers that come by now and then."""
_CLEAN = 100
_ID = 16


class TurnRow(NamedTuple):
    """As the fragment `turn_columns` has it."""

    key: int
    session_key: int
    id: bytes
    kind: int
    actor: str
    owner: str
    lease_until: int
    stop_requested: int
    answers: bytes
    begun_at: int
    ended_at: int | None

    @property
    def answer_id(self) -> bytes:
        """That of the newest answer; empty where there is none."""
        return self.answers[-_ID:]


def find_running(tx: Reading, session_key: int) -> TurnRow | None:
    found = tx.row("find_running_turn", session=session_key)
    return TurnRow(*found) if found else None


def is_abandoned(tx: Writing, turn: TurnRow) -> bool:
    """Whether nobody runs it any more."""
    return turn.lease_until < tx.now or owner.is_dead(turn.owner)


def renew(tx: Writing, turn: TurnRow) -> None:
    tx.run("renew_turn", session=turn.session_key, key=turn.key, lease_until=tx.now + TURN_LEASE_MS)


def end(tx: Writing, turn: TurnRow) -> None:
    tx.run("end_turn", session=turn.session_key, key=turn.key, now=tx.now)
    tell_change(tx, turn.session_key)
    with tx.by_itself():
        for key, session in tx.rows("list_old_turns", before=tx.now - KEEP_MS, limit=_CLEAN):
            tx.run("delete_turn_events", turn=key, session=session)
            tx.run("delete_turn", key=key, session=session)


def end_running(tx: Writing, session_key: int) -> None:
    """The session's turn is over, where one runs."""
    turn = find_running(tx, session_key)
    if turn is not None:
        end(tx, turn)


def tell_change(tx: Writing, session_key: int) -> None:
    tx.mark(TURN_CHANGED, session_key << POSITION_BITS)


def put_events(tx: Writing, turn: TurnRow, events: Sequence[SideEvent]) -> None:
    """Keep them; those that are kept already stay as they are."""
    for event in events:
        tx.run(
            "insert_turn_event",
            session=turn.session_key,
            turn=turn.key,
            number=event.number,
            id=check_text(event.id, "id"),
            data=encode_json(event.data, "data"),
            request_id=event.request_id,
            choices=encode_json(event.choices, "choices").decode() if event.request_id else None,
        )
    if any(event.request_id for event in events):
        tell_change(tx, turn.session_key)


def state(tx: Reading, turn: TurnRow, session_id: str) -> TurnState:
    """The turn with what has happened in it."""
    found = tx.rows("list_turn_events", session=turn.session_key, turn=turn.key)
    return value(turn, session_id, tuple(map(_event, found)))


def value(turn: TurnRow, session_id: str, events: tuple[SideEvent, ...] = ()) -> TurnState:
    return TurnState(
        number=turn.key,
        id=from_bytes(turn.id),
        session_id=session_id,
        kind=TURN_KINDS[turn.kind],
        actor=turn.actor,
        begun_at=Time.from_ms(turn.begun_at),
        ended_at=Time.from_ms(turn.ended_at) if turn.ended_at is not None else None,
        answers=tuple(from_bytes(turn.answers[at : at + _ID]) for at in range(0, len(turn.answers), _ID)),
        stop_requested=bool(turn.stop_requested),
        events=events,
    )


def _event(columns: Row) -> SideEvent:
    number, id, data, request_id, choices, choice = columns
    with readable(f"event {id}"):
        loaded: dict[str, Any] = json.loads(data)
        offered = tuple(json.loads(choices)) if choices else ()
    return SideEvent(number=number, id=id, data=loaded, request_id=request_id, choices=offered, choice=choice)
