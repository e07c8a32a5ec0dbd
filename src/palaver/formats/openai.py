"""OpenAI chat messages: an array of messages, objects with `messages`, one or many, in an array or one a line.

There are no ids: a conversation is known by all that stands in it, so the same one comes in once.
"""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from palaver.formats.base import Context, Format, Item, Skipped
from palaver.formats.decoding import Unusable
from palaver.formats.foreign import (
    Chain,
    Thread,
    keep_differences,
    read_fields,
    session_id,
)
from palaver.formats.openai_messages import NAME, as_written, messages_of, parts_of, role_of
from palaver.formats.selection import Selection
from palaver.formats.slices import MAX_VALUE, Broken, Cursor, Source, lines
from palaver.model import DEFAULT_TITLE, Message, Origin, Session
from palaver.store import Store
from palaver.titles import first_message_title
from palaver.wire import encode


def write(selection: Selection, out: BinaryIO) -> None:
    """One `{"messages":[…]}` a line for each session: what of its branch a model is sent."""
    for session in selection.sessions():
        out.write(b'{"messages":[')
        between = b""
        for message in _branch(selection.store, session):
            out.write(between + encode(message))
            between = b","
        out.write(b"]}\n")


def _branch(store: Store, session: Session) -> Iterator[dict[str, Any]]:
    if session.system_prompt:
        yield {"role": "system", "content": session.system_prompt}
    for message in store.messages(session.id, leaf_id=session.head_id):
        if message.status != "streaming":
            yield from messages_of(message)


def read(source: Source, context: Context) -> Iterator[Item]:
    """Every conversation of the file."""
    return _Reader(source, context).run()


class _Reader:
    def __init__(self, source: Source, context: Context) -> None:
        self.source = source
        self.context = context

    def run(self) -> Iterator[Item]:
        cursor = Cursor(self.source)
        if cursor.peek() == b"[":
            yield from self._array(cursor)
        elif self._is_lines():
            yield from self._lines()
        else:
            while cursor.peek():
                yield from self._object(self.source, cursor, f"byte {cursor.offset:,}")

    def _array(self, cursor: Cursor) -> Iterator[Item]:
        start = cursor.offset
        if not self._holds_conversations(start):
            yield from self._conversation(self.source, start, {}, "the array")
            return
        for number, _ in enumerate(cursor.items(), 1):
            yield from self._object(self.source, cursor, f"conversation {number}")

    def _holds_conversations(self, offset: int) -> bool:
        cursor = Cursor(self.source, offset)
        for _ in cursor.items():
            return cursor.peek() == b"{" and "messages" in set(cursor.fields())
        return False

    def _is_lines(self) -> bool:
        """Whether the first line alone is a whole value, so that a broken line does not spoil those after it."""
        for _, raw, _ in lines(self.source):
            if raw is None or raw.strip():
                cursor = Cursor(Source(io.BytesIO(raw or b"")))
                try:
                    cursor.skip()
                except Broken:
                    return False
                return not cursor.peek()
        return False

    def _lines(self) -> Iterator[Item]:
        for number, raw, whole in lines(self.source):
            where = f"line {number}"
            if raw is None:
                yield Skipped(where, f"longer than {MAX_VALUE:,} bytes")
            elif raw.strip():
                source = Source(io.BytesIO(raw))
                try:
                    yield from self._object(source, Cursor(source), where)
                except Broken as exc:
                    yield Skipped(where, exc.message if whole else "the last line is torn")

    def _object(self, source: Source, cursor: Cursor, where: str) -> Iterator[Item]:
        if cursor.peek() != b"{":
            cursor.skip()
            yield Skipped(where, "not an object")
            return
        fields = read_fields(self.context, cursor, ("messages",), where)
        yield from fields.problems
        if fields.lists:
            yield from self._conversation(source, fields.lists["messages"], fields.found, where)
        else:
            yield Skipped(where, "it has no messages")

    def _conversation(self, source: Source, offset: int, found: dict[str, Any], where: str) -> Iterator[Item]:
        """Read twice: what a conversation is known by must be there before its first message."""
        session, prompted = self._session(source, offset, found)
        thread = Thread(session)
        chain = Chain(NAME)
        names: dict[str, str] = {}
        title = ""
        yield session
        for number, value in self._messages(source, offset):
            if isinstance(value, Unusable):
                yield Skipped(f"{where}, message {number}", value.message)
            elif number > 1 or not prompted:
                message = _message(thread, chain, value, names)
                title = title or (first_message_title(message.text) if message.role == "user" else "")
                yield message
        yield thread.end(**({"title": title, "title_source": "first_message"} if title else {}))

    def _session(self, source: Source, offset: int, found: dict[str, Any]) -> tuple[Session, bool]:
        """The session, and whether the first message is its system prompt."""
        chain, key, prompt = Chain(NAME, found), "", None
        before = self.context.replaced
        for number, value in self._messages(source, offset):
            key = chain.next(str(value) if isinstance(value, Unusable) else value)
            if number == 1 and isinstance(value, dict):
                prompt = _system_prompt(value)
        self.context.replaced = before
        origin = Origin(source=NAME, id=key or chain.next(None))
        session = Session(
            id=session_id(self.context, origin),
            project_id=self.context.project_id,
            title=DEFAULT_TITLE,
            title_source="default",
            system_prompt=prompt,
            created_at=self.context.now,
            updated_at=self.context.now,
            metadata={NAME: found} if found else {},
            origin=origin,
        )
        return session, prompt is not None

    def _messages(self, source: Source, offset: int) -> Iterator[tuple[int, dict[str, Any] | Unusable]]:
        cursor = Cursor(source, offset)
        for number, _ in enumerate(cursor.items(), 1):
            try:
                value = self.context.decode(cursor.value())
                yield number, value if isinstance(value, dict) else Unusable("not an object")
            except Unusable as exc:
                yield number, exc


def _system_prompt(value: dict[str, Any]) -> str | None:
    content = value.get("content")
    whole = value.keys() == {"role", "content"} and value["role"] == "system"
    return content if whole and isinstance(content, str) and content else None


def _message(thread: Thread, chain: Chain, value: dict[str, Any], names: dict[str, str]) -> Message:
    message = thread.message(role_of(value), parts_of(value, names), key=chain.next(value), created_at=None)
    kept = keep_differences(as_written(message), value)
    return msgspec.structs.replace(message, metadata={NAME: kept}) if kept else message


FORMAT = Format(read, write)
