"""OLLM session files: one JSON object per session, `messages` and `toolCalls` side by side, each entry with its time.

Entries have no ids. What identifies one is the history up to it, so that a file that has grown adds only its new end.
"""

from collections import Counter
from collections.abc import Iterator
from heapq import merge
from typing import Any, BinaryIO

from palaver.formats.base import Context, Format, Item, Skipped
from palaver.formats.decoding import Unusable
from palaver.formats.foreign import (
    Chain,
    Thread,
    clean_name,
    count,
    find_time,
    read_fields,
    session_id,
)
from palaver.formats.ollm_entries import (
    MODE_CHANGED,
    NAME,
    Entry,
    Kind,
    StoredSession,
    as_written,
    call_of,
    entries_of,
    kept,
    parts_of,
    result_of,
    texts_of,
    time_of,
)
from palaver.formats.pretty import PrettyWriter
from palaver.formats.selection import Selection
from palaver.formats.slices import Cursor, Source
from palaver.model import DEFAULT_TITLE, Event, Origin, Role, Session
from palaver.store import Store
from palaver.titles import first_message_title
from palaver.wire import encode, format_time

MODES_KEPT = 100
_LISTS: dict[str, Kind] = {"messages": "message", "toolCalls": "call"}
_TOP = ("sessionId", "startTime", "lastActivity", "model", "provider", "messages", "toolCalls", "metadata")
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}


def write(selection: Selection, out: BinaryIO) -> None:
    """The one session of the selection."""
    for session in selection.sessions():
        write_session(selection.store, session, out)


def write_session(store: Store, session: Session, out: BinaryIO) -> None:
    """A session as it stands at `session.head_id`. Its branch is read thrice, so that memory does not follow its length."""
    pretty = PrettyWriter(out)
    with pretty.object():
        pretty.put(_foreign_id(session), "sessionId")
        pretty.put(format_time(session.created_at), "startTime")
        pretty.put(format_time(session.updated_at), "lastActivity")
        pretty.put(session.model or "", "model")
        pretty.put(session.provider or "", "provider")
        for name, kind in _LISTS.items():
            with pretty.array(name):
                for entry in entries_of(store, session, kind):
                    pretty.put(entry.content)
        pretty.put(_metadata(store, session), "metadata")


def _foreign_id(session: Session) -> str:
    return session.origin.id if session.origin and session.origin.source == NAME else session.id


def _metadata(store: Store, session: Session) -> dict[str, Any]:
    modes: list[dict[str, Any]] = []
    for entry in entries_of(store, session, "mode"):
        modes.append(entry.content)
        del modes[:-MODES_KEPT]
    return {
        "tokenCount": session.token_count,
        "compressionCount": session.compression_count,
        "modeHistory": modes,
    }


def read(source: Source, context: Context) -> Iterator[Item]:
    """The session of a file, its entries put in order by their times."""
    fields = read_fields(context, Cursor(source), _LISTS)
    yield from fields.problems
    identity = fields.found.get("sessionId")
    if not isinstance(identity, str) or not identity:
        yield Skipped("sessionId", "it is missing or no text, so this is no session")
        return
    yield from _Reader(source, context, fields.found, fields.lists).run()


class _Reader:
    def __init__(
        self, source: Source, context: Context, found: dict[str, Any], offsets: dict[str, int]
    ) -> None:
        self.source = source
        self.context = context
        self.offsets = offsets
        self.problems: list[Skipped] = []
        self.metadata: dict[str, Any] = found["metadata"] if isinstance(found.get("metadata"), dict) else {}
        self.session = self._session(found)
        self.thread = Thread(self.session)
        self.title = ""
        self.modes_seen: Counter[bytes] = Counter()

    def run(self) -> Iterator[Item]:
        yield self.session
        yield from self._records()
        yield from self.problems
        changes = {"title": self.title, "title_source": "first_message"} if self.title else {}
        yield self.thread.end(**changes)

    def _session(self, found: dict[str, Any]) -> Session:
        origin = Origin(source=NAME, id=found["sessionId"])
        start = find_time(found.get("startTime")) or find_time(found.get("lastActivity")) or self.context.now
        rest = kept(self.metadata, "tokenCount", "compressionCount", "modeHistory")
        unknown = kept(found, *_TOP).get(NAME, {}) | ({"metadata": rest[NAME]} if rest else {})
        return Session(
            id=session_id(self.context, origin),
            project_id=self.context.project_id,
            title=DEFAULT_TITLE,
            title_source="default",
            model=clean_name(found.get("model")),
            provider=clean_name(found.get("provider")),
            compression_count=count(self.metadata.get("compressionCount")) or 0,
            created_at=start,
            updated_at=find_time(found.get("lastActivity")) or start,
            metadata={NAME: unknown} if unknown else {},
            origin=origin,
        )

    def _records(self) -> Iterator[Item]:
        chain = Chain(NAME)
        stored = StoredSession(self.context.store, self.context.find_session(self.session.id))
        for entry in merge(self._read("messages"), self._read("toolCalls"), self._modes(), key=time_of):
            if entry.kind == "mode":
                yield from () if stored.has_mode(entry) else self._new(entry, stored, "")
                continue
            key = chain.next([entry.kind, entry.content])
            self._find_title(entry)
            known = stored.match(as_written(entry))
            yield from self._known(known) if known else self._new(entry, stored, key)
        self.thread.go_on_from(stored)

    def _find_title(self, entry: Entry) -> None:
        if not self.title and entry.content.get("role") == "user":
            self.title = first_message_title("".join(texts_of(parts_of(entry.content))))

    def _known(self, message_ids: tuple[str, ...]) -> Iterator[Item]:
        for each in message_ids:
            there = self.context.find_message(each)
            if there is not None and there.id != self.thread.head_id:
                self.thread.go_on_after(there)
                yield there

    def _new(self, entry: Entry, stored: StoredSession, key: str) -> Iterator[Item]:
        self.thread.go_on_from(stored)
        if entry.kind == "message":
            return self._message(entry, key)
        return self._call(entry, key) if entry.kind == "call" else self._mode(entry)

    def _message(self, entry: Entry, key: str) -> Iterator[Item]:
        content = entry.content
        role = _ROLES.get(str(content.get("role")), "note")
        parts = parts_of(content)
        metadata = kept(content, "parts", "timestamp", "role" if role != "note" else "")
        yield self.thread.message(role, parts, key=key, created_at=entry.time, metadata=metadata)

    def _call(self, entry: Entry, key: str) -> Iterator[Item]:
        content = entry.content
        metadata = kept(content, "id", "name", "args", "result", "timestamp")
        call = call_of(content)
        yield self.thread.message("assistant", (call,), key=key, created_at=entry.time, metadata=metadata)
        result = result_of(content)
        if result is not None:
            shown = content["result"] if isinstance(content["result"], dict) else {}
            metadata = kept(shown, "llmContent", "returnDisplay") if "llmContent" in shown else {}
            key += " result"
            yield self.thread.message("tool", (result,), key=key, created_at=entry.time, metadata=metadata)

    def _mode(self, entry: Entry) -> Iterator[Item]:
        event = Event(MODE_CHANGED, entry.content)
        number = self.modes_seen[encode(entry.content)]
        key = Chain(NAME, "mode", number).next(entry.content)
        yield self.thread.message("note", (event,), key=key, created_at=entry.time)

    def _modes(self) -> Iterator[Entry]:
        history = self.metadata.get("modeHistory")
        for value in history if isinstance(history, list) else []:
            data = value if isinstance(value, dict) else {"value": value}
            self.modes_seen[encode(data)] += 1
            yield Entry(find_time(data.get("timestamp")) or self.session.created_at, "mode", data)

    def _read(self, name: str) -> Iterator[Entry]:
        if name not in self.offsets:
            return
        cursor = Cursor(self.source, self.offsets[name])
        latest = self.session.created_at
        for number, _ in enumerate(cursor.items()):
            try:
                content = self.context.decode(cursor.value())
                if not isinstance(content, dict):
                    raise Unusable("not an object")
            except Unusable as exc:
                self.problems.append(Skipped(f"{name}[{number}]", exc.message))
                continue
            latest = find_time(content.get("timestamp")) or latest
            yield Entry(latest, _LISTS[name], content)


FORMAT = Format(read, write, many=False)
