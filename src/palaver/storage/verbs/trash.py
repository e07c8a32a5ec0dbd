"""Emptying the trash."""

from palaver.errors import Busy, NotFound
from palaver.ids import from_bytes
from palaver.storage.rows import MessageRow, ProjectRow, SessionRow, guard_of, project_guard, session_guard
from palaver.storage.transaction import Writing
from palaver.storage.verbs import files, lookup, messages, projects, sessions


def purge_trash(tx: Writing, before: int) -> int:
    """Purge what went to the trash before that time (milliseconds); returns how many things went.

    A row whose check value does not fit is passed over, and one that a damaged index named although its own time has not
    come: a purge cannot be undone.
    """
    count = 0
    for name, purge, sound_row in (
        ("list_old_trashed_projects", projects.purge_project, _sound_project),
        ("list_old_trashed_sessions", sessions.purge_session, _sound_session),
        ("list_old_trashed_messages", messages.purge_message, _sound_message),
    ):
        for (raw,) in tx.rows(name, before=before, actor=tx.actor):
            try:
                row = sound_row(tx, from_bytes(raw))
                if row is not None and row.trashed_at is not None and row.trashed_at <= before:
                    purge(tx, from_bytes(raw))
                    count += 1
            except (Busy, NotFound):
                continue
    files.collect_files(tx)
    return count


def _sound_project(tx: Writing, project_id: str) -> ProjectRow | None:
    row = lookup.project_row(tx, project_id)
    return row if row.guard == project_guard(row) else None


def _sound_session(tx: Writing, session_id: str) -> SessionRow | None:
    row, _ = lookup.session_row(tx, session_id)
    return row if row.guard == session_guard(row) else None


def _sound_message(tx: Writing, message_id: str) -> MessageRow | None:
    row = lookup.message_row(tx, message_id)
    return row if row.guard == guard_of(row) else None
