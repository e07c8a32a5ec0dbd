"""Emptying the trash."""

from palaver.errors import Busy, NotFound
from palaver.ids import from_bytes
from palaver.storage.transaction import Writing
from palaver.storage.verbs import files, messages, projects, sessions


def purge_trash(tx: Writing, before: int) -> int:
    """Purge what went to the trash before that time (milliseconds); returns how many things went."""
    count = 0
    for name, purge in (
        ("list_old_trashed_projects", projects.purge_project),
        ("list_old_trashed_sessions", sessions.purge_session),
        ("list_old_trashed_messages", messages.purge_message),
    ):
        for (id,) in tx.rows(name, before=before, actor=tx.actor):
            try:
                purge(tx, from_bytes(id))
            except (Busy, NotFound):
                continue
            count += 1
    files.collect_files(tx)
    return count
