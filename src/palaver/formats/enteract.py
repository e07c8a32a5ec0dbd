"""Enteract's `user_chat_sessions.json`: all sessions in one array, each with its `history`.

What the store has no place for is kept in `metadata["enteract"]` beside what we would write in its stead, and given
back on the way out as long as that has not changed.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO, TypeVar

import msgspec

from palaver.errors import NotFound
from palaver.formats.base import Context, Format, Item, Skipped
from palaver.formats.decoding import Unusable
from palaver.formats.enteract_entries import (
    FIELDS,
    NAME,
    entry_of,
    foreign_message_id,
    parts_of,
    role_of,
)
from palaver.formats.foreign import (
    Stored,
    Thread,
    clean_name,
    clean_title,
    count,
    derive_id,
    find_time,
    give_back,
    keep_differences,
    read_fields,
    session_id,
)
from palaver.formats.pretty import PrettyWriter
from palaver.formats.selection import Selection
from palaver.formats.slices import Cursor, Source
from palaver.model import DEFAULT_TITLE, Message, Origin, Session, Usage
from palaver.store import Store
from palaver.wire import format_time

_R = TypeVar("_R", Session, Message)


def write(selection: Selection, out: BinaryIO) -> None:
    """All sessions of the selection, the branch that is shown of each."""
    write_sessions(selection.store, selection.sessions(), out)


def write_sessions(store: Store, sessions: Iterator[Session], out: BinaryIO) -> None:
    """These sessions, the branch of each that ends in its `head_id`."""
    pretty = PrettyWriter(out)
    with pretty.array():
        for session in sessions:
            head = give_back(_head(session), session.metadata.get(NAME))
            with pretty.object():
                pretty.put(head.pop("id"), "id")
                pretty.put(head.pop("title"), "title")
                with pretty.array("history"):
                    for _, entry in _history(store, session):
                        pretty.put(entry)
                for name, value in head.items():
                    pretty.put(value, name)


def _head(session: Session) -> dict[str, Any]:
    imported = session.origin is not None and session.origin.source == NAME
    return {
        "id": session.origin.id if imported and session.origin else session.id,
        "title": session.title,
        "createdAt": format_time(session.created_at),
        "updatedAt": format_time(session.updated_at),
        "modelId": session.model,
    }


def _history(store: Store, session: Session) -> Iterator[tuple[str, dict[str, Any]]]:
    """The branch as the file shows it, each entry with the id of its message."""
    last = 0
    for message in store.messages(session.id, leaf_id=session.head_id):
        if message.status == "streaming":
            continue
        ours = entry_of(message, partial(_content, store))
        entry = give_back(ours, message.metadata.get(NAME))
        if entry["id"] is None:
            entry["id"] = max(message.position, last + 1)
        if type(entry["id"]) is int:
            last = max(last, entry["id"])
        yield message.id, entry


def _content(store: Store, digest: str) -> bytes | None:
    try:
        with store.open_file(digest) as file:
            return file.read()
    except NotFound:
        return None


def read(source: Source, context: Context) -> Iterator[Item]:
    """Every session of the array, or of the array under `chats`."""
    yield from _Reader(source, context).run()


class _Reader:
    def __init__(self, source: Source, context: Context) -> None:
        self.source = source
        self.context = context
        self.seen: dict[str, int] = {}

    def run(self) -> Iterator[Item]:
        cursor = Cursor(self.source)
        if cursor.peek() == b"[":
            yield from self._sessions(cursor)
            return
        for name in cursor.fields():
            if name == "chats" and cursor.peek() == b"[":
                yield from self._sessions(cursor)

    def _sessions(self, cursor: Cursor) -> Iterator[Item]:
        for number, _ in enumerate(cursor.items()):
            where = f"session {number + 1}"
            if cursor.peek() != b"{":
                yield Skipped(where, "not an object")
                continue
            try:
                yield from self._session(cursor, where)
            except Unusable as exc:
                yield Skipped(where, exc.message)

    def _session(self, cursor: Cursor, where: str) -> Iterator[Item]:
        """A session's own fields first, wherever they stand around its history."""
        fields = read_fields(self.context, cursor, ("history",), where)
        thread = Thread(self._record(fields.found))
        yield thread.session
        yield from fields.problems
        if fields.lists:
            yield from self._history(Cursor(self.source, fields.lists["history"]), thread, where)
        else:
            yield Skipped(where, "it has no history")
        yield thread.end()

    def _record(self, found: dict[str, Any]) -> Session:
        origin = Origin(source=NAME, id=self._unique(found))
        start = find_time(found.get("createdAt")) or find_time(found.get("updatedAt")) or self.context.now
        title = clean_title(found.get("title"))
        session = Session(
            id=session_id(self.context, origin),
            project_id=self.context.project_id,
            title=title,
            title_source="default" if title == DEFAULT_TITLE else "user",
            model=clean_name(found.get("modelId")),
            created_at=start,
            updated_at=find_time(found.get("updatedAt")) or start,
            origin=origin,
        )
        theirs = {key: value for key, value in found.items() if key != "history"}
        kept = keep_differences(_head(session), theirs)
        return _with_metadata(session, kept)

    def _unique(self, found: dict[str, Any]) -> str:
        """The session's id; a made one where it has none, a numbered one where another session of the file has it."""
        own = found.get("id")
        name = own if isinstance(own, str) and own else derive_id(NAME, repr(found.get("title")), repr(found))
        self.seen[name] = number = self.seen.get(name, 0) + 1
        return name if number == 1 else f"{name}#{number}"

    def _history(self, cursor: Cursor, thread: Thread, where: str) -> Iterator[Item]:
        stored = self._stored(thread.session.id)
        seen: dict[str, int] = {}
        for number, _ in enumerate(cursor.items(), 1):
            try:
                entry = _fill(self.context.decode(cursor.value()))
            except Unusable as exc:
                yield Skipped(f"{where}, message {number}", exc.message)
                continue
            there = [self.context.find_message(each) for each in stored.match(entry)]
            if there and there[0]:
                thread.go_on_after(there[0])
                yield there[0]
                continue
            thread.go_on_from(stored)
            yield from self._message(entry, thread, seen)
        thread.go_on_from(stored)

    def _stored(self, session_id: str) -> Stored:
        known = self.context.find_session(session_id)
        if known is None:
            return Stored(iter(()), None)
        store = self.context.store
        return Stored(((_fill(entry), (each,)) for each, entry in _history(store, known)), known)

    def _message(self, entry: dict[str, Any], thread: Thread, seen: dict[str, int]) -> Iterator[Item]:
        name = foreign_message_id(entry, seen)
        parts, files = parts_of(entry)
        role = role_of(entry)
        details = entry["metadata"] if isinstance(entry["metadata"], dict) else {}
        tokens = count(details.get("tokens"))
        message = thread.message(
            role,
            parts,
            key=name,
            created_at=find_time(entry["timestamp"]),
            model=clean_name(details.get("model")),
            usage=Usage(output_tokens=tokens) if tokens is not None and role == "assistant" else None,
            origin=Origin(source=NAME, id=name),
            metadata={"source": "transcription"} if entry["sender"] == "transcription" else {},
        )
        yield from files
        contents = {file.digest: file.data for file in files}
        yield _with_metadata(message, keep_differences(entry_of(message, contents.get), entry))


def _fill(value: Any) -> dict[str, Any]:
    """An entry with every field it may have, in one order. Raises `Unusable`."""
    if not isinstance(value, dict):
        raise Unusable("not an object")
    rest = dict(value)
    if "isInterim" in rest:
        rest.setdefault("is_interim", rest.pop("isInterim"))
    return {field: rest.pop(field, None) for field in FIELDS} | dict(sorted(rest.items()))


def _with_metadata(record: _R, kept: dict[str, Any]) -> _R:
    return msgspec.structs.replace(record, metadata=record.metadata | {NAME: kept}) if kept else record


FORMAT = Format(read, write)
