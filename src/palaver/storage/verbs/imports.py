"""Bringing records in with their ids, times and states. What is there already changes nothing."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from palaver.errors import Conflict, Invalid
from palaver.ids import find_bytes, from_bytes, to_bytes
from palaver.model import (
    CHECKPOINT_KINDS,
    DEFAULT_TITLE,
    PERSONAL_PROJECT,
    PURPOSES,
    RELATIONS,
    STATUSES,
    TITLE_SOURCES,
    Checkpoint,
    ImportCounts,
    Message,
    NewMessage,
    Project,
    Session,
    Snapshot,
    to_ms,
)
from palaver.storage.rows import (
    EDITOR,
    MessageRow,
    ProjectRow,
    SessionRow,
    check_text,
    encode_json,
    message_guard,
    role_number,
)
from palaver.storage.transaction import Writing
from palaver.storage.verbs import (
    branch,
    checkpoints,
    files,
    lookup,
    messages,
    projects,
    replacing,
    session_rows,
    sessions,
    snapshots,
)
from palaver.storage.verbs.kinds import MESSAGE_ADDED, SESSION_CHANGED
from palaver.storage.verbs.message_rows import Tip, add_message
from palaver.storage.verbs.titles import check_name, check_optional_name, check_tags, check_title
from palaver.store import FileContent, Record, SessionEnd

_DEFAULT = TITLE_SOURCES.index("default")
_UNFINISHED = 0


class Import:
    """One batch within one transaction. Sessions it writes to are kept at hand until its end."""

    def __init__(self, tx: Writing) -> None:
        self.tx = tx
        self.added: Counter[str] = Counter()
        self.present: Counter[str] = Counter()
        self.skipped: list[str] = []
        self._rows: dict[int, SessionRow] = {}
        # Also by the id that a batch gives to a session known by its origin.
        self._by_id: dict[bytes, SessionRow] = {}
        self._tips: dict[int, Tip] = {}
        self._changed: set[int] = set()
        self._stored: set[bytes] = set()
        self._summarised: set[int] = set()
        self._take: dict[type, Callable[[Any], None]] = {
            Project: self._project,
            Session: self._session,
            Message: self._message,
            Checkpoint: self._checkpoint,
            Snapshot: self._snapshot,
            FileContent: self._file,
            SessionEnd: self._end,
        }

    def run(self, records: list[Record]) -> ImportCounts:
        before = self.tx.last
        self._find_stored(records)
        for record in records:
            take = self._take.get(type(record))
            if take is None:
                raise Invalid(f"{type(record).__name__} is no record of an import")
            take(record)
        for key in self._summarised:
            replacing.refresh(self.tx, self._rows[key])
        # What comes in leaves changes of its own, but for a session's end.
        kind = None if self.tx.last > before else SESSION_CHANGED
        for key in self._changed:
            session_rows.save(self.tx, self._rows[key], kind)
            self.tx.touch(from_bytes(self._rows[key].id))
        return ImportCounts(added=dict(self.added), present=dict(self.present), skipped=tuple(self.skipped))

    def _find_stored(self, records: list[Record]) -> None:
        """Which messages are there already is asked once for all: mostly none are."""
        ids = [to_bytes(record.id).hex() for record in records if isinstance(record, Message)]
        found = self.tx.rows("list_stored_ids", ids=json.dumps(ids)) if ids else []
        self._stored = {id for (id,) in found}

    def _project(self, project: Project) -> None:
        tx = self.tx
        raw = to_bytes(project.id)
        if tx.row("find_project", id=raw, actor=tx.actor) is not None:
            self.present["project"] += 1
            return
        if tx.row("project_exists", id=raw) is not None:
            raise Conflict(f"A project with the id {project.id} belongs to somebody else")
        personal = project.name == PERSONAL_PROJECT and projects.find_personal_project(tx) is None
        row = ProjectRow(
            0, raw, check_name(project.name), check_text(project.description, "description"), tx.actor, int(personal),
            to_ms(project.created_at), to_ms(project.updated_at), _ms(project.trashed_at),
        )  # fmt: skip
        projects.insert_row(tx, row)
        self.added["project"] += 1

    def _session(self, session: Session) -> None:
        tx = self.tx
        raw = to_bytes(session.id)
        known = self._find_session(session, raw)
        if known is not None:
            self._by_id[raw] = known
            self.present["session"] += 1
            return
        if tx.row("session_exists", id=raw) is not None:
            raise Conflict(f"A session with the id {session.id} belongs to somebody else")
        row = sessions.new_row(tx, raw, lookup.project_row(tx, session.project_id, EDITOR).key)
        _set_properties(row, session)
        row.revision, row.compression_count = _UNFINISHED, 0
        row.title, row.title_source = DEFAULT_TITLE, _DEFAULT
        if session.title_source != "default":
            row.title, row.title_source = (
                check_title(session.title),
                TITLE_SOURCES.index(session.title_source),
            )
        detail = sessions.encode_detail(session.system_prompt, session.settings, session.metadata)
        session_rows.insert(tx, row, detail)
        self._rows[row.key] = self._by_id[raw] = row
        self.added["session"] += 1
        tx.touch(session.id)

    def _find_session(self, session: Session, raw: bytes) -> SessionRow | None:
        """The session of this id, or the one that came from the same origin into the same project."""
        found = self.tx.row("find_session", id=raw, actor=self.tx.actor)
        if found is None and session.origin is not None:
            found = self.tx.row(
                "find_session_by_origin",
                project=lookup.project_row(self.tx, session.project_id).key,
                source=session.origin.source,
                origin=session.origin.id,
                actor=self.tx.actor,
            )
        return self._keep(lookup.admitted_session(self.tx, found)[0]) if found else None

    def _keep(self, row: SessionRow) -> SessionRow:
        return self._rows.setdefault(row.key, row)

    def _row(self, session_id: str) -> SessionRow:
        row = self._by_id.get(find_bytes(session_id) or b"")
        if row is None:
            row = self._keep(lookup.session_row(self.tx, session_id, EDITOR)[0])
            self._by_id[row.id] = row
        return row

    def _message(self, message: Message) -> None:
        row = self._row(message.session_id)
        if self._find_message(row, message) is not None:
            self.present["message"] += 1
            return
        tip = self._tip(row, message.parent_id)
        if message.purged_at is not None:
            self._add_purged(row, tip, message)
        elif message.status == "streaming":
            self._add(row, tip, replace(message, status="interrupted"))
        else:
            self._add(row, tip, message)
        self._tips[row.key] = tip
        self._changed.add(row.key)
        self._stored.add(tip.id or b"")
        self.added["message"] += 1

    def _find_message(self, row: SessionRow, message: Message) -> MessageRow | None:
        raw = to_bytes(message.id)
        stored = raw in self._stored
        found = self.tx.row("find_message_in", id=raw, session=row.key) if stored else None
        if stored and found is None:
            raise Conflict(f"A message with the id {message.id} is stored in another session")
        if found is None and message.origin is not None:
            origin = message.origin
            found = self.tx.row(
                "find_message_by_origin", session=row.key, source=origin.source, origin=origin.id
            )
        return MessageRow(*found) if found else None

    def _tip(self, row: SessionRow, parent_id: str | None) -> Tip:
        raw = to_bytes(parent_id) if parent_id is not None else None
        last = self._tips.get(row.key)
        if last is not None and last.id == raw:
            return last
        if raw is None:
            return Tip(0, None, None, None)
        parent = lookup.message_in_session(self.tx, row, from_bytes(raw))
        return Tip(parent.position, parent.id, parent.digest, parent.match_key)

    def _add(self, row: SessionRow, tip: Tip, message: Message) -> None:
        new = NewMessage(
            role=message.role, parts=message.parts, id=message.id, status=message.status, error=message.error,
            in_context=message.in_context, model=message.model, provider=message.provider, usage=message.usage,
            created_at=message.created_at, metadata=message.metadata, origin=message.origin,
        )  # fmt: skip
        title = row.title_source
        if title == _DEFAULT:
            row.title_source = (
                -1
            )  # A default title that was exported stays one until the session's end says otherwise.
        add_message(self.tx, row, tip, new)
        row.title_source = title
        if message.trashed_at is not None:
            self._trash(row, tip, message)

    def _trash(self, row: SessionRow, tip: Tip, message: Message) -> None:
        raw, in_context, trashed_at = to_bytes(message.id), int(message.in_context), _ms(message.trashed_at)
        self.tx.run(
            "set_message_flags",
            ref=row.ref(tip.position),
            in_context=in_context,
            trashed_at=trashed_at,
            purged_at=None,
            guard=message_guard(raw, in_context, trashed_at, None),
        )
        row.message_count -= 1
        row.note_count -= message.role == "note"

    def _add_purged(self, row: SessionRow, tip: Tip, message: Message) -> None:
        """The empty row of a purged message, with the digest its children stand on."""
        raw, position = to_bytes(message.id), row.last_position + 1
        columns: dict[str, Any] = dict.fromkeys(
            ("model", "provider", "usage", "error", "metadata", "origin_source", "origin_id", "body")
        )
        in_context, trashed_at, purged_at = (
            int(message.in_context),
            _ms(message.trashed_at),
            _ms(message.purged_at),
        )
        digest, match_key = _unhex(message.digest), _unhex(message.match_key)
        role, status, created_at = (
            role_number(message.role),
            STATUSES.index(message.status),
            to_ms(message.created_at),
        )
        kept = (b"\x01" + digest, match_key, tip.position, role, status, created_at)
        self.tx.run(
            "insert_message",
            **columns,
            ref=row.ref(position),
            id=raw,
            parent=tip.position,
            mark=self.tx.mark(MESSAGE_ADDED, row.ref(position)),
            role=role,
            status=status,
            tokens=0,
            in_context=in_context,
            created_at=created_at,
            trashed_at=trashed_at,
            purged_at=purged_at,
            digest=b"\x01" + digest,
            match_key=match_key,
            guard=message_guard(raw, in_context, trashed_at, purged_at, kept),
        )
        row.last_position = position
        if row.head == tip.position:
            row.head, row.head_id = position, raw
        tip.position, tip.id, tip.digest, tip.match_key = position, raw, b"\x01" + digest, match_key

    def _checkpoint(self, checkpoint: Checkpoint) -> None:
        row = self._row(checkpoint.session_id)
        begin = lookup.message_in_session(self.tx, row, checkpoint.from_id)
        end = lookup.message_in_session(self.tx, row, checkpoint.through_id)
        if not branch.holds(branch.ranges(self.tx, row, end.position), begin.ref):
            raise Invalid(f"checkpoint {checkpoint.id} stands for no stretch of one branch", field="from_id")
        replaces = list(checkpoint.replaces)
        columns = (
            to_bytes(checkpoint.id), CHECKPOINT_KINDS.index(checkpoint.kind), begin.position, end.position,
            check_text(checkpoint.summary, "summary"), checkpoint.level, checkpoint.number, checkpoint.token_count,
            checkpoint.model, encode_json(replaces, "replaces").decode() if replaces else None,
            to_ms(checkpoint.created_at), _ms(checkpoint.reverted_at),
        )  # fmt: skip
        self._count("checkpoint", checkpoints.insert_checkpoint(self.tx, row, columns) is not None)
        self._summarised.add(row.key)
        self._changed.add(row.key)

    def _snapshot(self, snapshot: Snapshot) -> None:
        row = self._row(snapshot.session_id)
        head = lookup.message_in_session(self.tx, row, snapshot.head_id).position if snapshot.head_id else 0
        columns = (
            to_bytes(snapshot.id), check_name(snapshot.name), PURPOSES.index(snapshot.purpose), head,
            encode_json(list(snapshot.checkpoint_ids), "checkpoints").decode(),
            encode_json(snapshot.settings, "settings"), snapshot.token_count, to_ms(snapshot.created_at),
        )  # fmt: skip
        self._count("snapshot", snapshots.insert_snapshot(self.tx, row, columns))
        self._changed.add(row.key)

    def _file(self, content: FileContent) -> None:
        digest, pieces = files.read_content(content.data)
        if digest.hex() != content.digest:
            raise Invalid(f"file {content.digest} has other content than its digest says", field="digest")
        known = self.tx.row("find_visible_file", digest=digest, actor=self.tx.actor) is not None
        key = files.store_pieces(self.tx, digest, pieces)
        self.tx.run("hold_file", file=key, actor=self.tx.actor, created_at=self.tx.now)
        self._count("file", not known)

    def _count(self, kind: str, added: bool) -> None:
        (self.added if added else self.present)[kind] += 1

    def _end(self, end: SessionEnd) -> None:
        """Set what the messages have moved meanwhile; a session that was closed before keeps what it has become."""
        session = end.session
        row = self._find_session(session, to_bytes(session.id))
        if row is None or row.revision != _UNFINISHED:
            return
        leaf = lookup.message_in_session(self.tx, row, session.head_id) if session.head_id else None
        messages.move_head(self.tx, row, leaf)
        counted = row.compression_count
        _set_properties(row, session)
        row.compression_count = max(counted, row.compression_count)
        source = TITLE_SOURCES.index(session.title_source)
        if (session.title, source) != (row.title, row.title_source) and source != _DEFAULT:
            session_rows.set_title(self.tx, row, check_title(session.title), source)
        row.revision = max(session.revision, 1)
        self._changed.add(row.key)


def _set_properties(row: SessionRow, session: Session) -> None:
    row.model = check_optional_name(session.model, "model")
    row.provider = check_optional_name(session.provider, "provider")
    row.context_size = session.context_size
    row.tags = session_rows.encode_tags(check_tags(session.tags))
    row.pinned = int(session.pinned)
    row.archived_at, row.trashed_at = _ms(session.archived_at), _ms(session.trashed_at)
    row.parent_id = to_bytes(session.parent_id) if session.parent_id else None
    row.relation = RELATIONS.index(session.relation) if session.relation else None
    row.compression_count = session.compression_count
    row.created_at = to_ms(session.created_at)
    row.updated_at = to_ms(session.updated_at) * 1000
    if session.origin is not None:
        row.origin_source = check_text(session.origin.source, "origin.source")
        row.origin_id = check_text(session.origin.id, "origin.id")


def _ms(moment: Any) -> int | None:
    return None if moment is None else to_ms(moment)


def _unhex(text: str | None) -> bytes:
    return bytes.fromhex(text.removeprefix("b2:")) if text else b""
