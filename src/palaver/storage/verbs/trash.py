"""Emptying the trash."""

from palaver.errors import Busy, NotFound
from palaver.ids import from_bytes
from palaver.storage.rows import guard_of, project_guard, session_guard
from palaver.storage.transaction import Writing
from palaver.storage.verbs import files, lookup, messages, projects, sessions


def purge_trash(tx: Writing, before: int) -> int:
    """Purge what went to the trash before that time (milliseconds); returns how many things went.

    A row whose check value does not fit is passed over: its time may be damage, and a purge cannot be undone.
    """
    count = 0
    for name, purge, is_sound in (
        ("list_old_trashed_projects", projects.purge_project, _is_sound_project),
        ("list_old_trashed_sessions", sessions.purge_session, _is_sound_session),
        ("list_old_trashed_messages", messages.purge_message, _is_sound_message),
    ):
        for (raw,) in tx.rows(name, before=before, actor=tx.actor):
            try:
                if is_sound(tx, from_bytes(raw)):
                    purge(tx, from_bytes(raw))
                    count += 1
            except (Busy, NotFound):
                continue
    files.collect_files(tx)
    return count


def _is_sound_project(tx: Writing, project_id: str) -> bool:
    row = lookup.project_row(tx, project_id)
    return row.guard == project_guard(row)


def _is_sound_session(tx: Writing, session_id: str) -> bool:
    row, _ = lookup.session_row(tx, session_id)
    return row.guard == session_guard(row)


def _is_sound_message(tx: Writing, message_id: str) -> bool:
    row = lookup.message_row(tx, message_id)
    return row.guard == guard_of(row)
