"""Adding messages to a session: the one way in, for appends, forks, drafts and imports."""

import json
from typing import Any

from palaver.context.tokens import count_parts, estimate
from palaver.errors import Busy, Conflict, Invalid, NotFound
from palaver.ids import find_bytes, from_bytes, to_bytes
from palaver.model import ROLES, File, Message, NewMessage, Part, Text, Time, to_ms
from palaver.storage import text
from palaver.storage.rows import (
    NOTE,
    STREAMING,
    MessageRow,
    SessionRow,
    check_parts,
    check_text,
    decode_parts,
    encode_body,
    encode_map,
    encode_usage,
    message_digest,
    message_guard,
    message_match_key,
    role_number,
    status_number,
)
from palaver.storage.transaction import Reading, Writing
from palaver.storage.verbs import lookup, session_rows
from palaver.storage.verbs.kinds import MESSAGE_ADDED
from palaver.storage.verbs.titles import check_optional_name
from palaver.store import HEAD, Head
from palaver.titles import first_message_title

_DEFAULT_TITLE = 0
_FIRST_MESSAGE_TITLE = 1
_USER = ROLES.index("user")
_ASSISTANT = ROLES.index("assistant")


class Tip:
    """Where the next message goes: its parent's place and what the chain of digests needs of the parent."""

    __slots__ = ("digest", "id", "match_key", "position")

    def __init__(
        self, position: int, id: bytes | None, digest: bytes | None, match_key: bytes | None
    ) -> None:
        self.position = position
        self.id = id
        self.digest = digest
        self.match_key = match_key


def find_tip(tx: Reading, session_id: str, parent_id: str | None | Head) -> tuple[SessionRow, bytes, Tip]:
    """The session, its project's id and the tip below which to add. Raises `NotFound`, `Conflict`, `Busy`."""
    raw = find_bytes(session_id)
    found = tx.row("find_session_with_head", id=raw, actor=tx.actor) if raw else None
    if found is None:
        raise NotFound("session", session_id)
    row, project_id = lookup.split_session(found)
    lookup.check_not_trashed(row)
    if parent_id is not HEAD:
        return row, project_id, explicit_tip(tx, row, parent_id)
    digest, match_key, status = found[-3:]
    check_not_streaming(status)
    return row, project_id, Tip(row.head, row.head_id, digest, match_key)


def explicit_tip(tx: Reading, row: SessionRow, parent_id: str | None) -> Tip:
    if parent_id is None:
        return Tip(0, None, None, None)
    parent = lookup.message_in_session(tx, row, parent_id)
    check_not_streaming(parent.status)
    return Tip(parent.position, parent.id, parent.digest, parent.match_key)


def check_not_streaming(status: int | None) -> None:
    if status == STREAMING:
        raise Busy("An answer is still being written there: wait for its end or stop it")


def add_message(tx: Writing, row: SessionRow, tip: Tip, new: NewMessage) -> None:
    """Insert one message below the tip and move tip, head and counts along; the caller saves `row`.

    Raises `Conflict` where its id or origin is taken.
    """
    if _insert(tx, row, tip, new) is None:
        raise taken(row, new)


def try_message(tx: Writing, row: SessionRow, tip: Tip, new: NewMessage) -> Message | None:
    """The same, with the message as it is stored; None where the id or origin is taken: then nothing was done."""
    parent = tip.id
    inserted = _insert(tx, row, tip, new)
    return _value(*inserted, row, parent, new) if inserted else None


def _insert(
    tx: Writing, row: SessionRow, tip: Tip, new: NewMessage
) -> tuple[dict[str, Any], tuple[Part, ...]] | None:
    """The message's columns and its parts as they will be read."""
    parts = check_parts(new.parts)
    body = encode_body(parts)
    if type(body) is bytes:
        parts = decode_parts(body)  # As it will be read: tuples as lists, keys as text.
    columns = message_columns(tx, row, tip, new, parts, body)
    columns["mark"] = tx.last + 1
    if not tx.insert("insert_message", columns):
        return None
    tx.mark(MESSAGE_ADDED, columns["ref"])
    if len(parts) != 1 or type(parts[0]) is not Text:
        attach_files(tx, columns["ref"], parts)
    advance(row, tip, columns["id"], columns["tokens"])
    row.note_count += columns["role"] == NOTE
    if columns["role"] == _USER and row.title_source == _DEFAULT_TITLE and tx.auto_title:
        title_from(tx, row, new.text)
    tip.position, tip.id = row.last_position, columns["id"]
    tip.digest, tip.match_key = columns["digest"], columns["match_key"]
    return columns, parts


def taken(row: SessionRow, new: NewMessage) -> Conflict:
    if new.origin is None:
        return Conflict(f"Another message with the id {new.id} is stored already")
    return Conflict(
        f"Message {new.id}, or message {new.origin.id} of {new.origin.source}, is in session {from_bytes(row.id)} already"
    )


def message_columns(
    tx: Writing, row: SessionRow, tip: Tip, new: NewMessage, parts: tuple[Part, ...], body: str | bytes
) -> dict[str, Any]:
    """A new message as columns, its digest and match key included. Raises `Invalid`."""
    id = to_bytes(new.id)
    role = role_number(new.role)
    status = status_number(new.status)
    if status == STREAMING:
        raise Invalid("a message with status streaming is made by open_draft", field="status")
    position = row.last_position + 1
    columns: dict[str, Any] = {
        "ref": row.ref(position),
        "id": id,
        "parent": tip.position,
        "role": role,
        "status": status,
        "tokens": token_count(role, parts, new),
        "in_context": 1,
        "created_at": tx.now if new.created_at is None else to_ms(Time.of(new.created_at)),
        "trashed_at": None,
        "purged_at": None,
        "match_key": message_match_key(tip.match_key, role, parts),
        "guard": None,
        "model": check_optional_name(new.model, "model"),
        "provider": check_optional_name(new.provider, "provider"),
        "usage": encode_usage(new.usage),
        "error": None if new.error is None else check_text(new.error, "error"),
        "metadata": encode_map(new.metadata, "metadata"),
        "origin_source": None,
        "origin_id": None,
        "body": body,
    }
    if new.origin is not None:
        columns["origin_source"] = check_text(new.origin.source, "origin.source")
        columns["origin_id"] = check_text(new.origin.id, "origin.id")
    if not new.in_context:
        columns["in_context"], columns["guard"] = 0, message_guard(id, 0, None, None)
    columns["digest"] = digest_of(row.id, tip.digest, position, columns)
    return columns


def digest_of(
    session_id: bytes, parent_digest: bytes | None, position: int, columns: dict[str, Any]
) -> bytes:
    return message_digest(
        session_id,
        columns["id"],
        parent_digest,
        position,
        columns["role"],
        columns["status"],
        columns["body"],
        columns["model"],
        columns["provider"],
        columns["usage"],
        columns["error"],
        columns["metadata"],
        columns["created_at"],
        columns["origin_source"],
        columns["origin_id"],
    )


def _value(
    columns: dict[str, Any], parts: tuple[Part, ...], row: SessionRow, parent: bytes | None, new: NewMessage
) -> Message:
    return Message(
        id=new.id if len(new.id) == 36 and new.id.islower() else from_bytes(columns["id"]),
        session_id=from_bytes(row.id),
        parent_id=from_bytes(parent) if parent else None,
        position=row.last_position,
        role=new.role,
        parts=parts,
        status=new.status,
        error=new.error,
        in_context=columns["in_context"] == 1,
        model=columns["model"],
        provider=columns["provider"],
        usage=new.usage,
        digest="b2:" + columns["digest"][1:].hex(),
        match_key="b2:" + columns["match_key"].hex() if columns["match_key"] else None,
        created_at=Time.from_ms(columns["created_at"]),
        metadata=json.loads(columns["metadata"]) if columns["metadata"] else {},
        origin=new.origin,
    )


def advance(row: SessionRow, tip: Tip, id: bytes, tokens: int) -> None:
    """Count the message in; the head moves only from the message's parent."""
    row.last_position += 1
    row.message_count += 1
    if row.head == tip.position:
        row.head, row.head_id = row.last_position, id
        row.token_count = row.token_count + tokens if tip.position else tokens


def title_from(tx: Writing, row: SessionRow, content: str) -> None:
    """The title of a session that has none yet, from its first question."""
    title = first_message_title(content)
    if title:
        session_rows.set_title(tx, row, title, _FIRST_MESSAGE_TITLE)
        row.revision += 1
        session_rows.save(tx, row, None)


def token_count(role: int, parts: tuple[Part, ...], new: NewMessage) -> int:
    """As `context.tokens.count` does, without a second look at the message."""
    if role == NOTE:
        return 0
    if role == _ASSISTANT and new.usage is not None and new.usage.output_tokens is not None:
        return new.usage.output_tokens
    if len(parts) == 1 and type(parts[0]) is Text:
        return estimate(parts[0].text)
    return count_parts(parts)


def attach_files(tx: Writing, ref: int, parts: tuple[Part, ...]) -> None:
    """Note which files the message refers to. Raises `Invalid` for one that is not stored or not the actor's to use."""
    for part in parts:
        if isinstance(part, File):
            digest = _file_digest(part.digest)
            found = tx.row("find_visible_file", digest=digest, actor=tx.actor)
            if found is None:
                raise Invalid(f"file {part.digest} is not stored: put_file first", field="parts")
            tx.run("attach_file", ref=ref, file=found[0])
            # From now on the message keeps it; when that is purged, nothing else may.
            tx.run("release_file", file=found[0], holder=tx.actor)


def _file_digest(digest: str) -> bytes:
    try:
        return bytes.fromhex(digest)
    except (ValueError, TypeError) as exc:
        raise Invalid("a file's digest is its SHA-256 in hex", field="parts") from exc


def parts_of(message: MessageRow) -> tuple[Part, ...]:
    return (Text(message.body),) if type(message.body) is str else decode_parts(message.body)


def indexed_columns(message: MessageRow) -> tuple[str, str, str, str]:
    return text.columns_of_message(parts_of(message))
