"""Adding messages to a session: the one way in, for appends, forks, drafts and imports."""

from typing import Any, NamedTuple

from msgspec.structs import astuple

from palaver.context.tokens import count_parts, estimate
from palaver.errors import Busy, Conflict, Invalid, NotFound
from palaver.ids import find_bytes, from_bytes, to_bytes
from palaver.model import ROLES, File, NewMessage, Part, Text, Time, to_ms
from palaver.storage.rows import (
    EDITOR,
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
from palaver.storage.search import text
from palaver.storage.transaction import POSITION_BITS, Reading, Row, Writing
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
    """The session, its project's id and the tip below which to add. Raises `NotFound`, `Forbidden`, `Conflict`, `Busy`."""
    raw = find_bytes(session_id)
    found = tx.row("find_session_with_head", id=raw, actor=tx.actor) if raw else None
    if found is None:
        raise NotFound("session", session_id)
    row, project_id = lookup.admitted_session(tx, found)
    lookup.check_role(found[lookup.ROLE], EDITOR, "session", session_id)
    lookup.check_not_trashed(row)
    if parent_id is not HEAD:
        return row, project_id, explicit_tip(tx, row, parent_id)
    digest, match_key, status = found[-3:]
    check_not_streaming(row, status)
    return row, project_id, Tip(row.head, row.head_id, digest, match_key)


def explicit_tip(tx: Reading, row: SessionRow, parent_id: str | None) -> Tip:
    if parent_id is None:
        return Tip(0, None, None, None)
    parent = lookup.message_in_session(tx, row, parent_id)
    check_not_streaming(row, parent.status)
    return Tip(parent.position, parent.id, parent.digest, parent.match_key)


def check_not_streaming(row: SessionRow, status: int | None) -> None:
    if status == STREAMING:
        raise Busy(
            "An answer is still being written there: wait for its end or stop it",
            session_id=from_bytes(row.id),
        )


class Prepared(NamedTuple):
    """A new message with what its columns need of it alone: made before the queue, where nobody waits for it."""

    new: NewMessage
    id: bytes
    role: int
    status: int
    tokens: int
    parts: tuple[Part, ...]
    body: str | bytes


def prepare(new: NewMessage) -> Prepared:
    """Raises `Invalid` for what cannot be stored."""
    if not isinstance(new, NewMessage):
        raise Invalid(f"append takes messages made by palaver.user(…) and the like, not {type(new).__name__}")
    parts = check_parts(new.parts)
    body = encode_body(parts)
    if type(body) is bytes:
        parts = decode_parts(body)  # As it will be read: tuples as lists, keys as text.
    role, status = role_number(new.role), status_number(new.status)
    if status == STREAMING:
        raise Invalid("a message with status streaming is made by open_draft", field="status")
    return Prepared(new, to_bytes(new.id), role, status, token_count(role, parts, new), parts, body)


def add_message(tx: Writing, row: SessionRow, tip: Tip, new: NewMessage) -> None:
    """Insert one message below the tip and move tip, head and counts along; the caller saves `row`.

    Raises `Conflict` where its id or origin is taken.
    """
    if try_message(tx, row, tip, prepare(new)) is None:
        raise taken(row, new)


def try_message(tx: Writing, row: SessionRow, tip: Tip, message: Prepared) -> Row | None:
    """The same, with the columns as they are stored; None where the id or origin is taken: then nothing was done."""
    columns = _new_row(tx, row, tip, message)
    values = astuple(columns)
    if not tx.insert("insert_message", values):
        return None
    tx.mark(MESSAGE_ADDED, columns.ref)
    if type(message.body) is not str:
        attach_files(tx, columns.ref, message.parts)
    advance(row, tip, message.id, message.tokens)
    if message.role == NOTE:
        row.note_count += 1
    elif message.role == _USER and row.title_source == _DEFAULT_TITLE and tx.auto_title:
        title_from(tx, row, message.new.text)
    tip.position, tip.id = row.last_position, message.id
    tip.digest, tip.match_key = columns.digest, columns.match_key
    return values


def taken(row: SessionRow, new: NewMessage) -> Conflict:
    if new.origin is None:
        return Conflict(f"Another message with the id {new.id} is stored already")
    return Conflict(
        f"Message {new.id}, or message {new.origin.id} of {new.origin.source}, is in session {from_bytes(row.id)} already"
    )


def _new_row(tx: Writing, row: SessionRow, tip: Tip, message: Prepared) -> MessageRow:
    """A new message's columns, its digest and match key included. Raises `Invalid`.

    What most messages do not have is not looked at: this runs for each of them, while others wait to write.
    """
    new, id, role, status, tokens, parts, body = message
    position = row.last_position + 1
    created_at = tx.now if new.created_at is None else to_ms(Time.of(new.created_at))
    model = None if new.model is None else check_optional_name(new.model, "model")
    provider = None if new.provider is None else check_optional_name(new.provider, "provider")
    usage = None if new.usage is None else encode_usage(new.usage)
    error = None if new.error is None else check_text(new.error, "error")
    metadata = encode_map(new.metadata, "metadata") if new.metadata else None
    origin_source = origin_id = guard = None
    if new.origin is not None:
        origin_source = check_text(new.origin.source, "origin.source")
        origin_id = check_text(new.origin.id, "origin.id")
    in_context = 1 if new.in_context else 0
    if not in_context:
        guard = message_guard(id, 0, None, None)
    digest = message_digest(
        row.id, id, tip.digest, position, role, status, body, model, provider, usage, error, metadata,
        created_at, origin_source, origin_id,
    )  # fmt: skip
    match_key = message_match_key(tip.match_key, role, parts)
    return MessageRow(
        row.key << POSITION_BITS | position, id, tip.position, tx.last + 1, role, status,
        tokens, in_context, created_at, None, None, digest, match_key, guard, model, provider,
        usage, error, metadata, origin_source, origin_id, body,
    )  # fmt: skip


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
            tx.run("release_file", file=found[0], actor=tx.actor)


def _file_digest(digest: str) -> bytes:
    try:
        return bytes.fromhex(digest)
    except (ValueError, TypeError) as exc:
        raise Invalid("a file's digest is its SHA-256 in hex", field="parts") from exc


def parts_of(message: MessageRow) -> tuple[Part, ...]:
    return read_parts(message.body)


def read_parts(body: str | bytes | None) -> tuple[Part, ...]:
    """The parts that stand in a body; none in that of a purged message."""
    return (Text(body),) if type(body) is str else decode_parts(body)


def indexed_columns(message: MessageRow) -> tuple[str, str, str, str]:
    return text.columns_of_message(parts_of(message))
