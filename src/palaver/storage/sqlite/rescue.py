"""Reading round damage: what can still be read of a store, and the names of what cannot."""

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Concatenate, ParamSpec, TypeVar

from palaver.errors import Corrupt, NotFound
from palaver.ids import from_bytes
from palaver.model import Checkpoint, Message, Page, Project, Session, Snapshot
from palaver.storage.rows import ProjectRow, SessionRow, readable
from palaver.storage.sqlite.detour import LOST_PROJECT, Detour, lost_project
from palaver.storage.sqlite.store import SqliteStore
from palaver.storage.sqlite.transaction import ReadTransaction
from palaver.storage.transaction import Row
from palaver.storage.verbs import changes, lookup, messages
from palaver.store import HEAD, SYSTEM_ACTOR, Filter, Head

P = ParamSpec("P")
T = TypeVar("T")
Lost = Callable[[Corrupt], object]

_BATCH = 500
_PIECE = 1 << 20
_LAST_PAGE = "lost"
_LOST_ID = from_bytes(LOST_PROJECT)


class RescuedStore(SqliteStore):
    """The same store, to read from: what is damaged is passed over and told to `lost`."""

    def __init__(self, store: SqliteStore, lost: Lost) -> None:
        super().__init__(store._database, store.actor)  # noqa: SLF001  (the same class's)
        self._lost = lost
        self._keys: dict[bytes, int] = {}
        self._told: set[int] = set()

    def _read(self, verb: Callable[Concatenate[Detour, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        with self._database.read(self.actor) as tx, readable("what stands there"):
            return verb(Detour(tx, self._keys), *arguments, **named)

    def get_project(self, project_id: str) -> Project:
        if project_id == _LOST_ID:
            return lost_project(self.actor)
        try:
            return super().get_project(project_id)
        except (Corrupt, NotFound) as exc:
            every = self._one_by_one("project", self._project_by_key)
            found = next((project for project in every if project.id == project_id), None)
            if found is None:
                raise
            self._lost(exc if isinstance(exc, Corrupt) else _not_by_its_id("project", project_id))
            return found

    def list_projects(
        self, *, trashed: bool = False, after: str | None = None, limit: int = 50
    ) -> Page[Project]:
        """As they are listed, and on a page after them one for the sessions whose own cannot be read, if there are any."""
        if after == _LAST_PAGE:
            homeless = any(session.project_id == _LOST_ID for session in self._all_sessions())
            return Page([lost_project(self.actor)] if homeless else [])
        try:
            page = super().list_projects(trashed=trashed, after=after, limit=limit)
        except Corrupt as exc:
            self._lost(exc)
            every = list(self._one_by_one("project", self._project_by_key))
            page = Page([project for project in every if (project.trashed_at is not None) == trashed])
        return page if trashed or page.next_cursor else Page(page.items, _LAST_PAGE)

    def list_sessions(
        self,
        *,
        project_id: str | None = None,
        filter: Filter | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Session]:
        """A page of the list; where it cannot be read, all there are in one, whatever the filter says."""
        if project_id != _LOST_ID:
            try:
                return super().list_sessions(project_id=project_id, filter=filter, after=after, limit=limit)
            except Corrupt as exc:
                self._lost(exc)
            except NotFound:
                self.get_project(project_id or "")  # where it is there, it is the index of ids that lies
        return Page([session for session in self._all_sessions() if project_id in (None, session.project_id)])

    def _all_sessions(self) -> Iterator[Session]:
        for key in self._read(Detour.list_keys):
            try:
                found = self._read(_session_by_key, key)
            except Corrupt as exc:
                self._lost(Corrupt(f"session number {key}: {exc.message}", where=f"session number {key}"))
                continue
            if found is not None:
                self._tell_of_lost(key, found)
                yield found

    def _tell_of_lost(self, key: int, session: Session) -> None:
        if session.project_id == _LOST_ID and key not in self._told:
            self._told.add(key)
            what = f"session number {key}: it or its project cannot be read; its messages are in “{session.title}”"
            self._lost(Corrupt(what, where=f"session number {key}"))

    def get_session(self, session_id: str) -> Session:
        try:
            return super().get_session(session_id)
        except Corrupt as exc:
            self._lost(exc)
            raise NotFound("session", session_id) from exc

    def messages(self, session_id: str, *, leaf_id: str | None | Head = HEAD) -> Iterator[Message]:
        """The branch; from where it cannot be followed any more, every message that comes after."""
        last = 0
        try:
            row, ranges = self._read(messages.find_branch, session_id, leaf_id)
            for message in self._branch(from_bytes(row.id), ranges):
                yield message
                last = message.position
        except Corrupt:
            for message in self.tree(session_id):
                if message.position > last and message.trashed_at is None and message.purged_at is None:
                    yield message

    def tree(self, session_id: str) -> Iterator[Message]:
        """Every message that can be read; one whose parent is lost comes below the nearest one before that is not."""
        known = _Known()
        after = 0
        while True:
            try:
                items = self._read(messages.read_tree, session_id, after, _BATCH)
                end = not items
                after = after if end else items[-1].position
            except Corrupt as exc:
                items = self._around(session_id, after, known, exc)
                after += _BATCH
                end = after >= self._last_position(session_id) and not items
            if end:
                return
            yield from items
            known.last = items[-1].id if items else known.last

    def list_checkpoints(
        self, session_id: str, *, active: bool = True, leaf_id: str | None | Head = HEAD
    ) -> list[Checkpoint]:
        return self._readable(
            lambda: super(RescuedStore, self).list_checkpoints(session_id, active=active, leaf_id=leaf_id), []
        )

    def list_snapshots(self, session_id: str) -> list[Snapshot]:
        return self._readable(lambda: super(RescuedStore, self).list_snapshots(session_id), [])

    def open_file(self, digest: str) -> BinaryIO:
        """Content that is whole. Raises `NotFound` for any other."""
        try:
            content = super().open_file(digest)
            state = hashlib.sha256()
            while piece := content.read(_PIECE):
                state.update(piece)
            if state.hexdigest() != digest:
                raise Corrupt(f"file {digest} is not what was stored", where=digest)
        except Corrupt as exc:
            self._lost(exc)
            raise NotFound("file", digest) from exc
        content.seek(0)
        return content

    def _readable(self, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except Corrupt as exc:
            self._lost(exc)
            return otherwise

    def _around(self, session_id: str, after: int, known: "_Known", cause: Corrupt) -> list[Message]:
        """One at a time, where together they cannot be read."""
        row = self._session_row(session_id)
        found: list[Message] = []
        missed: list[int] = []
        for position in range(after + 1, min(after + _BATCH, self._last_position(session_id)) + 1):
            try:
                message = self._message_at(row, position, known) if row else None
            except Corrupt:
                message = None
            if message is None:
                missed.append(position)
                known.lost.add(position)
            else:
                known.last = message.id
                found.append(message)
        for first, last in _runs(missed):
            what = f"messages {first} to {last}" if last > first else f"message {first}"
            self._lost(Corrupt(f"{what} of session {session_id}: {cause.message}", where=session_id))
        return found

    def _message_at(self, row: SessionRow, position: int, known: "_Known") -> Message | None:
        columns = self._read(_columns_at, row.ref(position))
        if columns is None:
            return None
        parent = columns[2]
        if parent and parent not in known.lost:
            return self._read(lookup.full_message, columns, from_bytes(row.id))
        return self._read(lookup.value_of, columns, from_bytes(row.id), known.last if parent else None)

    def _session_row(self, session_id: str) -> SessionRow | None:
        return self._readable(lambda: self._read(lookup.session_row, session_id)[0], None)

    def _last_position(self, session_id: str) -> int:
        """No session has more messages than there are changes, whatever its own row says."""
        row = self._session_row(session_id)
        if row is None:
            return 0
        last = self._read(Detour.last_position, row.key)
        changed = self._readable(lambda: self._read(changes.last_number), last)
        return max(last, min(row.last_position, changed))

    def _one_by_one(self, table: str, read: Callable[[ReadTransaction, int], T | None]) -> Iterator[T]:
        try:
            last = self._read(_last_key, table)
        except Corrupt as exc:
            self._lost(exc)
            return
        for key in range(1, last + 1):
            try:
                found = self._read(read, key)
            except Corrupt as exc:
                self._lost(Corrupt(f"{table} number {key}: {exc.message}", where=f"{table} number {key}"))
                continue
            if found is not None:
                yield found

    def _project_by_key(self, tx: ReadTransaction, key: int) -> Project | None:
        found = tx.row("find_project_by_key", project=key)
        return ProjectRow(*found).value() if found and self.actor in (found[4], SYSTEM_ACTOR) else None


def _session_by_key(tx: ReadTransaction, key: int) -> Session | None:
    found = tx.row("find_session_by_key", key=key, actor=tx.actor)
    return lookup.session_value(tx, *lookup.admitted_session(tx, found)) if found else None


def _not_by_its_id(kind: str, id: str) -> Corrupt:
    return Corrupt(
        f"{kind} {id} is there, but its id does not lead to it: the index of ids is damaged", where=id
    )


def _last_key(tx: ReadTransaction, table: str) -> int:
    found = tx.row("last_key", table=table)
    return found[0] if found else 0


def _columns_at(tx: ReadTransaction, ref: int) -> Row | None:
    return tx.row("find_message_at", ref=ref)


class _Known:
    """What is remembered on the way: the last message that could be read, and the positions that could not."""

    def __init__(self) -> None:
        self.last: str | None = None
        self.lost: set[int] = set()


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """First and last of those that follow each other."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
