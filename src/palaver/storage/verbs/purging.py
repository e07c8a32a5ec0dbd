"""Removing for good: rows, what was indexed of them, and what quotes them."""

import json
from typing import Any

from palaver.ids import from_bytes
from palaver.storage.rows import MessageRow, ProjectRow, SessionRow, encode_json, guard_of
from palaver.storage.search import text
from palaver.storage.transaction import POSITION_MASK, Row, Writing
from palaver.storage.verbs import replacing
from palaver.storage.verbs.files import detach_files
from palaver.storage.verbs.kinds import CHECKPOINT_CHANGED, MESSAGE_PURGED, SESSION_PURGED
from palaver.storage.verbs.message_rows import indexed_columns

_BATCH = 500


def purge_session_rows(tx: Writing, row: SessionRow) -> None:
    """The session and everything of it. The caller has made sure that no turn runs in it."""
    low, high = row.ref(1), row.ref(POSITION_MASK)
    _unindex_messages(tx, low, high)
    unindex_title(tx, row)
    for ref, _, _ in tx.rows("list_session_drafts", low=low, high=high):
        tx.run("delete_chunks", ref=ref)
        tx.run("delete_draft", ref=ref)
    detach_files(tx, low, high)
    tx.run("delete_session_messages", low=low, high=high)
    for name in (
        "delete_session_turn_events",
        "delete_session_turns",
        "delete_session_checkpoints",
        "delete_session_snapshots",
        "delete_session_tags",
    ):
        tx.run(name, session=row.key)
    project = _project_of(tx, row)
    tx.run("delete_session", session=row.key)
    tx.mark(SESSION_PURGED, row.ref(0), purged_detail(tx, project, from_bytes(row.id), None))
    tx.forget(from_bytes(row.id))
    tx.scrub()


def purge_message_row(tx: Writing, session: SessionRow, message: MessageRow) -> None:
    """Empty the message's row, and drop the checkpoints whose summary may quote it, and what was told of turns."""
    unindex_message(tx, message)
    detach_files(tx, message.ref, message.ref)
    message.purged_at = tx.now
    tx.run("empty_message", ref=message.ref, purged_at=message.purged_at, guard=guard_of(message))
    _drop_quoting_checkpoints(tx, session, message.position)
    tx.run("delete_session_turn_events", session=session.key)
    project = _project_of(tx, session)
    tx.mark(
        MESSAGE_PURGED,
        message.ref,
        purged_detail(tx, project, from_bytes(session.id), from_bytes(message.id)),
    )
    tx.scrub()


def unindex_message(tx: Writing, message: MessageRow) -> None:
    if message.mark and message.purged_at is None:
        tx.unindex(message.mark, indexed_columns(message))


def unindex_title(tx: Writing, row: SessionRow) -> None:
    if row.title_mark:
        tx.unindex(row.title_mark, text.columns_of_title(row.title))
        row.title_mark = 0


def purged_detail(tx: Writing, project: ProjectRow, session_id: str | None, message_id: str | None) -> bytes:
    """What a change tells, and whom, of something that is no longer there to be joined."""
    ids = {
        "owner": project.owner_id,
        "members": [actor for (actor,) in tx.rows("list_project_actors", project=project.key)],
        "project": from_bytes(project.id),
        "session": session_id,
        "message": message_id,
    }
    return encode_json(ids, "detail")


def read_purged_detail(detail: bytes) -> dict[str, Any]:
    return dict(json.loads(detail))


def _unindex_messages(tx: Writing, low: int, high: int) -> None:
    found: list[Row] = tx.rows("list_all_forward", low=low, high=high, limit=_BATCH)
    while found:
        for columns in found:
            unindex_message(tx, MessageRow(*columns))
        found = tx.rows("list_all_forward", low=found[-1][0] + 1, high=high, limit=_BATCH)


def _drop_quoting_checkpoints(tx: Writing, session: SessionRow, position: int) -> None:
    for columns in tx.rows("list_checkpoints", session=session.key):
        if columns[replacing.FROM] <= position <= columns[replacing.THROUGH]:
            tx.run("delete_checkpoint", key=columns[replacing.KEY], session=session.key)
            session.checkpoint_count -= 1
            tx.mark(CHECKPOINT_CHANGED, session.ref(0))
    replacing.refresh(tx, session)


def _project_of(tx: Writing, row: SessionRow) -> ProjectRow:
    found = tx.row("find_project_by_key", project=row.project_key)
    if found is None:
        raise LookupError(f"session {row.key} has no project")
    return ProjectRow(*found)
