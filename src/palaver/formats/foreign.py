"""What foreign formats need to become records: ids that come out the same each time, titles, times, and the way back."""

from collections.abc import Container, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from palaver import ids
from palaver.errors import Invalid
from palaver.formats.base import Context, Skipped
from palaver.formats.decoding import Unusable
from palaver.formats.slices import Cursor
from palaver.model import DEFAULT_TITLE, Message, Origin, Part, Role, Session, Time
from palaver.store import MAX_NAME, MAX_TITLE, SessionEnd
from palaver.titles import printable
from palaver.wire import parse_time

_MAX_SECONDS = 100_000_000_000


def derive_id(*names: str) -> str:
    """A UUIDv8 that these names alone decide, so that a second import meets what the first one made."""
    state = blake2b(digest_size=16)
    for name in names:
        raw = name.encode("utf-8")
        state.update(len(raw).to_bytes(8))
        state.update(raw)
    number = int.from_bytes(state.digest())
    number = number & ~(0xF << 76) | 0x8 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return ids.from_bytes(number.to_bytes(16))


def session_id(context: Context, origin: Origin) -> str:
    """The id a foreign session gets: its own where that is a UUID nobody else here has, else one derived from it."""
    derived = derive_id(context.project_id, origin.source, origin.id)
    raw = ids.find_bytes(origin.id)
    if raw is None or context.find_session(derived):
        return derived
    own = ids.from_bytes(raw)
    known = context.find_session(own)
    if known is None or (known.project_id == context.project_id and known.origin in (None, origin)):
        return own
    return derived


def clean_title(text: Any) -> str:
    """A title as the store takes it: white space folded, no control characters, at most `MAX_TITLE` long."""
    folded = clean_name(text, MAX_TITLE)
    return folded or DEFAULT_TITLE


def clean_name(text: Any, limit: int = MAX_NAME) -> str | None:
    """The name of a model or provider as the store takes it; None for what is no text or empty."""
    if not isinstance(text, str):
        return None
    folded = " ".join(printable(text[: limit * 2]).split())[:limit].rstrip()
    return folded or None


def find_time(value: Any) -> Time | None:
    """An instant from ISO 8601 text or seconds or milliseconds since 1970; None for anything else."""
    try:
        if isinstance(value, str):
            return parse_time(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return Time.from_ms(int(value if value > _MAX_SECONDS else value * 1000))
    except (Invalid, ValueError, OverflowError, OSError):
        return None
    return None


def count(value: Any) -> int | None:
    """A whole number of tokens, None for what is none."""
    return value if type(value) is int and 0 <= value < 1 << 31 else None


def keep_differences(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, list[Any]]:
    """What of `theirs` our own way of writing would not give back, each beside what we would write."""
    return {
        key: [ours.get(key), value]
        for key, value in theirs.items()
        if key not in ours or not same(ours[key], value)
    }


def give_back(ours: dict[str, Any], kept: Any) -> dict[str, Any]:
    """`ours` with what was kept in place of what has not changed since."""
    if not isinstance(kept, dict):
        return ours
    merged = dict(ours)
    for key, pair in kept.items():
        if isinstance(pair, list) and len(pair) == 2 and same(ours.get(key), pair[0]):
            merged[key] = pair[1]
    return merged


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: the order of fields says nothing, but true is not 1, and 1 is not 1.0."""
    return left is right or canonical(left) == canonical(right)


def canonical(value: Any) -> bytes:
    """JSON whose fields are sorted."""
    return _canonical.encode(value)


_canonical = msgspec.json.Encoder(order="deterministic")


def ordered(value: Any, fields: tuple[str, ...]) -> Any:
    """An object with these fields first, where it has them: the store keeps fields in an order of its own."""
    if not isinstance(value, dict):
        return value
    return {field: value[field] for field in fields if field in value} | value


class Fields(NamedTuple):
    """An object's fields: the values of the small ones, and where those lists begin that are read one by one."""

    found: dict[str, Any]
    lists: dict[str, int]
    problems: list[Skipped]


def read_fields(context: Context, cursor: Cursor, lists: Container[str], where: str = "") -> Fields:
    """The object that begins at the cursor, wherever its lists stand among its other fields. Raises `Broken`."""
    fields = Fields({}, {}, [])
    for name in cursor.fields():
        if name in lists and cursor.peek() == b"[":
            fields.lists[name] = cursor.offset
            continue
        try:
            fields.found[name] = context.decode(cursor.value())
        except Unusable as exc:
            fields.problems.append(Skipped(f"{where}, {name}" if where else name, exc.message))
    return fields


class Thread:
    """Makes the records of one foreign session whose messages follow one another.

    `key` of a message decides its id within the session, so it must be the same at each import.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.names = (session.project_id, *_names(session))
        self.position = 0
        self.head_id: str | None = None
        self.latest = session.created_at
        self._settled = False

    def message(
        self,
        role: Role,
        parts: tuple[Part, ...],
        *,
        key: str,
        created_at: Time | None,
        **fields: Any,
    ) -> Message:
        """The next message, below the one before. Without a time it gets that of the one before."""
        self.position += 1
        self.latest = created_at or self.latest
        message = Message(
            id=derive_id(*self.names, key),
            session_id=self.session.id,
            parent_id=self.head_id,
            position=self.position,
            role=role,
            parts=parts,
            created_at=self.latest,
            **fields,
        )
        self.head_id = message.id
        return message

    def go_on_after(self, message: Message) -> None:
        """Continue below a message that is stored already."""
        self.head_id = message.id

    def go_on_from(self, stored: "Stored") -> None:
        """To be called before anything new: where the file goes on after the stored branch, below its very end."""
        if not self._settled:
            self._settled = True
            self.head_id = stored.end() or self.head_id

    def end(self, **changes: Any) -> SessionEnd:
        """Closes the session with the last message as its head."""
        return SessionEnd(msgspec.structs.replace(self.session, head_id=self.head_id, **changes))


class Stored:
    """A session's branch as it stands here, each entry in the file's own shape with the ids of its messages.

    A file that was written from that branch, or read into it before, begins like it.
    """

    def __init__(self, entries: Iterator[tuple[Any, tuple[str, ...]]], session: Session | None) -> None:
        self._entries = entries
        self._head_id = session.head_id if session else None
        self._same = session is not None
        self._ended = False

    def match(self, entry: Any) -> tuple[str, ...]:
        """The ids behind the next stored entry where it is this one; nothing once one was not."""
        if not self._same:
            return ()
        there = next(self._entries, None)
        self._ended = there is None
        self._same = there is not None and same(there[0], entry)
        return there[1] if there is not None and self._same else ()

    def end(self) -> str | None:
        """The stored head, where all that was matched is the stored branch or the beginning of it."""
        return self._head_id if self._same or self._ended else None


def _names(session: Session) -> tuple[str, str]:
    return (session.origin.source, session.origin.id) if session.origin else ("palaver", session.id)


class Chain:
    """A running digest, for messages that have no id of their own: the same history gives the same keys."""

    def __init__(self, *start: Any) -> None:
        self._last = blake2b(canonical(list(start)), digest_size=16).digest()

    def next(self, content: Any) -> str:
        """The key of the history so far with `content` added."""
        self._last = blake2b(self._last + canonical(content), digest_size=16).digest()
        return self._last.hex()
