"""The contract: what a store can do, whichever database it lives in.

Every verb is synchronous, safe from any thread, atomic, and runs for the store's actor. When a writing verb has returned,
what it wrote is on the disk. `get_…` raises `NotFound`, `find_…` returns None, `list_…` returns a `Page`. What the actor
may not see is not there: it raises the same `NotFound` as an id that never existed. What the actor sees and may not do,
as a member of a project who is no editor or not its owner, raises `Forbidden`.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Literal, NamedTuple, Self

import msgspec
from msgspec import UNSET, UnsetType

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
    Report,
    Role,
    Session,
    SessionSize,
    SideEvent,
    Snapshot,
    Stats,
    Status,
    StoredHistory,
    Time,
    TitleSource,
    TurnKind,
    TurnState,
    Usage,
)

LOCAL_ACTOR = "local"
SYSTEM_ACTOR = "system"
TRASH_DAYS = 30
DRAFT_LEASE_SECONDS = 30.0
MAX_PAGE = 200

MAX_TITLE = 1_000
MAX_NAME = 200
MAX_TAG = 100
MAX_TAGS = 100
AUTOMATIC_SNAPSHOTS = 5
MAX_PREFERENCE = 65_536
MAX_PREFERENCE_NAME = 500


def mark_order(mark: str) -> tuple[int, str]:
    """By this the marks of a store ascend."""
    return len(mark), mark


class Head(enum.Enum):
    """The type of `HEAD`: the session's head as it is at the commit, or at the read."""

    HEAD = "head"


HEAD: Final = Head.HEAD

State = Literal["open", "archived", "trash", "any"]
"""Of sessions: neither archived nor trashed; archived; trashed; all of them."""


class Filter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a list or a search is narrowed to; None and empty do not narrow.

    `state` None is `open` for lists, open and archived for searches. `has` holds "tool" or "file". `branch` "shown" leaves
    out messages that are not on the branch of their session's head. `before` and `after` are exclusive and look at
    `updated_at` of sessions in lists and at `created_at` of messages in searches.
    """

    project_id: str | None = None
    session_id: str | None = None
    role: Role | None = None
    model: str | None = None
    provider: str | None = None
    tags: tuple[str, ...] = ()
    pinned: bool | None = None
    before: Time | None = None
    after: Time | None = None
    has: tuple[Literal["tool", "file"], ...] = ()
    state: State | None = None
    empty: bool = False
    branch: Literal["all", "shown"] = "all"


class FileContent(msgspec.Struct, frozen=True):
    """The bytes behind a file's digest, as a record of an import."""

    digest: str
    data: bytes


class SessionEnd(msgspec.Struct, frozen=True):
    """Closes an imported session: now that its messages are there, its head, dates and title become those of `session`."""

    session: Session


Record = Project | Session | Message | Checkpoint | Snapshot | FileContent | SessionEnd
"""What `import_records` takes. A project, then its sessions; a session, then its messages, parents first, then the rest."""


class Append(NamedTuple):
    """What one `append` is called with."""

    session_id: str
    messages: tuple[NewMessage, ...]
    parent_id: str | None | Head = HEAD


class Store(ABC):
    """One actor's view of a database of conversations."""

    actor: str

    @property
    @abstractmethod
    def location(self) -> str:
        """Where the database is, without secrets."""

    def mirror_path(self, session_id: str) -> Path | None:  # noqa: ARG002  (what a store without mirrors says)
        """The plain file that is kept in step with this session; None where there is no mirror."""
        return None

    @abstractmethod
    def as_actor(self, id: str) -> "Store":
        """The same store for another actor; both share connections, and closing either closes both."""

    @abstractmethod
    def close(self) -> None:
        """Release everything. Drafts of this process that are still open become `interrupted`. Closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # Projects

    @abstractmethod
    def create_project(self, name: str, *, description: str = "", id: str | None = None) -> Project:
        """A new project of the actor. Raises `Invalid` for an empty or too long name, `Conflict` for an id in use."""

    @abstractmethod
    def personal_project(self) -> Project:
        """The actor's own project named "Personal", made on first use."""

    @abstractmethod
    def get_project(self, project_id: str) -> Project: ...

    @abstractmethod
    def list_projects(
        self, *, trashed: bool = False, after: str | None = None, limit: int = 50
    ) -> Page[Project]:
        """By name, then id; with `trashed` those in the trash instead."""

    @abstractmethod
    def roles(self, project_ids: Sequence[str]) -> dict[str, MemberRole]:
        """The actor's role in each of these projects; those the actor does not see are left out.

        What takes more than the role raises `Forbidden`: all that writes takes an editor; to rename, trash or purge a
        project and to purge what is in it takes the owner.
        """

    @abstractmethod
    def update_project(
        self, project_id: str, *, name: str | UnsetType = UNSET, description: str | UnsetType = UNSET
    ) -> Project: ...

    @abstractmethod
    def trash_project(self, project_id: str) -> Project:
        """Into the trash, its sessions with it."""

    @abstractmethod
    def untrash_project(self, project_id: str) -> Project:
        """Out of the trash, with the sessions that went in with it."""

    @abstractmethod
    def purge_project(self, project_id: str) -> None:
        """Remove the project and all its sessions for good."""

    # Sessions

    @abstractmethod
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
        """A new, empty session, in the personal project where none is named. Raises `Conflict` for an id in use."""

    @abstractmethod
    def ensure_session(
        self, *, project_id: str | None = None, model: str | None = None, provider: str | None = None
    ) -> Session:
        """The most recent open session of the project, else an empty one, else a fresh one. Many at once get the same."""

    @abstractmethod
    def get_session(self, session_id: str) -> Session: ...

    @abstractmethod
    def find_session(self, text: str) -> Session | None:
        """The session with this id, or with this unique beginning or ending of 6 digits or more.

        Raises `Invalid` where several fit, and names them.
        """

    @abstractmethod
    def list_sessions(
        self,
        *,
        project_id: str | None = None,
        filter: Filter | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Session]:
        """Newest content first, then greatest id. Empty, archived and trashed ones only where the filter asks for them."""

    @abstractmethod
    def list_last_texts(self, session_ids: Sequence[str], *, length: int = 120) -> dict[str, str]:
        """How the last message with a text begins on the shown branch of each of these sessions that has one.

        Whitespace is folded; at most `length` characters, with a final "…" where cut. What the actor may not see is passed
        over.
        """

    @abstractmethod
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
        """Change what is given, and count `revision` up.

        A title whose source ranks below that of the title in place changes nothing. `settings` and `metadata` replace
        the whole mapping. Raises `Conflict` where `expected_revision` is not the revision at the commit.
        """

    @abstractmethod
    def clear_session(self, session_id: str) -> Session:
        """Move the head to nothing: the next append is a new root, the old branch stays. Raises `Busy` during a turn.

        Where there was a head, a snapshot with the purpose "recovery" is taken first, which brings it back.
        """

    @abstractmethod
    def fork_session(
        self, session_id: str, *, leaf_id: str | None | Head = HEAD, title: str | None = None
    ) -> Session:
        """A new session that begins as a copy of the branch of `leaf_id`; `relation` is "fork"."""

    @abstractmethod
    def trash_session(self, session_id: str) -> Session:
        """Into the trash. Raises `Busy` while a turn runs in it."""

    @abstractmethod
    def untrash_session(self, session_id: str) -> Session: ...

    @abstractmethod
    def purge_session(self, session_id: str) -> None:
        """Remove the session for good and overwrite what it left in the file. Raises `Busy` while a turn runs in it."""

    @abstractmethod
    def keep_newest(self, count: int, *, project_id: str | None = None) -> list[str]:
        """Trash all open sessions but the `count` newest; never a pinned one or one with a running turn.

        Of this project, or of all that are the actor's own.

        Returns the ids that were trashed.
        """

    # Messages

    @abstractmethod
    def append(
        self, session_id: str, *messages: NewMessage, parent_id: str | None | Head = HEAD
    ) -> list[Message]:
        """Store messages, all or none, each the parent of the next, the first below `parent_id` (None: a new root).

        The head moves to the last one if it stood at the first one's parent. A message whose id is stored already is
        returned as it is if it is equal, so that repeating an append is safe; else `Conflict`. Raises `NotFound` for an
        unknown session or parent, `Invalid` for what cannot be stored, `Busy` below a draft.
        """

    def append_each(self, appends: Sequence[Append]) -> list[list[Message] | BaseException]:
        """Several appends in one call, each for itself: what it stored or what it raised. They may share a commit."""
        return [self._append_one(each) for each in appends]

    def _append_one(self, each: Append) -> list[Message] | BaseException:
        try:
            return self.append(each.session_id, *each.messages, parent_id=each.parent_id)
        except Exception as exc:  # noqa: BLE001  (it is the outcome, and raised where the append was called)
            return exc

    @abstractmethod
    def messages(self, session_id: str, *, leaf_id: str | None | Head = HEAD) -> Iterator[Message]:
        """The branch that ends in `leaf_id`, oldest first, in bounded memory. Trashed messages are passed over."""

    @abstractmethod
    def list_messages(
        self,
        session_id: str,
        *,
        leaf_id: str | None | Head = HEAD,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Message]:
        """The newest `limit` of the branch, oldest first; pass `next_cursor` as `before` to go back in time.

        With `after` the oldest `limit` below that message; pass `next_cursor` as `after` to go on. Both also take the id of
        a message of the branch, which is not in the page itself.
        """

    @abstractmethod
    def tree(self, session_id: str) -> Iterator[Message]:
        """Every message of every branch by position, trashed and purged ones included, in bounded memory."""

    @abstractmethod
    def get_message(self, message_id: str) -> Message:
        """One message; of a draft what has come so far."""

    @abstractmethod
    def list_siblings(self, message_id: str) -> list[Message]:
        """The message and those with the same parent, by position, trashed ones left out."""

    @abstractmethod
    def list_sibling_ids(self, session_id: str, message_ids: Sequence[str]) -> dict[str, list[str]]:
        """Of each of these messages that has any: the ids of it and its siblings, as `list_siblings` has them.

        An id that is not one of this session's is passed over.
        """

    @abstractmethod
    def match_history(
        self, history: Sequence[NewMessage], *, session_id: str | None = None
    ) -> StoredHistory | None:
        """The longest beginning of a history from outside that is stored where the actor may go on; None where none is.

        Messages are recognised by role, sent text and calls, one after the other; ids and reasoning do not count, notes and
        system messages are passed over. Of several the newest is taken. With a session only that one is looked at.
        """

    @abstractmethod
    def set_head(self, session_id: str, message_id: str | None, *, to_end: bool = False) -> Session:
        """Show the branch that ends in this message. Raises `NotFound` for a message of another session.

        With `to_end` the branch that goes on from it: down to the newest message below, the newest child each time.
        """

    @abstractmethod
    def set_in_context(self, message_id: str, in_context: bool) -> Message:
        """Exclude a message from what is sent to the model, or take it in again."""

    @abstractmethod
    def trash_message(self, message_id: str) -> Message:
        """Into the trash: reads pass over it and show its children after its parent."""

    @abstractmethod
    def untrash_message(self, message_id: str) -> Message: ...

    @abstractmethod
    def purge_message(self, message_id: str) -> None:
        """Remove its content for good; an empty row with position, parent and digest stays."""

    @abstractmethod
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
        """A call and its result in one step: an assistant message with the call, a tool message with the result.

        `result` is `{"llmContent": …, "returnDisplay"?: str, "isError"?: bool}`.
        """

    # Drafts

    @abstractmethod
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
        """An assistant message with status "streaming". Raises `Busy` where the session has an open draft.

        Its owner is this process; the lease (seconds) is renewed by each extension.
        """

    @abstractmethod
    def extend_draft(
        self, message_id: str, *parts: Part, offset: int, events: Sequence[SideEvent] = ()
    ) -> DraftState:
        """Add parts at `offset`, the draft's length so far (characters of text and reasoning, 1 for any other part).

        With no parts it only renews the lease. A repeat of what is there changes nothing; a gap, other content or a
        closed draft raises `Conflict`. `events` are kept of the turn it belongs to, those of a known number as they are.
        """

    @abstractmethod
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
        """Make the draft a message for good, with what was streamed or with `parts` instead.

        `results` are appended below it in the same step: what came back from the tools it called. With `next_id` a draft
        of that id and the same model is opened below these, so that the session stays taken. Closing again with the same
        outcome returns the message; with another one raises `Conflict`.
        """

    @abstractmethod
    def request_stop(self, message_id: str) -> bool:
        """Ask whoever streams this draft to stop. False where it has ended already."""

    @abstractmethod
    def recover_drafts(self) -> list[Message]:
        """Turn drafts whose lease ran out or whose owner is dead into `interrupted` messages. Opening does this too.

        The turns they belong to end, and those that nobody runs any more without one.
        """

    # Turns

    @abstractmethod
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
        """Take the session for a turn, in one step: append `question`, whose id is the turn's, and open a draft below it.

        Without a question the draft is opened below `parent_id`, and `turn_id` names the turn. With an explicit parent
        that branch is shown from then on. A "summary" takes the session without either. Raises `Busy` while another turn
        runs or an answer is being written there, and as `append` and `open_draft` do.
        """

    @abstractmethod
    def extend_turn(self, session_id: str, number: int, *events: SideEvent) -> TurnState:
        """Keep what happened beside the answers, and renew the turn's lease. Raises `Conflict` where it has ended."""

    @abstractmethod
    def end_turn(self, session_id: str, number: int, *events: SideEvent) -> None:
        """The turn is over, after these events, and the session free. One that has ended already stays as it is.

        What was kept of it can be read for a minute, then it goes.
        """

    @abstractmethod
    def list_turns(self, session_id: str) -> list[TurnState]:
        """The turns that are kept, newest first: one that runs, and those that ended within the last minute."""

    @abstractmethod
    def stop_turn(self, session_id: str, turn_id: str | None = None) -> bool:
        """Ask whoever runs a turn or writes an answer in the session to stop. False where nothing runs, or another turn."""

    @abstractmethod
    def answer_turn(self, session_id: str, request_id: str, choice: str) -> None:
        """Take a choice that the session's turn waits for.

        Raises `NotFound` for a request that does not wait, `Invalid` for a choice it does not offer.
        """

    # Search

    @abstractmethod
    def search(
        self, query: str, *, filter: Filter | None = None, after: str | None = None, limit: int = 20
    ) -> Page[Hit]:
        """Full text over titles, text, reasoning, tool calls and results, best first.

        Words are joined by "and"; "quotes" make a phrase, a trailing `*` a prefix (the last word is one anyway). The
        filters of `Filter` may stand in the query as `project: session: role: model: tag: before: after: has: in:
        branch:`. What cannot be parsed is searched as plain words.
        """

    # Checkpoints and snapshots

    @abstractmethod
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
        """A summary of a stretch of one branch; the messages stay. Raises `Invalid` for no such stretch.

        One that replaces nothing is a compression and counts `compression_count` up; ageing and merging do not.
        """

    @abstractmethod
    def revert_checkpoint(self, checkpoint_id: str) -> Checkpoint:
        """Take a checkpoint out of use; what it replaced is active again."""

    @abstractmethod
    def list_checkpoints(
        self, session_id: str, *, active: bool = True, leaf_id: str | None | Head = HEAD
    ) -> list[Checkpoint]:
        """By number: those active on the branch that ends in `leaf_id`, or all of the session."""

    @abstractmethod
    def take_snapshot(
        self, session_id: str, *, name: str | None = None, purpose: Purpose = "manual"
    ) -> Snapshot:
        """Keep head, active checkpoints and settings as they are now.

        Manual ones stay until they are deleted. All others are automatic: of these a session keeps the newest 5.
        """

    @abstractmethod
    def get_snapshot(self, snapshot_id: str) -> Snapshot: ...

    @abstractmethod
    def restore_snapshot(self, snapshot_id: str) -> Session:
        """Move head, active checkpoints and settings back to what they were; nothing that came later is deleted.

        First a snapshot of what is left behind is taken, with the purpose "rollback", unless one of just this state is
        there: so restoring that one undoes the restore. Who goes back to the newest passes over those with this purpose,
        else a second time would lead forward again. Restoring where nothing has changed since changes nothing. Raises
        `Busy` while a turn runs.
        """

    @abstractmethod
    def list_snapshots(self, session_id: str) -> list[Snapshot]:
        """Newest first."""

    @abstractmethod
    def delete_snapshot(self, snapshot_id: str) -> None: ...

    # Preferences

    @abstractmethod
    def get_preference(self, name: str) -> Any | None:
        """The actor's value by this name; None where there is none. Another actor's are not there."""

    @abstractmethod
    def put_preference(self, name: str, value: Any | None) -> None:
        """Keep a JSON value for the actor, in place of the one before; None removes it. Not told in `changes`.

        Names are compared letter by letter. Raises `Invalid` for an empty name or one with control characters or more
        than 500 of any, for what JSON does not have, and above 64 KiB.
        """

    @abstractmethod
    def list_preferences(self, prefix: str = "") -> dict[str, Any]:
        """The actor's values whose names begin so, by name."""

    # Files

    @abstractmethod
    def put_file(self, content: bytes | BinaryIO, *, name: str, mime: str | None = None) -> File:
        """Store content once, by its SHA-256, and get the part that refers to it.

        Content no message refers to is collected a day after it came.
        """

    @abstractmethod
    def open_file(self, digest: str) -> BinaryIO:
        """The content, for reading and seeking. Raises `NotFound` unless the actor put it or sees a message with it."""

    # Changes

    @abstractmethod
    def changes(self, after: str | None = None, *, limit: int = 1000) -> Changes:
        """What was committed after an opaque mark (None: from the beginning), by any process; none is missed."""

    @abstractmethod
    def mark(self) -> str:
        """The mark of now: `changes(mark())` is empty until something is committed."""

    @abstractmethod
    def listen(self, callback: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """Call back with new changes after their commit, on a thread of its own; returns what ends it.

        Other processes' changes come within 200 ms. A callback that raises is logged and disturbs nobody.
        """

    # Bringing in, looking after

    @abstractmethod
    def import_records(self, records: Iterable[Record]) -> ImportCounts:
        """Bring in a batch, all or none, keeping ids, times and states. What is there already changes nothing.

        Known are an id, or the `origin` of a session in its project and of a message in its session. The records of one
        session may come in several batches; `SessionEnd` closes it. A project id that is not there is made; an id that
        belongs to somebody else's project is `Conflict`.
        """

    @abstractmethod
    def purge_trash(self, *, older_than: timedelta | datetime = timedelta(days=TRASH_DAYS)) -> int:
        """Purge what has been in the trash of the actor's own projects for longer; returns how many things went.

        Opening for writing does this too.
        """

    @abstractmethod
    def verify(self, repair: bool = False) -> Report:
        """Look at every row. `repair` mends what can be derived from the messages and never drops any of them."""

    @abstractmethod
    def backup(self, path: Path | str | None = None, *, keep: int | None = None) -> Path:
        """A consistent copy, while others write. A folder or None gets a dated name; `keep` leaves that many of those."""

    @abstractmethod
    def list_largest_sessions(self, *, limit: int = 50) -> list[SessionSize]:
        """What takes how much: the sessions the actor sees, trashed ones too, largest first. Looks at every message."""

    @abstractmethod
    def stats(self) -> Stats: ...
