"""Palaver's own format: JSON lines that hold everything, in any language readable without Palaver.

The first line is `{"type":"palaver","version":1,…}`, the last `{"type":"end","counts":{…}}`, so that a file that was cut
off is noticed. Between them each line is a value of `model.py` in its wire shape with a `type`: a project, then its
sessions; a session, then the content of files its messages refer to, its messages by position, its checkpoints and its
snapshots. A file's content comes in pieces of base64, one a line.
"""

import base64
import binascii
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import msgspec

from palaver.errors import Invalid, NotFound
from palaver.formats.base import Context, FileStream, Format, Item, Skipped
from palaver.formats.decoding import Unusable
from palaver.formats.selection import Selection
from palaver.formats.slices import MAX_VALUE, Source, lines
from palaver.model import Checkpoint, File, Message, Project, Session, Snapshot, Time
from palaver.store import FileContent, Record, SessionEnd
from palaver.wire import convert, encode

VERSION = 1
PIECE = 1 << 20
_IN_MEMORY = 8 << 20
_KINDS: dict[str, type[Any]] = {
    "project": Project,
    "session": Session,
    "message": Message,
    "checkpoint": Checkpoint,
    "snapshot": Snapshot,
}


def write(selection: Selection, out: BinaryIO) -> None:
    """Everything of the selected sessions and their projects."""
    _Writer(selection, out).run()


class _Writer:
    def __init__(self, selection: Selection, out: BinaryIO) -> None:
        self.selection = selection
        self.store = selection.store
        self.out = out
        self.counts: Counter[str] = Counter()
        self.files: set[str] = set()

    def run(self) -> None:
        self._line("palaver", {"version": VERSION, "exportedAt": Time.current()})
        for project in self.selection.projects():
            self._count("project", project)
            for session in self.selection.sessions(project.id):
                self._session(session)
        self._line("end", {"counts": dict(sorted(self.counts.items()))})

    def _session(self, session: Session) -> None:
        self._count("session", session)
        left_out: dict[str, str | None] = {}
        for message in self.store.tree(session.id):
            if message.trashed_at is None or self.selection.trash:
                self._message(_without(message, left_out))
            else:
                left_out[message.id] = message.parent_id
        for checkpoint in self.store.list_checkpoints(session.id, active=False):
            if left_out.keys().isdisjoint((checkpoint.from_id, checkpoint.through_id)):
                self._count("checkpoint", checkpoint)
        snapshots = self.store.list_snapshots(session.id)
        for snapshot in sorted(snapshots, key=lambda snapshot: (snapshot.created_at, snapshot.id)):
            self._count("snapshot", snapshot)

    def _message(self, message: Message) -> None:
        for part in message.parts:
            if isinstance(part, File) and part.digest not in self.files:
                self._file(part.digest)
        if message.status == "streaming":
            # Whoever streams it is not on the other side: there it is what a crash leaves.
            message = msgspec.structs.replace(message, status="interrupted")
        self._count("message", message)

    def _file(self, digest: str) -> None:
        self.files.add(digest)
        try:
            content = self.store.open_file(digest)
        except NotFound:
            return
        with content:
            size = content.seek(0, 2)
            content.seek(0)
            for offset in range(0, size or 1, PIECE):
                data = base64.b64encode(content.read(PIECE)).decode()
                self._line("file", {"digest": digest, "size": size, "offset": offset, "data": data})
        self.counts["file"] += 1

    def _count(self, kind: str, value: Any) -> None:
        self.counts[kind] += 1
        self._line(kind, value)

    def _line(self, kind: str, value: Any) -> None:
        self.out.write(b'{"type":"' + kind.encode() + b'",' + encode(value)[1:] + b"\n")


def _without(message: Message, left_out: dict[str, str | None]) -> Message:
    """The message as it stands where these are not: below the nearest one that is, its position moved up."""
    if not left_out:
        return message
    parent = message.parent_id
    while parent in left_out:
        parent = left_out[parent]
    return msgspec.structs.replace(message, parent_id=parent, position=message.position - len(left_out))


def read(source: Source, context: Context) -> Iterator[Item]:
    """What a file holds. Raises `Invalid` for a version this one does not know."""
    return _Reader(source, context).run()


class _Reader:
    def __init__(self, source: Source, context: Context) -> None:
        self.source = source
        self.context = context
        self.counts: Counter[str] = Counter()
        self.expected: dict[str, int] | None = None
        self.session: Session | None = None
        self.file: _Pieces | None = None

    def run(self) -> Iterator[Item]:
        try:
            yield from self._items()
        finally:
            self._drop_file()

    def _items(self) -> Iterator[Item]:
        number = 0
        for number, raw, whole in lines(self.source):
            where = f"line {number}"
            try:
                yield from self._line(raw)
            except NewerVersion:
                raise
            except (Unusable, Invalid) as exc:
                torn = "" if whole else "the last line is torn: "
                yield Skipped(where, torn + exc.message)
        yield from self._close_session()
        yield from self._check(f"line {number}")

    def _line(self, raw: bytes | None) -> Iterator[Item]:
        if raw is None:
            raise Unusable(f"longer than {MAX_VALUE:,} bytes")
        if not raw.strip():
            return
        value = self.context.decode(raw)
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "palaver":
            _check_version(value)
        elif kind == "end":
            self.expected = convert(value.get("counts", {}), dict[str, int])
        elif kind == "file":
            yield from self._piece(value)
        elif isinstance(kind, str) and kind in _KINDS:
            yield from self._record(kind, value)
        else:
            raise Unusable(f"not a record of this format: its type is {kind!r:.40}")

    def _record(self, kind: str, value: dict[str, Any]) -> Iterator[Item]:
        self.counts[kind] += 1
        if kind in ("project", "session"):
            yield from self._close_session()
        record: Record = convert(value, _KINDS[kind])
        if isinstance(record, Project):
            if self.context.own_projects:
                yield record
            return
        if isinstance(record, Session):
            yield self._open_session(record)
            return
        if isinstance(record, Message | Checkpoint | Snapshot):
            self._check_session(record.session_id)
        yield record

    def _open_session(self, session: Session) -> Session:
        if not self.context.own_projects:
            session = msgspec.structs.replace(session, project_id=self.context.project_id)
        self.session = session
        return session

    def _close_session(self) -> Iterator[Item]:
        if self.session is not None:
            yield SessionEnd(self.session)
        self.session = None

    def _check_session(self, id: str) -> None:
        if self.session is None:
            raise Unusable("no session stands before it that could be read")
        if self.session.id != id:
            raise Unusable(f"it belongs to session {id:.40}, but stands among those of {self.session.id}")

    def _piece(self, value: dict[str, Any]) -> Iterator[Item]:
        piece = convert(value, _Piece)
        if piece.offset == 0:
            self._drop_file()
            self.file = _Pieces(piece)
        if self.file is None or not self.file.add(piece):
            self._drop_file()
            raise Unusable("a piece of a file that does not go on from the one before")
        if self.file.complete:
            self.counts["file"] += 1
            done, self.file = self.file, None
            yield done.take()

    def _drop_file(self) -> None:
        """What came of a file that did not come whole."""
        if self.file is not None:
            self.file.content.close()
        self.file = None

    def _check(self, where: str) -> Iterator[Item]:
        if self.expected is None:
            yield Skipped(where, "the file ends without its last line: what came after this was cut off")
        elif self.expected != dict(self.counts):
            yield Skipped(where, f"the file should hold {self.expected}, but {dict(self.counts)} were found")


class _Piece(msgspec.Struct):
    digest: str
    size: int
    offset: int
    data: str


class _Pieces:
    """A file's content as it comes together, in memory while it is small."""

    def __init__(self, first: _Piece) -> None:
        self.digest = first.digest
        self.size = first.size
        self.at = 0
        self.hash = hashlib.sha256()
        self.content = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  it outlives this call

    @property
    def complete(self) -> bool:
        return self.at >= self.size

    def add(self, piece: _Piece) -> bool:
        if piece.digest != self.digest or piece.offset != self.at or piece.size != self.size:
            return False
        try:
            data = base64.b64decode(piece.data, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise Unusable(f"no base64: {exc}") from None
        self.hash.update(data)
        self.content.write(data)
        self.at += len(data)
        return bool(data) or self.size == 0

    def take(self) -> FileContent | FileStream:
        if self.hash.hexdigest() != self.digest:
            self.content.close()
            raise Unusable(f"the content of file {self.digest:.64} does not have that SHA-256")
        self.content.seek(0)
        if self.size > _IN_MEMORY:
            return FileStream(self.digest, cast(BinaryIO, self.content))
        with self.content:
            return FileContent(self.digest, self.content.read())


def _check_version(value: dict[str, Any]) -> None:
    version = value.get("version")
    if version != VERSION:
        raise NewerVersion(
            f"this file has version {version!r:.20} of Palaver's format, and this program reads {VERSION}"
        )


class NewerVersion(Invalid):
    """The file was written by a later version of Palaver; nothing of it is read."""


FORMAT = Format(read, write, trash=True)
