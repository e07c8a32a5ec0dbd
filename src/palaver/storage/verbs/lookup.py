"""Finding rows the actor may see. What is absent and what is invisible raise the same `NotFound`."""

from operator import attrgetter

import msgspec

from palaver.errors import Conflict, Corrupt, Forbidden, NotFound
from palaver.ids import find_bytes, from_bytes
from palaver.model import MEMBER_ROLES, Message, Part, Session, join_parts
from palaver.storage import values
from palaver.storage.rows import (
    EDITOR,
    SESSION_COLUMNS,
    STREAMING,
    TRASHED,
    VIEWER,
    MessageRow,
    ProjectRow,
    SessionPlace,
    SessionRow,
    decode_parts,
    encode_body,
)
from palaver.storage.transaction import POSITION_BITS, POSITION_MASK, Reading, Row

_WIDTH = len(SESSION_COLUMNS)
ROLE = _WIDTH + 1
"""Where the actor's role stands in the columns of a query for a session."""

_NO_DETAIL = (None, None, None)
# As the query fragment `session_value` has them, before the detail.
_value_columns = attrgetter(
    "id", "title", "title_source", "model", "provider", "context_size", "tags", "pinned", "archived_at", "trashed_at",
    "head_id", "message_count", "token_count", "compression_count", "parent_id", "relation", "created_at", "updated_at",
    "revision", "origin_source", "origin_id", "project_key",
)  # fmt: skip


def project_row(tx: Reading, project_id: str, least: int = VIEWER) -> ProjectRow:
    """Raises `Forbidden` where the actor's role in it is less than `least`."""
    raw = find_bytes(project_id)
    found = tx.row("find_project", id=raw, actor=tx.actor) if raw else None
    if found is None:
        raise NotFound("project", project_id)
    check_role(found[-1], least, "project", project_id)
    row = ProjectRow(*found[:-1])
    tx.admit_project(row.key, found[-1])
    return row


def check_role(role: int, least: int, kind: str, id: str) -> None:
    """Raise `Forbidden` for who sees it and may do no more."""
    if role < least:
        raise Forbidden(
            f"This {kind} is open to you as {MEMBER_ROLES[role]}; what you want takes {MEMBER_ROLES[least]}: {id}"
        )


def find_session_row(tx: Reading, session_id: str, least: int = VIEWER) -> tuple[SessionRow, bytes] | None:
    """The session's columns and its project's id."""
    raw = find_bytes(session_id)
    found = tx.row("find_session", id=raw, actor=tx.actor) if raw else None
    if found is None:
        return None
    check_role(found[ROLE], least, "session", session_id)
    return admitted_session(tx, found)


def session_row(tx: Reading, session_id: str, least: int = VIEWER) -> tuple[SessionRow, bytes]:
    """Raises `Forbidden` where the actor's role in its project is less than `least`."""
    found = find_session_row(tx, session_id, least)
    if found is None:
        raise NotFound("session", session_id)
    return found


def session_place(tx: Reading, session_id: str) -> SessionPlace:
    raw = find_bytes(session_id)
    found = tx.row("find_session_place", id=raw, actor=tx.actor) if raw else None
    if found is None:
        raise NotFound("session", session_id)
    place = SessionPlace(*found[:-1])
    tx.admit(place.key, found[-1])
    return place


def open_session_row(tx: Reading, session_id: str) -> tuple[SessionRow, bytes]:
    """A session that can be written to: by this actor, and not in the trash."""
    row, project_id = session_row(tx, session_id, EDITOR)
    check_not_trashed(row)
    return row, project_id


def check_not_trashed(row: SessionRow) -> None:
    if row.state == TRASHED:
        raise Conflict(f"Session {from_bytes(row.id)} is in the trash: take it out first (untrash_session)")


def admitted_session(tx: Reading, found: Row) -> tuple[SessionRow, bytes]:
    """From a row of a query that looks for sessions as the actor: it and its project are open to them from here on."""
    row = SessionRow(*found[:_WIDTH])
    admit(tx, row, found[ROLE])
    return row, found[_WIDTH]


def admit(tx: Reading, row: SessionRow, role: int) -> None:
    """The session and its project are open to the actor from here on, as far as the role goes."""
    tx.admit(row.key, role)
    tx.admit_project(row.project_key, role)


def session_value(tx: Reading, row: SessionRow, project_id: bytes) -> Session:
    detail = tx.row("find_session_detail", session=row.key)
    columns = (*_value_columns(row), *(detail[:3] if detail else _NO_DETAIL))
    return values.session_value(columns, from_bytes(project_id))


def message_row(tx: Reading, message_id: str) -> MessageRow:
    raw = find_bytes(message_id)
    found = tx.row("find_message", id=raw, actor=tx.actor) if raw else None
    if found is None:
        raise NotFound("message", message_id)
    return MessageRow(*found[:-1])


def message_with_session(
    tx: Reading, message_id: str, least: int = VIEWER
) -> tuple[MessageRow, SessionRow, bytes]:
    """Raises `Forbidden` where the actor's role in its project is less than `least`."""
    message = message_row(tx, message_id)
    found = tx.row("find_session_by_key", key=message.session_key, actor=tx.actor)
    if found is None:
        raise NotFound("message", message_id)
    check_role(found[ROLE], least, "message", message_id)
    return message, *admitted_session(tx, found)


def message_in_session(tx: Reading, row: SessionRow | SessionPlace, message_id: str) -> MessageRow:
    """A message of this very session; one of another session is not there."""
    raw = find_bytes(message_id)
    found = tx.row("find_message_in", id=raw, session=row.key) if raw else None
    if found is None:
        raise NotFound("message", message_id)
    return MessageRow(*found)


def full_message(tx: Reading, columns: Row, session_id: str) -> Message:
    """A message with its parent's id, and of a draft what has come so far."""
    ref, parent = columns[0], columns[2]
    parent_id = None
    if parent:
        found = tx.row("find_message_id", ref=(ref >> POSITION_BITS) << POSITION_BITS | parent)
        parent_id = from_bytes(found[0]) if found else None
    return value_of(tx, columns, session_id, parent_id)


def value_of(tx: Reading, columns: Row, session_id: str, parent_id: str | None) -> Message:
    """A message value; a draft's parts are read from its chunks."""
    if columns[5] != STREAMING:
        return values.message_value(columns, session_id, parent_id)
    return values.message_value(
        (*columns[:-1], encode_body(draft_parts(tx, columns[0]))), session_id, parent_id
    )


def draft_parts(tx: Reading, ref: int) -> tuple[Part, ...]:
    """What has come of a draft. Raises `Corrupt`."""
    try:
        found = [part for (body,) in tx.rows("list_chunks", ref=ref) for part in decode_parts(body)]
    except msgspec.MsgspecError as exc:
        where = f"draft at position {ref & POSITION_MASK}"
        raise Corrupt(f"the {where} cannot be read: {exc}", where=where) from exc
    return join_parts(found)


def message_at(tx: Reading, row: SessionRow, position: int) -> MessageRow:
    """The message at a position that something stored names."""
    found = tx.row("find_message_at", ref=row.ref(position))
    if found is None:
        raise Corrupt(
            f"session {from_bytes(row.id)} has no message at position {position}", where=from_bytes(row.id)
        )
    return MessageRow(*found)
