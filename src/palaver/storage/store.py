"""`Store` on any database: each verb is one transaction of what `storage.verbs` says.

What differs from database to database is left to the class in its folder: verify, backup.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Concatenate, ParamSpec, Protocol, TypeVar

from msgspec import UNSET, UnsetType

from palaver.errors import Invalid
from palaver.ids import from_bytes
from palaver.model import (
    Change,
    Changes,
    Checkpoint,
    CheckpointKind,
    DraftState,
    File,
    Hit,
    ImportCounts,
    MemberRole,
    Message,
    NewMessage,
    Page,
    Part,
    Project,
    Purpose,
    Relation,
    Session,
    SessionSize,
    SideEvent,
    Snapshot,
    Status,
    StoredHistory,
    Time,
    TitleSource,
    TurnKind,
    TurnState,
    Usage,
    to_ms,
)
from palaver.storage.rows import EDITOR
from palaver.storage.search.index import Indexed
from palaver.storage.search.search import search
from palaver.storage.stored_file import open_stored
from palaver.storage.transaction import Writing
from palaver.storage.verbs import (
    changes,
    checkpoints,
    drafts,
    files,
    imports,
    lookup,
    matching,
    messages,
    overviews,
    preferences,
    projects,
    sessions,
    snapshots,
    trash,
    turns,
)
from palaver.storage.verbs.cursors import check_limit
from palaver.storage.verbs.filters import check_filter
from palaver.storage.verbs.message_rows import prepare
from palaver.store import DRAFT_LEASE_SECONDS, HEAD, TRASH_DAYS, Append, Filter, Head, Record, Store

P = ParamSpec("P")
T = TypeVar("T")

_BATCH = 400
_MAX_CHANGES = 10_000
_SEARCH_SECONDS = 2.0


class Database(Protocol):
    """An open database. Each work is a transaction that is committed when `write` returns."""

    owner: str
    mirror_path: Callable[[str], Path] | None

    @property
    def location(self) -> str: ...

    def read(self, actor: str) -> AbstractContextManager[Indexed]: ...

    def write(self, actor: str, work: Callable[[Writing], T]) -> T: ...

    def write_each(self, actor: str, works: Sequence[Callable[[Writing], T]]) -> list[T | BaseException]:
        """The same for several works at once, each for itself: what it returned or raised."""
        ...

    def listen(self, actor: str, callback: Callable[[Sequence[Change]], None]) -> Callable[[], None]: ...

    def make_way(self, records: int) -> None:
        """So many records are coming in: the text index waits."""
        ...

    def hold_draft(self, message_id: str, lease: float) -> None:
        """This process writes that draft; when the store is closed it ends, interrupted."""
        ...

    def lease_of(self, message_id: str) -> float:
        """Seconds an extension renews the lease by."""
        ...

    def release_draft(self, message_id: str) -> None: ...

    def close(self) -> None: ...


class DatabaseStore(Store):
    """One actor's view of an open database."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self.actor = actor

    @property
    def database(self) -> Database:
        """What the store's accounts share with it."""
        return self._database

    @property
    def location(self) -> str:
        return self._database.location

    def mirror_path(self, session_id: str) -> Path | None:
        path_of = self._database.mirror_path
        return path_of(session_id) if path_of is not None else None

    def close(self) -> None:
        self._database.close()

    # Projects

    def create_project(self, name: str, *, description: str = "", id: str | None = None) -> Project:
        return self._write(projects.create_project, name, description, id)

    def personal_project(self) -> Project:
        return self._write(lambda tx: projects.personal_project_row(tx).value())

    def get_project(self, project_id: str) -> Project:
        return self._read(projects.get_project, project_id)

    def list_projects(
        self, *, trashed: bool = False, after: str | None = None, limit: int = 50
    ) -> Page[Project]:
        return self._read(projects.list_projects, trashed, after, check_limit(limit))

    def roles(self, project_ids: Sequence[str]) -> dict[str, MemberRole]:
        return self._read(projects.roles, list(project_ids))

    def update_project(
        self, project_id: str, *, name: str | UnsetType = UNSET, description: str | UnsetType = UNSET
    ) -> Project:
        return self._write(projects.update_project, project_id, name, description)

    def trash_project(self, project_id: str) -> Project:
        return self._write(projects.trash_project, project_id)

    def untrash_project(self, project_id: str) -> Project:
        return self._write(projects.untrash_project, project_id)

    def purge_project(self, project_id: str) -> None:
        self._write(projects.purge_project, project_id)

    # Sessions

    def create_session(
        self,
        *,
        project_id: str | None = None,
        title: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        context_size: int | None = None,
        system_prompt: str | None = None,
        settings: Mapping[str, Any] | None = None,
        id: str | None = None,
        parent_id: str | None = None,
        relation: Relation | None = None,
    ) -> Session:
        def create(tx: Writing) -> Session:
            key, raw = projects.home_of(tx, project_id)
            return sessions.create_session(
                tx,
                key,
                raw,
                title,
                model,
                provider,
                context_size,
                system_prompt,
                settings,
                id,
                parent_id,
                relation,
            )

        return self._write(create)

    def ensure_session(
        self, *, project_id: str | None = None, model: str | None = None, provider: str | None = None
    ) -> Session:
        def ensure(tx: Writing) -> Session:
            key, raw = projects.home_of(tx, project_id)
            return sessions.ensure_session(tx, key, raw, model, provider)

        return self._write(ensure)

    def get_session(self, session_id: str) -> Session:
        return self._read(sessions.get_session, session_id)

    def find_session(self, text: str) -> Session | None:
        return self._read(sessions.find_session, text)

    def list_sessions(
        self,
        *,
        project_id: str | None = None,
        filter: Filter | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Session]:
        wanted = check_filter(filter)
        with self._database.read(self.actor) as tx:
            visible = projects.ids_by_key(tx, project_id or wanted.project_id)
            return sessions.list_sessions(tx, visible, wanted, after, check_limit(limit))

    def update_session(
        self,
        session_id: str,
        *,
        title: str | UnsetType = UNSET,
        title_source: TitleSource = "user",
        model: str | None | UnsetType = UNSET,
        provider: str | None | UnsetType = UNSET,
        context_size: int | None | UnsetType = UNSET,
        system_prompt: str | None | UnsetType = UNSET,
        settings: Mapping[str, Any] | UnsetType = UNSET,
        tags: Sequence[str] | UnsetType = UNSET,
        pinned: bool | UnsetType = UNSET,
        archived: bool | UnsetType = UNSET,
        metadata: Mapping[str, Any] | UnsetType = UNSET,
        project_id: str | UnsetType = UNSET,
        expected_revision: int | None = None,
    ) -> Session:
        def update(tx: Writing) -> Session:
            return sessions.update_session(
                tx,
                session_id,
                title=title,
                title_source=title_source,
                model=model,
                provider=provider,
                context_size=context_size,
                system_prompt=system_prompt,
                settings=settings,
                tags=tags,
                pinned=pinned,
                archived=archived,
                metadata=metadata,
                project_key=None if project_id is UNSET else lookup.project_row(tx, project_id, EDITOR).key,
                expected_revision=expected_revision,
            )

        return self._write(update)

    def clear_session(self, session_id: str) -> Session:
        return self._write(sessions.clear_session, session_id)

    def fork_session(
        self, session_id: str, *, leaf_id: str | None | Head = HEAD, title: str | None = None
    ) -> Session:
        return self._write(sessions.fork_session, session_id, leaf_id, title)

    def trash_session(self, session_id: str) -> Session:
        return self._write(sessions.trash_session, session_id)

    def untrash_session(self, session_id: str) -> Session:
        return self._write(sessions.untrash_session, session_id)

    def purge_session(self, session_id: str) -> None:
        self._write(sessions.purge_session, session_id)

    def keep_newest(self, count: int, *, project_id: str | None = None) -> list[str]:
        return self._write(lambda tx: sessions.keep_newest(tx, count, projects.keys_to_tidy(tx, project_id)))

    # Messages

    def append(
        self, session_id: str, *messages_: NewMessage, parent_id: str | None | Head = HEAD
    ) -> list[Message]:
        prepared = [*map(prepare, messages_)]
        return self._write(messages.append, session_id, prepared, parent_id).values()

    def append_each(self, appends: Sequence[Append]) -> list[list[Message] | BaseException]:
        works = [partial(_append, each) for each in appends]
        outcomes = self._database.write_each(self.actor, works)
        return [each if isinstance(each, BaseException) else each.values() for each in outcomes]

    def messages(self, session_id: str, *, leaf_id: str | None | Head = HEAD) -> Iterator[Message]:
        with self._database.read(self.actor) as tx:
            row, ranges = messages.find_branch(tx, session_id, leaf_id)
        return self._branch(from_bytes(row.id), ranges)

    def _branch(self, session_id: str, ranges: list[tuple[int, int]]) -> Iterator[Message]:
        parents = messages.Parents()
        for low, high in reversed(ranges):
            begin: int | None = low
            while begin is not None:
                with self._database.read(self.actor) as tx:
                    lookup.session_place(tx, session_id)  # who was let go meanwhile reads no further
                    items, begin = messages.read_forward(tx, session_id, begin, high, _BATCH, parents)
                yield from items

    def list_messages(
        self,
        session_id: str,
        *,
        leaf_id: str | None | Head = HEAD,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Message]:
        return self._read(messages.list_messages, session_id, leaf_id, before, after, check_limit(limit))

    def tree(self, session_id: str) -> Iterator[Message]:
        first = self._read(messages.read_tree, session_id, 0, _BATCH)
        return self._tree(session_id, first)

    def _tree(self, session_id: str, items: list[Message]) -> Iterator[Message]:
        while items:
            yield from items
            items = self._read(messages.read_tree, session_id, items[-1].position, _BATCH)

    def get_message(self, message_id: str) -> Message:
        return self._read(messages.get_message, message_id)

    def list_siblings(self, message_id: str) -> list[Message]:
        return self._read(messages.list_siblings, message_id)

    def list_sibling_ids(self, session_id: str, message_ids: Sequence[str]) -> dict[str, list[str]]:
        return self._read(overviews.list_sibling_ids, session_id, message_ids)

    def list_last_texts(self, session_ids: Sequence[str], *, length: int = 120) -> dict[str, str]:
        return self._read(overviews.list_last_texts, session_ids, length)

    def match_history(
        self, history: Sequence[NewMessage], *, session_id: str | None = None
    ) -> StoredHistory | None:
        return self._read(matching.match_history, history, session_id)

    def set_head(self, session_id: str, message_id: str | None, *, to_end: bool = False) -> Session:
        return self._write(messages.set_head, session_id, message_id, to_end)

    def set_in_context(self, message_id: str, in_context: bool) -> Message:
        return self._write(messages.set_in_context, message_id, in_context)

    def trash_message(self, message_id: str) -> Message:
        return self._write(messages.trash_message, message_id)

    def untrash_message(self, message_id: str) -> Message:
        return self._write(messages.untrash_message, message_id)

    def purge_message(self, message_id: str) -> None:
        self._write(messages.purge_message, message_id)

    def record_tool_call(
        self,
        session_id: str,
        *,
        id: str,
        name: str,
        args: Mapping[str, Any],
        result: Mapping[str, Any],
        parent_id: str | None | Head = HEAD,
    ) -> list[Message]:
        return self._write(messages.record_tool_call, session_id, id, name, args, result, parent_id).values()

    # Drafts

    def open_draft(
        self,
        session_id: str,
        *,
        parent_id: str | None | Head = HEAD,
        id: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        lease: float = DRAFT_LEASE_SECONDS,
    ) -> Message:
        owner = self._database.owner
        message = self._write(
            drafts.open_draft, session_id, parent_id, id, model, provider, metadata, lease, owner
        )
        self._database.hold_draft(message.id, lease)
        return message

    def extend_draft(
        self, message_id: str, *parts: Part, offset: int, events: Sequence[SideEvent] = ()
    ) -> DraftState:
        lease = self._database.lease_of(message_id)
        return self._write(drafts.extend_draft, message_id, parts, offset, events, lease)

    def close_draft(
        self,
        message_id: str,
        *,
        status: Status = "complete",
        parts: Sequence[Part] | None = None,
        usage: Usage | None = None,
        error: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        results: Sequence[NewMessage] = (),
        next_id: str | None = None,
    ) -> Message:
        lease = self._database.lease_of(message_id)
        following = turns.Following(next_id, lease, self._database.owner) if next_id is not None else None
        message = self._write(
            turns.close_draft, message_id, status, parts, usage, error, metadata, results, following
        )
        self._database.release_draft(message_id)
        if next_id is not None:
            self._database.hold_draft(next_id, lease)
        return message

    def request_stop(self, message_id: str) -> bool:
        return self._write(drafts.request_stop, message_id)

    def recover_drafts(self) -> list[Message]:
        return self._write(drafts.recover_drafts)

    # Turns

    def begin_turn(
        self,
        session_id: str,
        question: NewMessage | None = None,
        *,
        kind: TurnKind = "answer",
        parent_id: str | None | Head = HEAD,
        turn_id: str | None = None,
        answer_id: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        lease: float = DRAFT_LEASE_SECONDS,
    ) -> TurnState:
        prepared = prepare(question) if question is not None else None
        owner = self._database.owner
        beginning = turns.Beginning(
            kind, prepared, parent_id, turn_id, answer_id, model, provider, lease, owner
        )
        begun = self._write(turns.begin_turn, session_id, beginning)
        for id in begun.answers:
            self._database.hold_draft(id, lease)
        return begun

    def extend_turn(self, session_id: str, number: int, *events: SideEvent) -> TurnState:
        return self._write(turns.extend_turn, session_id, number, events)

    def end_turn(self, session_id: str, number: int, *events: SideEvent) -> None:
        self._write(turns.end_turn, session_id, number, events)

    def list_turns(self, session_id: str) -> list[TurnState]:
        return self._read(turns.list_turns, session_id)

    def stop_turn(self, session_id: str, turn_id: str | None = None) -> bool:
        return self._write(turns.stop_turn, session_id, turn_id)

    def answer_turn(self, session_id: str, request_id: str, choice: str) -> None:
        self._write(turns.answer_turn, session_id, request_id, choice)

    # Search

    def search(
        self, query: str, *, filter: Filter | None = None, after: str | None = None, limit: int = 20
    ) -> Page[Hit]:
        return self._read(search, query, check_filter(filter), after, check_limit(limit), _SEARCH_SECONDS)

    # Checkpoints and snapshots

    def add_checkpoint(
        self,
        session_id: str,
        *,
        from_id: str,
        through_id: str,
        summary: str,
        kind: CheckpointKind = "summary",
        level: int = 3,
        token_count: int | None = None,
        model: str | None = None,
        replaces: Sequence[str] = (),
        id: str | None = None,
    ) -> Checkpoint:
        return self._write(
            checkpoints.add_checkpoint,
            session_id, from_id, through_id, summary, kind, level, token_count, model, replaces, id,
        )  # fmt: skip

    def revert_checkpoint(self, checkpoint_id: str) -> Checkpoint:
        return self._write(checkpoints.revert_checkpoint, checkpoint_id)

    def list_checkpoints(
        self, session_id: str, *, active: bool = True, leaf_id: str | None | Head = HEAD
    ) -> list[Checkpoint]:
        return self._read(checkpoints.list_checkpoints, session_id, active, leaf_id)

    def take_snapshot(
        self, session_id: str, *, name: str | None = None, purpose: Purpose = "manual"
    ) -> Snapshot:
        return self._write(snapshots.take_snapshot, session_id, name, purpose)

    def get_snapshot(self, snapshot_id: str) -> Snapshot:
        return self._read(snapshots.get_snapshot, snapshot_id)

    def restore_snapshot(self, snapshot_id: str) -> Session:
        return self._write(snapshots.restore_snapshot, snapshot_id)

    def list_snapshots(self, session_id: str) -> list[Snapshot]:
        return self._read(snapshots.list_snapshots, session_id)

    def delete_snapshot(self, snapshot_id: str) -> None:
        self._write(snapshots.delete_snapshot, snapshot_id)

    # Preferences

    def get_preference(self, name: str) -> Any | None:
        return self._read(preferences.get_preference, name)

    def put_preference(self, name: str, value: Any | None) -> None:
        self._write(preferences.put_preference, name, value)

    def list_preferences(self, prefix: str = "") -> dict[str, Any]:
        return self._read(preferences.list_preferences, prefix)

    # Files

    def put_file(self, content: bytes | BinaryIO, *, name: str, mime: str | None = None) -> File:
        digest, pieces = files.read_content(content)
        return self._write(files.put_file, digest, pieces, name, mime)

    def open_file(self, digest: str) -> BinaryIO:
        key, size = self._read(files.find_file, digest)
        return open_stored(self.read_piece, key, size)

    def read_piece(self, key: int, number: int) -> bytes:
        """One piece of a file that `open_file` has found to be the actor's."""
        return self._read(files.read_piece, key, number)

    # Changes

    def changes(self, after: str | None = None, *, limit: int = 1000) -> Changes:
        return self._read(changes.changes, after, check_limit(limit, _MAX_CHANGES))

    def mark(self) -> str:
        return self._read(changes.mark)

    def listen(self, callback: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        return self._database.listen(self.actor, callback)

    # Bringing in, looking after

    def import_records(self, records: Iterable[Record]) -> ImportCounts:
        batch = list(records)
        self._database.make_way(len(batch))
        return self._write(lambda tx: imports.Import(tx).run(batch))

    def list_largest_sessions(self, *, limit: int = 50) -> list[SessionSize]:
        return self._read(overviews.list_largest_sessions, check_limit(limit))

    def purge_trash(self, *, older_than: timedelta | datetime = timedelta(days=TRASH_DAYS)) -> int:
        try:
            moment = (
                datetime.now(UTC) - older_than if isinstance(older_than, timedelta) else Time.of(older_than)
            )
        except (OverflowError, ValueError) as exc:
            raise Invalid(
                f"older_than reaches beyond the calendar: {older_than!r}", field="older_than"
            ) from exc
        return self._write(trash.purge_trash, to_ms(moment))

    def _write(self, verb: Callable[Concatenate[Writing, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        if arguments or named:
            return self._database.write(self.actor, lambda tx: verb(tx, *arguments, **named))
        return self._database.write(self.actor, verb)

    def _read(self, verb: Callable[Concatenate[Indexed, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        with self._database.read(self.actor) as tx:
            return verb(tx, *arguments, **named)


def _append(each: Append, tx: Writing) -> messages.Stored:
    return messages.append(tx, each.session_id, [*map(prepare, each.messages)], each.parent_id)


def check_actor(id: str) -> str:
    """Who acts. Raises `Invalid` for what cannot be a name."""
    if not isinstance(id, str) or not id or len(id) > 200 or not id.isprintable():
        raise Invalid("an actor's id is a printable text of 1 to 200 characters", field="actor")
    return id
