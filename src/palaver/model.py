"""The values: frozen structs without I/O. Their JSON shape is made in `wire.py`.

Times are aware UTC with milliseconds, ids are UUIDv7 text, counts of tokens are whole tokens.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec

from palaver.ids import new_id

Role = Literal["system", "user", "assistant", "tool", "note"]
Status = Literal["complete", "streaming", "interrupted", "cancelled", "error"]
TitleSource = Literal["default", "first_message", "model", "user"]
Relation = Literal["fork", "model_swap", "rollover", "new"]
CheckpointKind = Literal["summary", "merged", "rollover"]
TurnKind = Literal["answer", "summary"]
Purpose = Literal["manual", "recovery", "rollback", "emergency"]
MemberRole = Literal["viewer", "editor", "owner"]
"""In a project: reads; writes; also decides who is in it, trashes it and purges. Each may do what those before it may."""

ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool", "note")
STATUSES: tuple[Status, ...] = ("complete", "streaming", "interrupted", "cancelled", "error")
TITLE_SOURCES: tuple[TitleSource, ...] = ("default", "first_message", "model", "user")
RELATIONS: tuple[Relation, ...] = ("fork", "model_swap", "rollover", "new")
CHECKPOINT_KINDS: tuple[CheckpointKind, ...] = ("summary", "merged", "rollover")
TURN_KINDS: tuple[TurnKind, ...] = ("answer", "summary")
PURPOSES: tuple[Purpose, ...] = ("manual", "recovery", "rollback", "emergency")
MEMBER_ROLES: tuple[MemberRole, ...] = ("viewer", "editor", "owner")

DEFAULT_TITLE = "New Chat"
PERSONAL_PROJECT = "Personal"

T = TypeVar("T")


class Time(datetime):
    """An aware instant in UTC, cut to milliseconds. A class of its own so that JSON always has three digits."""

    @classmethod
    def from_ms(cls, milliseconds: int) -> "Time":
        minute, rest = divmod(milliseconds, 60_000)
        year, month, day, hour, at = minute_fields(minute)
        return cls(year, month, day, hour, at, rest // 1000, rest % 1000 * 1000, UTC)

    @classmethod
    def of(cls, moment: datetime) -> "Time":
        """The same instant as `moment`; a naive one is taken as UTC."""
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return cls.from_ms(to_ms(aware))

    @classmethod
    def current(cls) -> "Time":
        return cls.of(datetime.now(UTC))

    def __str__(self) -> str:
        minute = _minute_text(self.year, self.month, self.day, self.hour, self.minute)
        return minute + _SECONDS[self.second] + _MILLISECONDS[self.microsecond // 1000]


_EPOCH = Time(1970, 1, 1, tzinfo=UTC)
# Made once: `isoformat` and format specifications take three times as long, and a list of sessions has 250 times in it.
_SECONDS = tuple(f"{number:02}" for number in range(60))
_MILLISECONDS = tuple(f".{number:03}Z" for number in range(1000))


@lru_cache(4096)
def _minute_text(year: int, month: int, day: int, hour: int, minute: int) -> str:
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:"


@lru_cache(4096)
def minute_fields(number: int) -> tuple[int, int, int, int, int]:
    """Year to minute of the minutes since 1970: neighbouring messages share them."""
    moment = _EPOCH + timedelta(minutes=number)
    return moment.year, moment.month, moment.day, moment.hour, moment.minute


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970 of an aware instant."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


class _Value(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _Part(msgspec.Struct, frozen=True, rename="camel", tag_field="type"):
    pass


class Text(_Part, frozen=True, tag="text"):
    text: str


class Reasoning(_Part, frozen=True, tag="reasoning"):
    text: str


class ToolCall(_Part, frozen=True, tag="tool_call"):
    id: str
    name: str
    args: Any


class ToolResult(_Part, frozen=True, tag="tool_result", omit_defaults=True):
    """What a tool gave back: `llm_content` for the model, `return_display` for people."""

    call_id: str
    name: str
    llm_content: Any
    return_display: str | None = None
    is_error: bool = False


class File(_Part, frozen=True, tag="file"):
    """A reference to stored content: `digest` is its SHA-256 in hex, `size` its bytes."""

    digest: str
    name: str
    mime: str
    size: int


class Event(_Part, frozen=True, tag="event"):
    name: str
    data: dict[str, Any]


class Opaque(_Part, frozen=True, tag="opaque"):
    """A part of a foreign format without a counterpart here, kept for the way back."""

    source: str
    data: Any


Part = Text | Reasoning | ToolCall | ToolResult | File | Event | Opaque


class Usage(_Value, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens as the provider reported them; None where it did not."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class Origin(_Value, frozen=True, kw_only=True):
    """Where an imported thing came from: the format's name and the id it had there."""

    source: str
    id: str


class Project(_Value, frozen=True, kw_only=True):
    id: str
    name: str
    description: str = ""
    owner_id: str
    created_at: Time
    updated_at: Time
    trashed_at: Time | None = None


class Session(_Value, frozen=True, kw_only=True):
    id: str
    project_id: str
    title: str
    title_source: TitleSource
    model: str | None = None
    provider: str | None = None
    context_size: int | None = None
    system_prompt: str | None = None
    settings: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    pinned: bool = False
    archived_at: Time | None = None
    trashed_at: Time | None = None
    head_id: str | None = None
    message_count: int = 0
    token_count: int = 0
    compression_count: int = 0
    parent_id: str | None = None
    relation: Relation | None = None
    created_at: Time
    updated_at: Time
    revision: int = 1
    metadata: dict[str, Any] = {}
    origin: Origin | None = None


class Message(_Value, frozen=True, kw_only=True):
    """One message as stored. `position` counts from 1 in order of commit within the session.

    `digest` and `match_key` are `b2:` and 32 hex digits, None while the message is streaming. A purged message has
    `purged_at` set and no parts.
    """

    id: str
    session_id: str
    parent_id: str | None
    position: int
    role: Role
    parts: tuple[Part, ...]
    status: Status = "complete"
    error: str | None = None
    in_context: bool = True
    model: str | None = None
    provider: str | None = None
    usage: Usage | None = None
    digest: str | None = None
    match_key: str | None = None
    created_at: Time
    trashed_at: Time | None = None
    purged_at: Time | None = None
    metadata: dict[str, Any] = {}
    origin: Origin | None = None

    @property
    def text(self) -> str:
        """The text of its text parts, joined."""
        return text_of(self.parts)


class NewMessage(_Value, frozen=True, kw_only=True):
    """A message not yet stored. It has its id from the start, so that appending it again after a doubt is safe."""

    role: Role
    parts: tuple[Part, ...]
    id: str = msgspec.field(default_factory=new_id)
    status: Status = "complete"
    error: str | None = None
    in_context: bool = True
    model: str | None = None
    provider: str | None = None
    usage: Usage | None = None
    created_at: Time | None = None
    metadata: dict[str, Any] = {}
    origin: Origin | None = None

    @property
    def text(self) -> str:
        """The text of its text parts, joined."""
        return text_of(self.parts)


class Checkpoint(_Value, frozen=True, kw_only=True):
    """A summary that stands for the messages `from_id` … `through_id` in what is sent. It never changes.

    `level` is 3 (detailed), 2 (moderate) or 1 (compact); `number` counts the session's checkpoints from 1.
    """

    id: str
    session_id: str
    kind: CheckpointKind
    from_id: str
    through_id: str
    summary: str
    level: int
    number: int
    token_count: int
    model: str | None = None
    replaces: tuple[str, ...] = ()
    created_at: Time
    reverted_at: Time | None = None


class Snapshot(_Value, frozen=True, kw_only=True):
    """A named state of a session: its head, its active checkpoints, its settings. Messages are not copied."""

    id: str
    session_id: str
    name: str
    purpose: Purpose
    head_id: str | None
    checkpoint_ids: tuple[str, ...] = ()
    settings: dict[str, Any] = {}
    token_count: int = 0
    created_at: Time


class Page(msgspec.Struct, Generic[T], frozen=True, rename="camel"):
    """A part of a list. `next_cursor` is None at its end; `cut` says that a deadline ended the work early."""

    items: list[T]
    next_cursor: str | None = None
    cut: bool = False


class Hit(_Value, frozen=True, kw_only=True):
    """One thing found. `ranges` are (start, end) in characters of `snippet`; a hit in a title has no message."""

    session_id: str
    message_id: str | None
    project_id: str
    title: str
    role: Role | None
    snippet: str
    ranges: tuple[tuple[int, int], ...]
    score: float
    created_at: Time


class Change(_Value, frozen=True, kw_only=True):
    """One committed change. `kind` is a noun and what happened to it, such as `message.added`."""

    KINDS: ClassVar[tuple[str, ...]] = (
        "message.added",
        "message.changed",
        "message.purged",
        "draft.opened",
        "session.added",
        "session.changed",
        "session.purged",
        "project.added",
        "project.changed",
        "project.purged",
        "checkpoint.changed",
        "snapshot.changed",
        "turn.changed",
    )

    mark: str
    kind: str
    project_id: str | None
    session_id: str | None = None
    message_id: str | None = None


class Changes(_Value, frozen=True, kw_only=True):
    """What was committed after a mark; pass `mark` to go on. `items` are in order of commit."""

    items: list[Change]
    mark: str


class DraftState(_Value, frozen=True, kw_only=True):
    """Where a draft stands: `offset` is its length, `stop_requested` says that a person wants it to end."""

    offset: int
    stop_requested: bool = False


class StoredHistory(_Value, frozen=True, kw_only=True):
    """How much of a history is stored: the first `count` of its messages, the last of them as `message_id`."""

    session_id: str
    message_id: str
    count: int


class SideEvent(_Value, frozen=True, kw_only=True):
    """Something that happened in a turn beside its answers, in the JSON of its event. `number` counts them, from 0.

    With a `request_id` it waits for one of `choices`; `choice` is the one that was taken.
    """

    number: int
    id: str
    data: dict[str, Any]
    request_id: str | None = None
    choices: tuple[str, ...] = ()
    choice: str | None = None


class TurnState(_Value, frozen=True, kw_only=True):
    """A turn that runs, or has ended lately. `number` tells apart the turns of one question, which is their `id`.

    `kind`: an "answer", or a "summary" of older messages that a person asked for; its id is its own. `actor` began it.
    `answers` are the ids of its answers, the newest last; `events` what happened beside these, oldest first.
    """

    number: int
    id: str
    session_id: str
    kind: TurnKind
    actor: str
    begun_at: Time
    ended_at: Time | None = None
    answers: tuple[str, ...] = ()
    stop_requested: bool = False
    events: tuple[SideEvent, ...] = ()

    @property
    def answer_id(self) -> str | None:
        """The answer that is being written, or the last one."""
        return self.answers[-1] if self.answers else None

    @property
    def asked(self) -> SideEvent | None:
        """What waits for a person's choice."""
        if self.ended_at is not None:
            return None
        return next((one for one in self.events if one.request_id and one.choice is None), None)


class Problem(_Value, frozen=True, kw_only=True):
    """One kind of damage in one place. `repaired` is True where `verify(repair=True)` mended it."""

    kind: str
    where: str
    what: str
    repaired: bool = False


class Report(_Value, frozen=True, kw_only=True):
    """What `verify` found and how many rows of each kind it looked at."""

    problems: list[Problem]
    checked: dict[str, int]


class Stats(_Value, frozen=True, kw_only=True):
    """Counts and sizes. Sizes are bytes."""

    projects: int
    sessions: int
    messages: int
    tokens: int
    trashed_sessions: int
    trashed_messages: int
    files: int
    file_size: int
    database_size: int
    index_size: int
    schema: int
    location: str


class SessionSize(_Value, frozen=True, kw_only=True):
    """How many bytes of messages a session holds, without its files."""

    session_id: str
    project_id: str
    title: str
    message_count: int
    size: int


class ImportCounts(_Value, frozen=True, kw_only=True):
    """What a batch of imported records did: `added`, `present` already, and the reasons for what was `skipped`."""

    added: dict[str, int] = {}
    present: dict[str, int] = {}
    skipped: tuple[str, ...] = ()


def text_of(parts: Sequence[object]) -> str:
    """The text parts joined, nothing between them."""
    if len(parts) == 1 and type(parts[0]) is Text:
        return parts[0].text
    return "".join(part.text for part in parts if isinstance(part, Text))


def part_length(part: Part) -> int:
    """How far a part moves a draft's offset: its characters for text and reasoning, 1 for anything else."""
    return len(part.text) if isinstance(part, Text | Reasoning) else 1


def join_parts(parts: "tuple[Part, ...] | list[Part]") -> tuple[Part, ...]:
    """The same content with neighbouring text, and neighbouring reasoning, made one part."""
    joined: list[Part] = []
    for kind, run in _runs(parts):
        joined.append(kind("".join(part.text for part in run)) if kind in (Text, Reasoning) else run[0])
    return tuple(joined)


def _runs(parts: "tuple[Part, ...] | list[Part]") -> list[tuple[Any, list[Any]]]:
    runs: list[tuple[Any, list[Any]]] = []
    for part in parts:
        if runs and type(part) in (Text, Reasoning) and runs[-1][0] is type(part):
            runs[-1][1].append(part)
        else:
            runs.append((type(part), [part]))
    return runs


def user(text: str, **fields: Any) -> NewMessage:
    """A new question; `fields` are those of `NewMessage`."""
    return _new("user", text, fields)


def assistant(text: str, **fields: Any) -> NewMessage:
    """A new answer; `fields` are those of `NewMessage`."""
    return _new("assistant", text, fields)


def system(text: str, **fields: Any) -> NewMessage:
    """A new message to the model that no person wrote; `fields` are those of `NewMessage`."""
    return _new("system", text, fields)


def note(text: str, **fields: Any) -> NewMessage:
    """A new note: shown, never sent; `fields` are those of `NewMessage`."""
    return _new("note", text, fields)


def tool_result(
    call_id: str,
    name: str,
    llm_content: Any,
    *,
    return_display: str | None = None,
    is_error: bool = False,
    **fields: Any,
) -> NewMessage:
    """The result of the tool call `call_id`; `fields` are those of `NewMessage`."""
    part = ToolResult(call_id, name, llm_content, return_display, is_error)
    return NewMessage(role="tool", parts=(part, *fields.pop("parts", ())), **fields)


def _new(role: Role, text: str, fields: Mapping[str, Any]) -> NewMessage:
    rest = dict(fields)
    parts = ((Text(text),) if text else ()) + tuple(rest.pop("parts", ()))
    if not parts:
        parts = (Text(text),)
    return NewMessage(role=role, parts=parts, **rest)
