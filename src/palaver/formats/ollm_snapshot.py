"""OLLM context snapshots: what a model had before it at one moment, one JSON object each.

Messages stand in up to three lists that overlap; they are brought together by their ids and put in order of time. A
snapshot becomes a session of its own. Its checkpoints summarise messages that are mostly gone: such a summary becomes
a note.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from palaver.formats.base import Context, Format, Item, Skipped
from palaver.formats.decoding import Unusable, decode
from palaver.formats.foreign import (
    Chain,
    Thread,
    clean_name,
    clean_title,
    count,
    derive_id,
    find_time,
    read_fields,
)
from palaver.formats.ollm_entries import as_text
from palaver.formats.slices import Cursor, Source
from palaver.model import (
    Checkpoint,
    Event,
    Message,
    Origin,
    Part,
    Role,
    Session,
    Text,
    Time,
    ToolCall,
    ToolResult,
)
from palaver.titles import first_message_title
from palaver.wire import encode

NAME = "ollm-snapshot"
_LISTS = ("archivedUserMessages", "userMessages", "messages")
_KNOWN = ("version", "id", "timestamp", "checkpoints", *_LISTS)
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}


def read(source: Source, context: Context) -> Iterator[Item]:
    """The session a snapshot shows."""
    fields = read_fields(context, Cursor(source), _LISTS)
    yield from fields.problems
    identity = fields.found.get("id")
    if not isinstance(identity, str) or not identity:
        yield Skipped("id", "it is missing or no text, so this is no snapshot")
        return
    yield from _Reader(source, context, fields.found, fields.lists).run()


class _Placed(NamedTuple):
    position: int
    id: str


class _Reader:
    def __init__(
        self, source: Source, context: Context, found: dict[str, Any], offsets: dict[str, int]
    ) -> None:
        self.source = source
        self.context = context
        self.found = found
        self.offsets = offsets
        self.problems: list[Item] = []
        self.thread = Thread(self._session())
        self.messages: dict[str, _Placed] = {}

    def run(self) -> Iterator[Item]:
        yield self.thread.session
        chain = Chain(NAME)
        places = self._index()
        checkpoints = self._checkpoints()
        for value in checkpoints:
            if not _originals(value, places):
                yield self._note(value, chain)
        for _, place in sorted(places.values(), key=lambda pair: pair[0]):
            yield self._message(self.context.decode(Cursor(self.source, place).value()), chain)
        for number, value in enumerate(checkpoints, 1):
            if originals := _originals(value, places):
                yield self._checkpoint(value, number, originals)
        yield from self.problems
        yield self.thread.end()

    def _session(self) -> Session:
        found = self.found
        metadata = found["metadata"] if isinstance(found.get("metadata"), dict) else {}
        time = find_time(found.get("timestamp")) or self.context.now
        origin = Origin(source=NAME, id=found["id"])
        size = count(metadata.get("contextSize"))
        return Session(
            id=derive_id(self.context.project_id, origin.source, origin.id),
            project_id=self.context.project_id,
            title=clean_title(first_message_title(as_text(found.get("summary")) or found["id"])),
            title_source="first_message",
            model=clean_name(metadata.get("model")),
            context_size=size or None,
            created_at=time,
            updated_at=time,
            metadata={"ollm": {key: value for key, value in found.items() if key not in _KNOWN}},
            origin=origin,
        )

    def _index(self) -> dict[str, tuple[Time, int]]:
        """Time and place of each message; of one that stands in several lists the last, which is the fullest."""
        places: dict[str, tuple[Time, int]] = {}
        for name in _LISTS:
            latest = self.thread.session.created_at
            for number, (place, value) in enumerate(self._list(name)):
                if not isinstance(value, dict):
                    self.problems.append(Skipped(f"{name}[{number}]", as_text(value) or "not an object"))
                    continue
                latest = find_time(value.get("timestamp")) or latest
                places[as_text(value.get("id")) or f"{name}[{number}]"] = (latest, place)
        return places

    def _list(self, name: str) -> Iterator[tuple[int, Any]]:
        if name in self.offsets:
            cursor = Cursor(self.source, self.offsets[name])
            for place in cursor.items():
                try:
                    yield place, decode(cursor.value()).value
                except Unusable as exc:
                    yield place, exc.message

    def _message(self, value: dict[str, Any], chain: Chain) -> Message:
        own = as_text(value.get("id"))
        role = _ROLES.get(as_text(value.get("role")), "note")
        rest = {
            k: v for k, v in value.items() if k not in ("id", "role", "content", "timestamp", "toolCalls")
        }
        message = self.thread.message(
            role,
            _parts(value, role),
            key=chain.next(value) if not own else f"id {own}",
            created_at=find_time(value.get("timestamp")),
            metadata={"ollm": rest} if rest else {},
            origin=Origin(source=NAME, id=own) if own else None,
        )
        if own:
            self.messages[own] = _Placed(message.position, message.id)
        return message

    def _checkpoints(self) -> list[dict[str, Any]]:
        value = self.found.get("checkpoints")
        return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []

    def _checkpoint(self, value: dict[str, Any], number: int, originals: list[str]) -> Checkpoint:
        level = value.get("compressionLevel")
        stretch = sorted((self.messages[each] for each in originals), key=lambda message: message.position)
        return Checkpoint(
            id=derive_id(*self.thread.names, "checkpoint", as_text(value.get("id")) or str(number)),
            session_id=self.thread.session.id,
            kind="summary",
            from_id=stretch[0].id,
            through_id=stretch[-1].id,
            summary=as_text(value.get("summary")),
            level=level if level in (1, 2, 3) else 3,
            number=number,
            token_count=count(value.get("tokenCount")) or 0,
            created_at=find_time(value.get("timestamp")) or self.thread.session.created_at,
        )

    def _note(self, value: dict[str, Any], chain: Chain) -> Message:
        parts: tuple[Part, ...] = (Text(as_text(value.get("summary"))), Event("checkpoint", value))
        time = find_time(value.get("timestamp"))
        return self.thread.message("note", parts, key=chain.next(["checkpoint", value]), created_at=time)


def _originals(value: dict[str, Any], places: dict[str, Any]) -> list[str]:
    """The ids of the messages a checkpoint summarises, where all of them are in the file."""
    ids = value.get("originalMessageIds")
    named = [as_text(each) for each in ids] if isinstance(ids, list) else []
    return named if all(each in places for each in named) else []


def _parts(value: dict[str, Any], role: Role) -> tuple[Part, ...]:
    content = value.get("content")
    if role == "tool":
        return (ToolResult(as_text(value.get("toolCallId")), as_text(value.get("name")), content),)
    parts: list[Part] = [Text(as_text(content))]
    calls = value.get("toolCalls")
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            args = call.get("args", call.get("arguments"))
            parts.append(ToolCall(as_text(call.get("id")), as_text(call.get("name")), args))
        else:
            parts.append(Text(encode(call).decode()))
    return tuple(parts)


FORMAT = Format(read, None)
