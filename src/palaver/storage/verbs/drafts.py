"""Verbs on drafts: answers that are still being written."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from palaver.errors import Busy, Conflict, Corrupt, Invalid
from palaver.ids import find_bytes, from_bytes, new_bytes, to_bytes
from palaver.model import (
    ROLES,
    STATUSES,
    DraftState,
    Message,
    NewMessage,
    Part,
    Reasoning,
    SideEvent,
    Status,
    Text,
    Usage,
    join_parts,
    part_length,
)
from palaver.storage import owner
from palaver.storage.rows import (
    EDITOR,
    STREAMING,
    MessageRow,
    SessionRow,
    check_parts,
    check_text,
    decode_parts,
    encode_body,
    encode_json,
    encode_map,
    encode_usage,
    message_match_key,
    status_number,
)
from palaver.storage.transaction import POSITION_BITS, POSITION_MASK, Reading, Writing
from palaver.storage.verbs import lookup, session_rows, turn_rows
from palaver.storage.verbs.kinds import DRAFT_OPENED, MESSAGE_ADDED, MESSAGE_CHANGED
from palaver.storage.verbs.message_rows import (
    Tip,
    advance,
    attach_files,
    digest_of,
    find_tip,
    token_count,
)
from palaver.storage.verbs.titles import check_optional_name
from palaver.store import Head

_ASSISTANT = ROLES.index("assistant")
_log = logging.getLogger(__name__)

MAX_LEASE = 24 * 60 * 60
_INTERRUPTED: Status = "interrupted"


def open_draft(
    tx: Writing,
    session_id: str,
    parent_id: str | None | Head,
    id: str | None,
    model: str | None,
    provider: str | None,
    metadata: Mapping[str, Any] | None,
    lease: float,
    draft_owner: str,
) -> Message:
    lookup.session_row(tx, session_id, EDITOR)
    recover_session(tx, session_id)
    row, _, tip = find_tip(tx, session_id, parent_id)
    check_no_draft(tx, row)
    ref = add_draft(tx, row, tip, NewDraft(id, model, provider, metadata, lease, draft_owner))
    turn = turn_rows.find_running(tx, row.key)
    if turn is not None and turn.owner == draft_owner:
        answers = turn.answers + (row.head_id or b"")
        tx.run("set_turn_answers", session=turn.session_key, key=turn.key, answers=answers)
    return _read(tx, ref, from_bytes(row.id))


class NewDraft(NamedTuple):
    """What an answer begins with."""

    id: str | None
    model: str | None
    provider: str | None
    metadata: Mapping[str, Any] | None
    lease: float
    owner: str


def add_draft(tx: Writing, row: SessionRow, tip: Tip, new: NewDraft) -> int:
    """Open it below the tip, which moves along with the head; its ref. Raises `Conflict` where its id is taken."""
    raw = to_bytes(new.id) if new.id is not None else new_bytes()
    if tx.row("message_exists", id=raw) is not None:
        raise Conflict(f"Another message with the id {new.id} is stored already")
    ref = row.ref(row.last_position + 1)
    tx.run(
        "insert_message",
        **_empty_columns(ref, raw, tx.now),
        parent=tip.position,
        model=check_optional_name(new.model, "model"),
        provider=check_optional_name(new.provider, "provider"),
        metadata=encode_map(new.metadata or {}, "metadata"),
    )
    tx.run("insert_draft", ref=ref, owner=new.owner, lease_until=tx.now + _milliseconds(new.lease))
    advance(row, tip, raw, 0)
    row.message_count -= 1  # Counted when it is closed.
    session_rows.save_advanced(tx, row, said=False)
    tx.mark(DRAFT_OPENED, ref)
    return ref


def _empty_columns(ref: int, id: bytes, now: int) -> dict[str, Any]:
    columns: dict[str, Any] = dict.fromkeys(
        (
            "trashed_at",
            "purged_at",
            "digest",
            "match_key",
            "guard",
            "usage",
            "error",
            "origin_source",
            "origin_id",
        )
    )
    numbers = {"mark": 0, "tokens": 0, "in_context": 1, "role": _ASSISTANT, "status": STREAMING}
    return {**columns, **numbers, "ref": ref, "id": id, "created_at": now, "body": encode_body(())}


def _milliseconds(lease: float) -> int:
    if not 0 < lease <= MAX_LEASE:
        raise Invalid(
            f"lease must be more than 0 and at most {MAX_LEASE} seconds, not {lease}", field="lease"
        )
    return int(lease * 1000)


def extend_draft(
    tx: Writing,
    message_id: str,
    parts: Sequence[Part],
    offset: int,
    events: Sequence[SideEvent],
    lease: float,
) -> DraftState:
    message, draft = _open_draft(tx, message_id)
    _, _, length, stop = draft
    turn = turn_rows.find_running(tx, message.session_key)
    added = check_parts(parts)
    size = sum(part_length(part) for part in added)
    if offset > length:
        raise Conflict(
            f"Draft {message_id} has {length} characters, so nothing can be added at {offset}: a part is missing"
        )
    if turn is not None:
        turn_rows.put_events(tx, turn, events)
        turn_rows.renew(tx, turn)
    if offset < length:
        _check_repeat(tx, message, added, offset, size)
        return DraftState(offset=length, stop_requested=bool(stop))
    if size:
        body = encode_body(added) if len(added) != 1 or type(added[0]) is not Text else _text_json(added[0])
        tx.run("insert_chunk", ref=message.ref, at=length, length=size, body=body)
    tx.run("extend_draft", ref=message.ref, length=length + size, lease_until=tx.now + _milliseconds(lease))
    return DraftState(offset=length + size, stop_requested=bool(stop))


def _text_json(part: Text) -> bytes:
    return encode_json([{"type": "text", "text": part.text}], "parts")


def _check_repeat(tx: Writing, message: MessageRow, added: tuple[Part, ...], offset: int, size: int) -> None:
    here = _slice(lookup.draft_parts(tx, message.ref), offset, offset + size)
    if join_parts(here) != join_parts(added):
        raise Conflict(f"Draft {from_bytes(message.id)} holds something else at {offset}")


def _slice(parts: tuple[Part, ...], start: int, end: int) -> list[Part]:
    """What lies between two offsets."""
    found: list[Part] = []
    at = 0
    for part in parts:
        length = part_length(part)
        low, high = max(start - at, 0), min(end - at, length)
        if low < high:
            found.append(type(part)(part.text[low:high]) if isinstance(part, Text | Reasoning) else part)
        at += length
    return found


def _open_draft(tx: Reading, message_id: str) -> tuple[MessageRow, tuple[Any, ...]]:
    message = lookup.message_with_session(tx, message_id, EDITOR)[0]
    draft = tx.row("find_draft", ref=message.ref) if message.status == STREAMING else None
    if draft is None:
        raise Conflict(f"Message {message_id} is no open draft: it is {STATUSES[message.status]}")
    return message, draft


def close_draft(
    tx: Writing,
    message_id: str,
    status: Status,
    parts: Sequence[Part] | None,
    usage: Usage | None,
    error: str | None,
    metadata: Mapping[str, Any] | None,
) -> Message:
    message, row, _ = lookup.message_with_session(tx, message_id, EDITOR)
    if status_number(status) == STREAMING:
        raise Invalid("a draft is closed as complete, interrupted, cancelled or error", field="status")
    if message.status != STREAMING:
        outcome = (status, error, usage, None if parts is None else check_parts(parts))
        return _closed_already(tx, message, row, outcome)
    final = check_parts(parts) if parts is not None else lookup.draft_parts(tx, message.ref)
    _finish(tx, row, message, final, status, usage, error, metadata)
    return _read(tx, message.ref, from_bytes(row.id))


def _closed_already(tx: Reading, message: MessageRow, row: SessionRow, outcome: tuple[Any, ...]) -> Message:
    """The message, if it was closed with this very outcome (status, error, usage and parts, None for what came)."""
    stored = _read(tx, message.ref, from_bytes(row.id))
    parts = stored.parts if outcome[3] is None else outcome[3]
    if (stored.status, stored.error, stored.usage, stored.parts) != (*outcome[:3], parts):
        raise Conflict(f"Message {stored.id} was closed already, as {stored.status}")
    return stored


def _finish(
    tx: Writing,
    row: SessionRow,
    message: MessageRow,
    parts: tuple[Part, ...],
    status: Status,
    usage: Usage | None,
    error: str | None,
    metadata: Mapping[str, Any] | None,
) -> None:
    body = encode_body(parts)
    if type(body) is bytes:
        parts = decode_parts(body)
    parent = tx.row("find_message_at", ref=row.ref(message.parent)) if message.parent else None
    parent_row = MessageRow(*parent) if parent else None
    new = NewMessage(role="assistant", parts=parts, usage=usage)
    columns: dict[str, Any] = {
        "id": message.id,
        "role": message.role,
        "status": status_number(status),
        "tokens": token_count(message.role, parts, new),
        "match_key": message_match_key(parent_row.match_key if parent_row else None, message.role, parts),
        "model": message.model,
        "provider": message.provider,
        "usage": encode_usage(usage),
        "error": None if error is None else check_text(error, "error"),
        "metadata": message.metadata if metadata is None else encode_map(metadata, "metadata"),
        "created_at": message.created_at,
        "origin_source": message.origin_source,
        "origin_id": message.origin_id,
        "body": body,
    }
    columns["digest"] = digest_of(
        row.id, parent_row.digest if parent_row else None, message.position, columns
    )
    tx.run("finish_message", ref=message.ref, mark=tx.mark(MESSAGE_ADDED, message.ref), **columns)
    attach_files(tx, message.ref, parts)
    tx.run("delete_chunks", ref=message.ref)
    tx.run("delete_draft", ref=message.ref)
    row.message_count += 1
    if row.head == message.position:
        row.token_count += columns["tokens"]
    session_rows.save_advanced(tx, row)
    tx.touch(from_bytes(row.id))


def request_stop(tx: Writing, message_id: str) -> bool:
    message, _, _ = lookup.message_with_session(tx, message_id, EDITOR)
    if message.status != STREAMING:
        return False
    tx.run("stop_draft", ref=message.ref)
    tx.mark(MESSAGE_CHANGED, message.ref)
    turn = turn_rows.find_running(tx, message.session_key)
    if turn is not None and turn.answer_id == message.id:
        tx.run("stop_turn", session=turn.session_key, key=turn.key)
        turn_rows.tell_change(tx, message.session_key)
    return True


def recover_session(tx: Writing, session_id: str) -> None:
    """Close the session's drafts that nobody writes any more, so that they are in nobody's way."""
    raw = find_bytes(session_id)
    found = tx.row("find_session", id=raw, actor=tx.actor) if raw else None
    if found is not None:
        recover_row(tx, lookup.admitted_session(tx, found)[0])


def recover_row(tx: Writing, row: SessionRow) -> bool:
    """The same of a session that was just read; whether it is another one now."""
    closed: list[Message] = []
    if row.head and tx.row("find_draft", ref=row.ref(row.head)):
        closed = recover(tx, tx.rows("list_session_drafts", low=row.ref(1), high=row.ref(POSITION_MASK)))
    _end_abandoned(tx, turn_rows.find_running(tx, row.key))
    return bool(closed)


def recover_drafts(tx: Writing) -> list[Message]:
    closed: list[Message] = []
    for *draft, role in tx.rows("list_drafts", actor=tx.actor):
        tx.admit(draft[0] >> POSITION_BITS, role)
        closed += recover(tx, [(*draft,)])
    for *columns, role in tx.rows("list_running_turns", actor=tx.actor):
        turn = turn_rows.TurnRow(*columns)
        tx.admit(turn.session_key, role)
        _end_abandoned(tx, turn)
    return closed


def _end_abandoned(tx: Writing, turn: turn_rows.TurnRow | None) -> None:
    if turn is not None and turn_rows.is_abandoned(tx, turn):
        turn_rows.end(tx, turn)


def recover(tx: Writing, found: list[tuple[Any, ...]]) -> list[Message]:
    closed: list[Message] = []
    for ref, draft_owner, lease_until in found:
        if lease_until < tx.now or owner.is_dead(draft_owner):
            try:
                closed.append(close_abandoned(tx, ref))
            except Corrupt as exc:
                _log.warning("an interrupted answer was left as it is: %s", exc)
    return closed


def close_abandoned(tx: Writing, ref: int) -> Message:
    columns = tx.row("find_message_at", ref=ref)
    if columns is None:
        raise Conflict("the draft is gone")
    message = MessageRow(*columns)
    return interrupt(tx, from_bytes(message.id))


def interrupt(tx: Writing, message_id: str) -> Message:
    """Close a draft with what has come; the turn it belongs to is over."""
    message, row, _ = lookup.message_with_session(tx, message_id)
    closed = close_draft(tx, message_id, _INTERRUPTED, None, None, None, None)
    turn = turn_rows.find_running(tx, row.key)
    if turn is not None and turn.answer_id == message.id:
        turn_rows.end(tx, turn)
    return closed


def check_no_draft(tx: Reading, row: SessionRow) -> None:
    """Raises `Busy` while an answer is being written in the session."""
    if has_live_draft(tx, row):
        id = from_bytes(row.id)
        raise Busy(f"An answer is being written in session {id}: wait for its end or stop it", session_id=id)


def check_idle(tx: Reading, row: SessionRow) -> None:
    """Raises `Busy` while a turn runs in the session, or an answer is being written there without one."""
    check_no_draft(tx, row)
    turn = turn_rows.find_running(tx, row.key)
    if turn is not None:
        what = "Older messages are being summarised" if turn.kind else "A turn has not ended yet"
        id = from_bytes(row.id)
        raise Busy(f"{what} in session {id}: wait for its end or stop it", session_id=id)


def is_idle(tx: Reading, row: SessionRow) -> bool:
    return not has_live_draft(tx, row) and turn_rows.find_running(tx, row.key) is None


def has_live_draft(tx: Reading, row: SessionRow) -> bool:
    return bool(tx.rows("list_session_drafts", low=row.ref(1), high=row.ref(POSITION_MASK)))


def _read(tx: Reading, ref: int, session_id: str) -> Message:
    columns = tx.row("find_message_at", ref=ref)
    if columns is None:
        raise Conflict("the message is gone")
    return lookup.full_message(tx, columns, session_id)
