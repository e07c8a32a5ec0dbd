"""What stands in an OLLM session file: its entries, made from stored messages and made into parts."""

from collections import Counter
from collections.abc import Iterator
from heapq import merge
from typing import Any, Literal, NamedTuple

from palaver.formats.foreign import Stored, canonical, ordered
from palaver.model import Event, Message, Opaque, Part, Session, Text, Time, ToolCall, ToolResult
from palaver.store import Store
from palaver.wire import encode, format_time

NAME = "ollm"
MODE_CHANGED = "mode_changed"
_MODE = ("from", "to", "timestamp", "trigger", "confidence")

Kind = Literal["message", "call", "mode"]


class Entry(NamedTuple):
    """One entry of a session, as the file shows it: a message, a tool call with its result, or a change of mode.

    `message_ids` are those of the stored messages it was made from.
    """

    time: Time
    kind: Kind
    content: dict[str, Any]
    message_ids: tuple[str, ...] = ()


def time_of(entry: Entry) -> Time:
    """What entries of the several lists are put in order by."""
    return entry.time


def branch_of(store: Store, session: Session) -> Iterator[Message]:
    """The messages down to `session.head_id`; an answer that is still being streamed is left out."""
    for message in store.messages(session.id, leaf_id=session.head_id):
        if message.status != "streaming":
            yield message


def entries_of(store: Store, session: Session, kind: Kind) -> Iterator[Entry]:
    """The entries of one kind."""
    branch = branch_of(store, session)
    if kind == "message":
        return _message_entries(branch)
    return _call_entries(branch) if kind == "call" else _mode_entries(branch)


def _message_entries(branch: Iterator[Message]) -> Iterator[Entry]:
    """What has text, notes left out."""
    for message in branch:
        texts = texts_of(message.parts)
        if texts and message.role != "note":
            yield _message_entry(message.role, texts, message.created_at, message.id)


def _call_entries(branch: Iterator[Message]) -> Iterator[Entry]:
    """Each call with its result; a call that has none yet is left out."""
    waiting: dict[str, list[tuple[ToolCall, Message]]] = {}
    for message in branch:
        for part in message.parts:
            if isinstance(part, ToolCall):
                waiting.setdefault(part.id, []).append((part, message))
            elif isinstance(part, ToolResult):
                calls = waiting.get(part.call_id)
                call, caller = calls.pop(0) if calls else (ToolCall(part.call_id, part.name, {}), message)
                yield _call_entry(call, part, caller.created_at, *dict.fromkeys((caller.id, message.id)))


def _mode_entries(branch: Iterator[Message]) -> Iterator[Entry]:
    for message in branch:
        for part in message.parts:
            if message.role == "note" and isinstance(part, Event) and part.name == MODE_CHANGED:
                yield Entry(message.created_at, "mode", ordered(part.data, _MODE), (message.id,))


def _message_entry(role: str, texts: list[str], time: Time, *ids: str) -> Entry:
    parts = [{"type": "text", "text": text} for text in texts]
    return Entry(time, "message", {"role": role, "parts": parts, "timestamp": format_time(time)}, ids)


def _call_entry(call: ToolCall, result: ToolResult, time: Time, *ids: str) -> Entry:
    shown: dict[str, Any] = {"llmContent": result.llm_content}
    if result.return_display is not None:
        shown["returnDisplay"] = result.return_display
    content = {
        "id": call.id,
        "name": call.name,
        "args": call.args,
        "result": shown,
        "timestamp": format_time(time),
    }
    return Entry(time, "call", content, ids)


def parts_of(content: dict[str, Any]) -> tuple[Part, ...]:
    """A message's parts; what is no text is kept as it is."""
    raw = content.get("parts")
    parts = tuple(_part(part) for part in raw) if isinstance(raw, list) else ()
    return parts or (Text(as_text(content.get("content"))),)


def _part(raw: Any) -> Part:
    if isinstance(raw, dict) and raw.get("type") == "text" and isinstance(raw.get("text"), str):
        return Text(raw["text"])
    return Opaque(NAME, raw)


def texts_of(parts: tuple[Part, ...]) -> list[str]:
    """The text of each text part."""
    return [part.text for part in parts if isinstance(part, Text)]


def call_of(content: dict[str, Any]) -> ToolCall:
    """The call of an entry."""
    return ToolCall(as_text(content.get("id")), as_text(content.get("name")), content.get("args"))


def result_of(content: dict[str, Any]) -> ToolResult | None:
    """The result of an entry, None for a call that has none."""
    result = content.get("result")
    if result is None:
        return None
    whole = not isinstance(result, dict) or "llmContent" not in result
    display = result.get("returnDisplay") if isinstance(result, dict) else None
    return ToolResult(
        as_text(content.get("id")),
        as_text(content.get("name")),
        result if whole else result["llmContent"],
        display if isinstance(display, str) else None,
    )


def as_written(entry: Entry) -> dict[str, Any] | None:
    """The entry's content as it would be written once it was read; None for one that would not."""
    if entry.kind == "message":
        texts = texts_of(parts_of(entry.content))
        return _message_entry(as_text(entry.content.get("role")), texts, entry.time).content
    result = result_of(entry.content)
    return _call_entry(call_of(entry.content), result, entry.time).content if result else None


def kept(content: dict[str, Any], *known: str) -> dict[str, Any]:
    """The metadata for what a message has no place for."""
    rest = {key: value for key, value in content.items() if key not in known}
    return {NAME: rest} if rest else {}


def as_text(value: Any) -> str:
    """Text as it is, None as nothing, anything else as JSON."""
    return value if isinstance(value, str) else "" if value is None else encode(value).decode()


class StoredSession(Stored):
    """The branch of a stored session as entries in order of time, and its changes of mode."""

    def __init__(self, store: Store, session: Session | None) -> None:
        lists = [entries_of(store, session, kind) for kind in ("message", "call")] if session else []
        super().__init__(
            ((entry.content, entry.message_ids) for entry in merge(*lists, key=time_of)), session
        )
        modes = entries_of(store, session, "mode") if session else iter(())
        self._modes = Counter(canonical(entry.content) for entry in modes)

    def has_mode(self, entry: Entry) -> bool:
        """Whether this change of mode stands here; each one counts once."""
        key = canonical(entry.content)
        self._modes[key] -= 1
        return self._modes[key] >= 0
