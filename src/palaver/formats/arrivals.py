"""What a reader gives, on its way into the store: compared with what is there, gathered into batches, counted."""

from collections import Counter
from collections.abc import Callable

import msgspec

from palaver.errors import Conflict, Invalid, NotFound
from palaver.formats.base import Context, FileStream, Item, Mended, Skipped
from palaver.formats.repairs import Repairs
from palaver.model import (
    PERSONAL_PROJECT,
    Checkpoint,
    File,
    ImportCounts,
    Message,
    Opaque,
    Project,
    Session,
    Snapshot,
)
from palaver.store import FileContent, Record, SessionEnd
from palaver.wire import to_builtins

BATCH_RECORDS = 500
BATCH_BYTES = 4 << 20

Note = Callable[[Skipped | Mended], None]


class Arrivals:
    """Takes items in order. `added` and `present` count by kind; what does not come in as it stands goes to `note`."""

    def __init__(self, context: Context, note: Note) -> None:
        self.added: Counter[str] = Counter()
        self.present: Counter[str] = Counter()
        self.flushed = False
        self._context = context
        self._note = note
        self._dry_run = context.dry_run
        self._batch: list[Record] = []
        self._weight = 0
        self._projects: dict[str, str] = {}
        self._place = _Place()
        self._repairs = Repairs()

    def take(self, item: Item) -> None:
        """Use one item; now and then this writes a batch, and `flushed` says so until the next item."""
        self.flushed = False
        match item:
            case Skipped() | Mended():
                self._note(item)
            case Project():
                self._project(item)
            case Session():
                self._session(item)
            case Message():
                self._message(item)
            case SessionEnd():
                self._end(item)
            case FileStream():
                self._file_stream(item)
            case FileContent() | Checkpoint() | Snapshot():
                self._side(item)
        if len(self._batch) >= BATCH_RECORDS or self._context.weight - self._weight >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what has come together."""
        batch, self._batch = self._batch, []
        self._weight = self._context.weight
        self.flushed = True
        if batch and not self._dry_run:
            self._write(batch)

    def _project(self, project: Project) -> None:
        """Everybody has one project "Personal": sessions of another one of that name go to it."""
        context = self._context
        home = project.id
        if not context.has_project(project.id) and project.name == PERSONAL_PROJECT:
            own = context.find_personal_project() if project.owner_id == context.store.actor else None
            home = own.id if own else home
        self._projects[project.id] = home
        if home != project.id or context.has_project(home):
            self.present["project"] += 1
        else:
            self._add("project", project)

    def _session(self, session: Session) -> None:
        session = self._at_home(session)
        self._place = place = _Place(session, self._context.find_session(session.id))
        if place.known:
            self.present["session"] += 1
        else:
            self._add("session", session)

    def _at_home(self, session: Session) -> Session:
        home = self._projects.get(session.project_id)
        if home is None:
            there = session.project_id == self._context.project_id or self._context.has_project(
                session.project_id
            )
            home = self._projects[session.project_id] = (
                session.project_id if there else self._context.project_id
            )
            if not there:
                self._note(Mended(f"session {session.id}", "its project is not there: it went to your own"))
        return msgspec.structs.replace(session, project_id=home)

    def _message(self, message: Message) -> None:
        place = self._place
        if place.known:
            there = self._context.find_message(message.id)
            if there is not None:
                self._compare(message, there)
                place.previous = message.id
                return
        message = self._below_its_parent(message)
        place.previous = message.id
        self._add("message", message)

    def _compare(self, message: Message, there: Message) -> None:
        self.present["message"] += 1
        without = _without_files(message)
        same = there.parts == message.parts or (without is not None and there.parts == without.parts)
        if there.purged_at is None and not same:
            self._note(
                Skipped(f"message {message.id}", "it is here already with other content, which was kept")
            )

    def _below_its_parent(self, message: Message) -> Message:
        parent, place = message.parent_id, self._place
        if parent is None or parent == place.previous or self._has(parent):
            return message
        self._note(
            Mended(f"message {message.id}", f"its parent {parent} is not there before it: it begins a branch")
        )
        return msgspec.structs.replace(message, parent_id=None)

    def _has(self, id: str) -> bool:
        if self._dry_run:
            return id in self._place.seen or self._context.find_message(id) is not None
        if any(isinstance(record, Message) and record.id == id for record in self._batch):
            return True
        found = self._context.find_message(id)
        return (
            found is not None
            and self._place.session is not None
            and found.session_id == self._place.session.id
        )

    def _end(self, end: SessionEnd) -> None:
        session = self._at_home(end.session)
        head = session.head_id
        if head is not None and head != self._place.previous and not self._has(head):
            what = f"its head {head} is not there: the last of its messages is shown"
            self._note(Mended(f"session {session.id}", what))
            session = msgspec.structs.replace(session, head_id=self._place.previous)
        if not self._dry_run:
            self._batch.append(SessionEnd(session))

    def _file_stream(self, file: FileStream) -> None:
        with file.content as content:
            if self._has_file(file.digest):
                self.present["file"] += 1
                return
            self.added["file"] += 1
            if not self._dry_run:
                self._context.store.put_file(content, name=file.digest)

    def _has_file(self, digest: str) -> bool:
        try:
            self._context.store.open_file(digest).close()
        except NotFound:
            return False
        return True

    def _side(self, record: FileContent | Checkpoint | Snapshot) -> None:
        kind = type(record).__name__.lower().removesuffix("content")
        if self._dry_run and self._knows(record):
            self.present[kind] += 1
        else:
            self._add(kind, record)

    def _knows(self, record: FileContent | Checkpoint | Snapshot) -> bool:
        if isinstance(record, FileContent):
            return self._has_file(record.digest)
        if self._place.known is None:
            return False
        store, session_id = self._context.store, record.session_id
        if isinstance(record, Checkpoint):
            return any(each.id == record.id for each in store.list_checkpoints(session_id, active=False))
        return any(each.id == record.id for each in store.list_snapshots(session_id))

    def _add(self, kind: str, record: Record) -> None:
        if self._dry_run:
            self.added[kind] += 1
            if isinstance(record, Message):
                self._place.seen.add(record.id)
        else:
            self._batch.append(record)

    def _write(self, batch: list[Record]) -> None:
        """The batch in one step; where something in it is refused, in halves, until what is refused stands alone."""
        records = [fitting for record in batch if (fitting := self._repairs.apply(record)) is not None]
        if not records:
            return
        try:
            counts = self._context.store.import_records(records)
        except (Invalid, Conflict, NotFound) as exc:
            if len(batch) > 1:
                middle = len(batch) // 2
                self._write(batch[:middle])
                self._write(batch[middle:])
            else:
                self._refused(records[0], exc)
            return
        self._count(counts)

    def _count(self, counts: ImportCounts) -> None:
        self.added.update(counts.added)
        self.present.update(counts.present)
        for why in counts.skipped:
            self._note(Skipped("", why))

    def _refused(self, record: Record, exc: Invalid | Conflict | NotFound) -> None:
        without = _without_files(record)
        if without is not None:
            self._note(
                Mended(_where(record), f"{exc.message}: what it said of the file was kept, without content")
            )
            self._write([without])
        elif isinstance(exc, Conflict) and self._repairs.rename(record):
            self._write([record])
        else:
            self._repairs.give_up(record)
            self._note(Skipped(_where(record), exc.message))


class _Place:
    """Which session the reader is in, whether that is stored, and the last message of it."""

    def __init__(self, session: Session | None = None, known: Session | None = None) -> None:
        self.session = session
        self.known = known
        self.previous: str | None = None
        self.seen: set[str] = set()


def _without_files(record: Record) -> Message | None:
    if not isinstance(record, Message) or not any(isinstance(part, File) for part in record.parts):
        return None
    parts = tuple(
        Opaque("palaver", to_builtins(part)) if isinstance(part, File) else part for part in record.parts
    )
    return msgspec.structs.replace(record, parts=parts)


def _where(record: Record) -> str:
    match record:
        case FileContent(digest=digest):
            return f"file {digest}"
        case SessionEnd(session=session):
            return f"the end of session {session.id}"
        case _:
            return f"{type(record).__name__.lower()} {record.id}"
