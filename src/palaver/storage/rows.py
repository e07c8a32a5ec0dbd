"""Rows and values: how a struct of `model.py` stands in columns, and the check values that find damage.

Columns come in the order of the queries in `sql/`. Nothing here knows a database.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import astuple

from palaver.errors import Corrupt, Invalid
from palaver.ids import from_bytes
from palaver.model import (
    CHECKPOINT_KINDS,
    PURPOSES,
    ROLES,
    STATUSES,
    Checkpoint,
    Event,
    File,
    Opaque,
    Part,
    Project,
    Reasoning,
    Snapshot,
    Text,
    Time,
    ToolCall,
    ToolResult,
    Usage,
    join_parts,
)
from palaver.storage.transaction import POSITION_BITS, POSITION_MASK, Row

OPEN, EMPTY, ARCHIVED, TRASHED = range(4)
VIEWER, EDITOR, OWNER = range(3)
STREAMING = STATUSES.index("streaming")
NOTE = ROLES.index("note")
SYSTEM = ROLES.index("system")
DIGEST_PREFIX = b"\x01"
MAX_COUNT = 1 << 53

_pack = msgspec.msgpack.Encoder().encode
_parts_decoder = msgspec.json.Decoder(tuple[Part, ...])
_role_numbers: dict[str, int] = {role: number for number, role in enumerate(ROLES)}
_status_numbers: dict[str, int] = {status: number for number, status in enumerate(STATUSES)}


class ProjectRow(msgspec.Struct):
    """The columns of `project`."""

    key: int
    id: bytes
    name: str
    description: str
    owner_id: str
    personal: int
    created_at: int
    updated_at: int
    trashed_at: int | None
    guard: bytes = b""

    def value(self) -> Project:
        return Project(
            id=from_bytes(self.id),
            name=self.name,
            description=self.description,
            owner_id=self.owner_id,
            created_at=Time.from_ms(self.created_at),
            updated_at=Time.from_ms(self.updated_at),
            trashed_at=time_of(self.trashed_at),
        )


class SessionRow(msgspec.Struct):
    """The columns of `session`; the order is that of the query fragment `session_columns`."""

    key: int
    id: bytes
    project_key: int
    state: int
    title: str
    title_source: int
    title_mark: int
    model: str | None
    provider: str | None
    context_size: int | None
    tags: str | None
    pinned: int
    archived_at: int | None
    trashed_at: int | None
    trashed_with: int
    head: int
    head_id: bytes | None
    last_position: int
    message_count: int
    token_count: int
    compression_count: int
    parent_id: bytes | None
    relation: int | None
    created_at: int
    updated_at: int
    revision: int
    origin_source: str | None
    origin_id: str | None
    note_count: int = 0
    checkpoint_count: int = 0
    snapshot_count: int = 0
    detail_guard: bytes | None = None
    guard: bytes = b""

    def find_state(self) -> int:
        """What lists go by."""
        if self.trashed_at is not None:
            return TRASHED
        if self.archived_at is not None:
            return ARCHIVED
        return OPEN if self.message_count > self.note_count else EMPTY

    def tag_list(self) -> tuple[str, ...]:
        with readable(f"the tags of session {from_bytes(self.id)}"):
            return tuple(json.loads(self.tags)) if self.tags else ()

    def ref(self, position: int) -> int:
        return self.key << POSITION_BITS | position


SESSION_COLUMNS = SessionRow.__struct_fields__


class SessionPlace(msgspec.Struct):
    """What reading a session's messages needs of it: a quarter of the work of the whole row."""

    key: int
    id: bytes
    head: int
    last_position: int

    def ref(self, position: int) -> int:
        return self.key << POSITION_BITS | position


class MessageRow(msgspec.Struct):
    """The columns of `message`; the order is that of the query fragment `message_columns`."""

    ref: int
    id: bytes
    parent: int
    mark: int
    role: int
    status: int
    tokens: int
    in_context: int
    created_at: int
    trashed_at: int | None
    purged_at: int | None
    digest: bytes | None
    match_key: bytes | None
    guard: bytes | None
    model: str | None
    provider: str | None
    usage: str | None
    error: str | None
    metadata: str | None
    origin_source: str | None
    origin_id: str | None
    body: str | bytes | None

    @property
    def position(self) -> int:
        return self.ref & POSITION_MASK

    @property
    def session_key(self) -> int:
        return self.ref >> POSITION_BITS


def encode_body(parts: tuple[Part, ...]) -> str | bytes:
    """One plain text as itself, anything else as canonical ASCII-escaped JSON bytes. Raises `Invalid`."""
    if len(parts) == 1 and type(parts[0]) is Text:
        return check_text(parts[0].text, "parts")
    try:
        body = encode_json(msgspec.to_builtins(parts, builtin_types=(bytes, bytearray)), "parts")
        _parts_decoder.decode(body)  # What could not be read again is not written.
    except (TypeError, NotImplementedError, RecursionError, msgspec.MsgspecError) as exc:
        raise Invalid(f"parts cannot be written as JSON: {exc}", field="parts") from exc
    return body


def decode_parts(body: str | bytes | None) -> tuple[Part, ...]:
    return _parts_decoder.decode(body) if body is not None else ()


def encode_json(value: Any, field: str) -> bytes:
    """Canonical JSON: sorted keys, no spaces, ASCII. Raises `Invalid` for what JSON or Unicode does not have."""
    try:
        text = json.dumps(value, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError) as exc:
        raise Invalid(f"{field} cannot be written as JSON: {exc}", field=field) from exc
    if "\\ud" in text and _has_surrogate(value):
        raise Invalid(f"{field} holds half a surrogate pair, which is no Unicode text", field=field)
    return text.encode("ascii")


def encode_map(value: Any, field: str) -> str | None:
    """A mapping as JSON text, None where it is empty."""
    return encode_json(dict(value), field).decode() if value else None


def encode_usage(usage: Usage | None) -> str | None:
    """The counts as JSON, None where there are none. Raises `Invalid`."""
    if usage is None:
        return None
    counts = msgspec.to_builtins(usage)
    for name, count in counts.items():
        if count is not None and not (isinstance(count, int) and 0 <= count < MAX_COUNT):
            raise Invalid(f"usage: {name} must be a whole number of tokens, not {count!r}", field="usage")
    return encode_json(counts, "usage").decode()


def check_text(text: Any, field: str) -> str:
    """The text itself, if it is Unicode. Raises `Invalid`."""
    if not isinstance(text, str):
        raise Invalid(f"{field} must be text, not {type(text).__name__}", field=field)
    if not text.isascii() and _has_surrogate(text):
        raise Invalid(f"{field} holds half a surrogate pair, which is no Unicode text", field=field)
    return text


def _has_surrogate(value: Any) -> bool:
    match value:
        case str():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                return True
            return False
        case dict():
            return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value.items())
        case list() | tuple():
            return any(_has_surrogate(item) for item in value)
        case _:
            return False


def role_number(role: str) -> int:
    number = _role_numbers.get(role)
    if number is None:
        raise Invalid(f"role must be one of {', '.join(ROLES)}, not {role!r}", field="role")
    return number


def status_number(status: str) -> int:
    number = _status_numbers.get(status)
    if number is None:
        raise Invalid(f"status must be one of {', '.join(STATUSES)}, not {status!r}", field="status")
    return number


_PARTS = (Text, Reasoning, ToolCall, ToolResult, File, Event, Opaque)


def check_parts(parts: Any) -> tuple[Part, ...]:
    """Parts as a tuple of the known kinds. Raises `Invalid`."""
    checked = tuple(parts)
    for part in checked:
        if not isinstance(part, _PARTS):
            raise Invalid(
                f"a part must be text, reasoning, tool_call and so on, not {type(part).__name__}",
                field="parts",
            )
    return checked


def message_digest(
    session_id: bytes,
    id: bytes,
    parent_digest: bytes | None,
    position: int,
    role: int,
    status: int,
    body: str | bytes,
    model: str | None,
    provider: str | None,
    usage: str | None,
    error: str | None,
    metadata: str | None,
    created_at: int,
    origin_source: str | None,
    origin_id: str | None,
) -> bytes:
    """0x01 and the BLAKE2b-128 of everything in the row that never changes, its parent's digest included."""
    content = _pack(
        (session_id, id, parent_digest, position, role, status, body, model, provider, usage, error, metadata,
         created_at, origin_source, origin_id)
    )  # fmt: skip
    return DIGEST_PREFIX + blake2b(content, digest_size=16).digest()


def message_match_key(parent_key: bytes | None, role: int, parts: tuple[Part, ...]) -> bytes:
    """The chain over role, sent text and calls: equal for a history that comes in from outside without ids."""
    if role in (NOTE, SYSTEM):
        return parent_key or b""
    if len(parts) != 1 or type(parts[0]) is not Text:
        parts = _sent_parts(parts)
    if len(parts) == 1 and type(parts[0]) is Text:
        sent: Any = parts[0].text
    else:
        sent = encode_json([_sent(part) for part in parts], "parts")
    return blake2b(_pack((parent_key or b"", role, sent)), digest_size=16).digest()


def _sent_parts(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """What is sent of them, as who gives back no more has it: texts joined where only a thought stood between."""
    sent = join_parts([part for part in parts if isinstance(part, Text | ToolCall | ToolResult | File)])
    return tuple(part for part in sent if part != Text("")) or sent


def _sent(part: Part) -> Any:
    match part:
        case Text(text=text):
            return text
        case ToolCall(name=name, args=args):
            return [name, args]
        case ToolResult(name=name, llm_content=content):
            return [name, content]
        case File(digest=digest):
            return [digest]
        case _:
            return None


Kept = tuple[bytes | None, bytes | None, int, int, int, int]
"""What is left of a purged message: digest, match_key, parent, role, status, created_at."""


def message_guard(
    id: bytes, in_context: int, trashed_at: int | None, purged_at: int | None, kept: Kept | None = None
) -> bytes | None:
    """None while nothing was changed since the message came. Of a purged one it covers what is kept, as no digest can."""
    if in_context == 1 and trashed_at is None and purged_at is None:
        return None
    if purged_at is None:
        return guard_over((id, in_context, trashed_at))
    return guard_over((id, in_context, trashed_at, purged_at, *(kept or ())))


def guard_of(message: MessageRow) -> bytes | None:
    """The guard a stored message should have."""
    kept = (
        message.digest,
        message.match_key,
        message.parent,
        message.role,
        message.status,
        message.created_at,
    )
    return message_guard(message.id, message.in_context, message.trashed_at, message.purged_at, kept)


def session_guard(row: SessionRow) -> bytes:
    """Over every column but the guard itself."""
    return guard_over(astuple(row)[:-1])


def project_guard(row: ProjectRow) -> bytes:
    return guard_over(astuple(row)[:-1])


def detail_guard(session_id: bytes, system_prompt: str | None, settings: bytes, metadata: bytes) -> bytes:
    return guard_over((session_id, system_prompt, settings, metadata))


def checkpoint_guard(columns: Row) -> bytes:
    """Over the columns of `checkpoint` from `id` to `reverted_at`, with the session's id in place of its key."""
    return guard_over(columns)


def snapshot_guard(columns: Row) -> bytes:
    """Over the columns of `snapshot` from `id` to `created_at`, with the session's id in place of its key."""
    return guard_over(columns)


def preference_guard(actor: str, name: str, value: bytes) -> bytes:
    return guard_over((actor, name, value))


def guard_over(values: Row) -> bytes:
    """BLAKE2b-64."""
    return blake2b(_pack(values), digest_size=8).digest()


BROKEN = (ValueError, LookupError, TypeError, AttributeError, OverflowError, msgspec.MsgspecError)
"""What columns that do not make a value lead to."""


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Columns are read inside. Raises `Corrupt` that names `where` for those that make no value."""
    try:
        yield
    except BROKEN as exc:
        raise Corrupt(f"{where} cannot be read: {exc}", where=where) from exc


def shown_id(id: Any) -> str:
    """An id for a message on damage, where what stands in its place may be no id."""
    return from_bytes(id) if isinstance(id, bytes) and len(id) == 16 else repr(id)


def time_of(milliseconds: int | None) -> Time | None:
    return None if milliseconds is None else Time.from_ms(milliseconds)


def checkpoint_value(row: Row, session_id: str, from_id: str, through_id: str) -> Checkpoint:
    """From the columns `id kind summary level number token_count model replaces created_at reverted_at`."""
    id, kind, summary, level, number, token_count, model, replaces, created_at, reverted_at = row
    with readable(f"checkpoint {shown_id(id)}"):
        return Checkpoint(
            id=from_bytes(id),
            session_id=session_id,
            kind=CHECKPOINT_KINDS[kind],
            from_id=from_id,
            through_id=through_id,
            summary=summary,
            level=level,
            number=number,
            token_count=token_count,
            model=model,
            replaces=tuple(json.loads(replaces)) if replaces else (),
            created_at=Time.from_ms(created_at),
            reverted_at=time_of(reverted_at),
        )


def snapshot_value(row: Row, session_id: str, head_id: bytes | None) -> Snapshot:
    """From the columns `id name purpose checkpoints settings token_count created_at`."""
    id, name, purpose, checkpoints, settings, token_count, created_at = row
    with readable(f"snapshot {shown_id(id)}"):
        return Snapshot(
            id=from_bytes(id),
            session_id=session_id,
            name=name,
            purpose=PURPOSES[purpose],
            head_id=from_bytes(head_id) if head_id else None,
            checkpoint_ids=tuple(json.loads(checkpoints)),
            settings=json.loads(settings),
            token_count=token_count,
            created_at=Time.from_ms(created_at),
        )
