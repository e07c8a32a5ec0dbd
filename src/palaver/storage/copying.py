"""Everything of one store into another, whichever databases they live in, and held against it afterwards.

The source is read as it was at one moment. What the target has already is left as it is, so that a copy that was cut
off goes on where it ended when it is made again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from palaver.errors import NotFound, PalaverError
from palaver.ids import to_bytes
from palaver.model import PERSONAL_PROJECT, File, Message, Page, Project, Session
from palaver.storage.accounts.copying import People
from palaver.storage.rows import check_text
from palaver.storage.store import DatabaseStore
from palaver.storage.stored_file import open_stored
from palaver.storage.transaction import Reading
from palaver.storage.verbs import checkpoints, files, messages, preferences, projects, sessions, snapshots
from palaver.store import MAX_PAGE, SYSTEM_ACTOR, Filter, Record, SessionEnd, Store

T = TypeVar("T")

_BATCH = 400
_BATCH_CHARACTERS = 4 << 20
_SHOWN = 200

Progress = Callable[[int, int], None]
"""Called with how many messages are done, and how many there are."""


class CopyReport(msgspec.Struct, kw_only=True, rename="camel"):
    """What a copy did. Kinds are `project`, `session` and so on.

    `differing` names the first 200 things that are not in the target as they are in the source, and why;
    `differing_count` counts all. `verified` counts the messages whose digests were held against each other.
    """

    added: dict[str, int] = {}
    present: dict[str, int] = {}
    verified: int = 0
    differing: list[str] = []
    differing_count: int = 0


def copy(
    source: Reading,
    target: DatabaseStore,
    *,
    owners: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> CopyReport:
    """Bring over what a transaction of the actor `system` sees; `target` may be any actor's view.

    `owners` gives what belongs to one actor to another. Raises what keeps the whole from going on; what is wrong with one
    session alone is in the report.
    """
    return _Copy(source, target, owners or {}, progress).run()


class _Copy:
    def __init__(
        self, source: Reading, target: DatabaseStore, owners: Mapping[str, str], progress: Progress | None
    ) -> None:
        self._source = source
        self._target = target
        self._system = target.as_actor(SYSTEM_ACTOR)
        self._owners = owners
        self._progress = progress
        self._added: Counter[str] = Counter()
        self._present: Counter[str] = Counter()
        self._report = CopyReport()
        self._homes: dict[bytes, bytes] = {}
        self._done = 0
        found = source.row("count_messages")
        self._total = found[0] if found else 0

    def run(self) -> CopyReport:
        people = People(self._source, self._differs)
        self._target.database.write(SYSTEM_ACTOR, people.bring_accounts)
        for project in _projects(self._source):
            try:
                home, owner = self._project(project)
            except PalaverError as exc:
                self._differs(f"project {project.id} ({project.name}): {exc}")
                continue
            self._homes[to_bytes(project.id)] = to_bytes(home)
            for session in _sessions(self._source, project):
                self._session(replace(session, project_id=home), owner)
        self._target.database.write(SYSTEM_ACTOR, partial(people.bring_members, homes=self._homes))
        self._count(people.added, people.present)
        self._preferences()
        self._report.added, self._report.present = dict(self._added), dict(self._present)
        return self._report

    def _project(self, project: Project) -> tuple[str, Store]:
        """The project's id in the target, and its owner's view there. Everybody has one project "Personal"."""
        owner_id = self._owners.get(project.owner_id, project.owner_id)
        try:
            there = self._system.get_project(project.id)
        except NotFound:
            owner = self._target.as_actor(owner_id)
            own = _find_personal(owner, owner_id) if project.name == PERSONAL_PROJECT else None
            if own is None:
                self._count(owner.import_records([project]).added, {})
                return project.id, owner
            self._present["project"] += 1
            return own, owner
        self._present["project"] += 1
        return there.id, self._target.as_actor(there.owner_id)

    def _session(self, session: Session, owner: Store) -> None:
        try:
            if self._is_same(session):
                self._present["session"] += 1
                self._present["message"] += session.message_count
            else:
                self._bring(session, owner)
                if not self._is_same(session):
                    self._differs(
                        f"session {session.id} ({session.title}): it went on differently in the target"
                    )
        except PalaverError as exc:
            self._differs(f"session {session.id} ({session.title}): {exc}")
        self._done += session.message_count
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)

    def _bring(self, session: Session, owner: Store) -> None:
        """Files first, then the session in batches: its messages, what stands beside them, its end."""
        for batch in _batches(self._records(session, owner)):
            counts = owner.import_records(batch)
            self._count(counts.added, counts.present)

    def _records(self, session: Session, owner: Store) -> Iterator[Record]:
        yield session
        for message in _tree(self._source, session.id):
            for part in message.parts:
                if isinstance(part, File):
                    self._file(part, owner)
            yield _ended(message)
        yield from checkpoints.list_checkpoints(self._source, session.id, False)
        yield from reversed(snapshots.list_snapshots(self._source, session.id))
        yield SessionEnd(session)

    def _file(self, file: File, owner: Store) -> None:
        """The owner holds it until the message refers to it."""
        try:
            key, size = files.find_file(self._source, file.digest)
        except NotFound:
            return
        try:
            owner.open_file(file.digest).close()
            self._present["file"] += 1
        except NotFound:
            with open_stored(
                lambda key, number: files.read_piece(self._source, key, number), key, size
            ) as content:
                owner.put_file(content, name=file.name, mime=file.mime)
            self._added["file"] += 1

    def _is_same(self, session: Session) -> bool:
        """Whether the target has every message of the session as the source has it, and the same head and title."""
        try:
            there = self._system.get_session(session.id)
        except NotFound:
            return False
        if (there.head_id, there.title, there.tags) != (session.head_id, session.title, session.tags):
            return False
        here = map(_ended, _tree(self._source, session.id))
        for mine, theirs in zip_longest(here, self._system.tree(session.id)):
            if mine is None or theirs is None or not _equal(mine, theirs):
                return False
            self._report.verified += 1
        return True

    def _preferences(self) -> None:
        for actor, name, _, _ in self._source.rows("verify_preferences"):
            owner = self._target.as_actor(self._owners.get(actor, actor))
            if owner.get_preference(name) is not None:
                self._present["preference"] += 1
                continue
            self._source.actor = actor
            try:
                owner.put_preference(name, preferences.get_preference(self._source, check_text(name, "name")))
            finally:
                self._source.actor = SYSTEM_ACTOR
            self._added["preference"] += 1

    def _count(self, added: Mapping[str, int], present: Mapping[str, int]) -> None:
        self._added.update(added)
        self._present.update(present)

    def _differs(self, what: str) -> None:
        self._report.differing_count += 1
        if len(self._report.differing) < _SHOWN:
            self._report.differing.append(what)


def _projects(tx: Reading) -> Iterator[Project]:
    for trashed in (False, True):
        yield from _pages(partial(_list_projects, tx, trashed))


def _list_projects(tx: Reading, trashed: bool, after: str | None) -> Page[Project]:
    return projects.list_projects(tx, trashed, after, MAX_PAGE)


def _sessions(tx: Reading, project: Project) -> Iterator[Session]:
    visible = projects.ids_by_key(tx, project.id)
    wanted = Filter(state="any", empty=True)
    return _pages(lambda after: sessions.list_sessions(tx, visible, wanted, after, MAX_PAGE))


def _pages(read: Callable[[str | None], Page[T]]) -> Iterator[T]:
    after: str | None = None
    while True:
        page = read(after)
        yield from page.items
        after = page.next_cursor
        if after is None:
            return


def _tree(tx: Reading, session_id: str) -> Iterator[Message]:
    items = messages.read_tree(tx, session_id, 0, _BATCH)
    while items:
        yield from items
        items = messages.read_tree(tx, session_id, items[-1].position, _BATCH)


def _ended(message: Message) -> Message:
    """Whoever streams it is not on the other side: there it is what a crash leaves."""
    return replace(message, status="interrupted") if message.status == "streaming" else message


def _equal(mine: Message, theirs: Message) -> bool:
    """By their digests, which cover what never changes; a draft that has ended in the copy has got one there alone."""
    return (
        mine.digest in (theirs.digest, None)
        and (mine.id, mine.parent_id, mine.position) == (theirs.id, theirs.parent_id, theirs.position)
        and (mine.in_context, mine.trashed_at, mine.purged_at)
        == (theirs.in_context, theirs.trashed_at, theirs.purged_at)
        and (mine.digest is not None or mine.parts == theirs.parts)
    )


def _find_personal(store: Store, owner_id: str) -> str | None:
    found = store.list_projects(limit=MAX_PAGE)
    own = (each.id for each in found.items if (each.name, each.owner_id) == (PERSONAL_PROJECT, owner_id))
    return next(own, None)


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += _size(record)
        if len(batch) >= _BATCH or size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _size(record: Record) -> int:
    return sum(len(getattr(part, "text", "")) for part in record.parts) if isinstance(record, Message) else 0
