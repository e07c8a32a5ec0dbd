"""What was committed, in order."""

import json
from typing import Any

from palaver.errors import Invalid
from palaver.ids import from_bytes, to_bytes
from palaver.model import Change, Changes, Stats
from palaver.storage.rows import readable
from palaver.storage.transaction import Reading, Row
from palaver.storage.verbs.purging import read_purged_detail
from palaver.store import SYSTEM_ACTOR


def changes(tx: Reading, after: str | None, limit: int) -> Changes:
    return page(tx, after, limit)[0]


def page(tx: Reading, after: str | None, limit: int) -> tuple[Changes, bool]:
    """The changes, and whether these are all."""
    begin = _number(after)
    found = tx.rows("list_changes", after=begin, limit=limit, actor=tx.actor, told=json.dumps(tx.actor))
    items = [change for columns in found if (change := _value(tx, columns)) is not None]
    # Up to the last change of all, so that a reader does not look again and again at what is not for it.
    full = len(found) == limit
    end = found[-1][0] if full else last_number(tx)
    return Changes(items=items, mark=_mark(max(begin, end))), not full


def mark(tx: Reading) -> str:
    return _mark(last_number(tx))


def last_number(tx: Reading) -> int:
    found = tx.row("last_change")
    return found[0] if found else 0


def _value(tx: Reading, columns: Row) -> Change | None:
    with readable(f"change {columns[0]}"):
        return _purged(tx, columns) if columns[2] is not None else _joined(columns)


def _purged(tx: Reading, columns: Row) -> Change | None:
    """Of something that is no longer there: the change itself says whose it was."""
    seq, kind, detail = columns[:3]
    ids = read_purged_detail(detail)
    if not _is_told(tx, ids):
        return None
    return Change(
        mark=_mark(seq),
        kind=Change.KINDS[kind],
        project_id=ids["project"],
        session_id=ids["session"],
        message_id=ids["message"],
    )


def _is_told(tx: Reading, ids: dict[str, Any]) -> bool:
    """Whose it was and who was a member are, unless the project is still there and is theirs no more."""
    if tx.actor == SYSTEM_ACTOR:
        return True
    if tx.actor not in (ids["owner"], *ids.get("members", ())):
        return False
    raw = to_bytes(ids["project"])
    visible = tx.row("find_project_role", id=raw, actor=tx.actor) is not None
    return visible or tx.row("project_exists", id=raw) is None


def _joined(columns: Row) -> Change:
    seq, kind, _, message_id, session_id, project_id = columns
    return Change(
        mark=_mark(seq),
        kind=Change.KINDS[kind],
        project_id=from_bytes(project_id),
        session_id=from_bytes(session_id) if session_id else None,
        message_id=from_bytes(message_id) if message_id else None,
    )


def _mark(number: int) -> str:
    return f"c{number}"


def _number(mark: str | None) -> int:
    if mark is None:
        return 0
    if not isinstance(mark, str) or not mark.startswith("c") or not mark[1:].isdecimal() or len(mark) > 20:
        raise Invalid("this is no mark of changes: start again without one", field="after")
    return int(mark[1:])


def stats(tx: Reading, *, database_size: int, index_size: int, schema: int, location: str) -> Stats:
    projects, sessions, messages, tokens, trashed = tx.row("count_stats", actor=tx.actor) or (0, 0, 0, 0, 0)
    files, file_size = tx.row("count_files", actor=tx.actor) or (0, 0)
    trashed_messages = tx.row("count_trashed_messages", actor=tx.actor) or (0,)
    return Stats(
        projects=projects,
        sessions=sessions,
        messages=messages,
        tokens=tokens,
        trashed_sessions=trashed,
        trashed_messages=trashed_messages[0],
        files=files,
        file_size=file_size,
        database_size=database_size,
        index_size=index_size,
        schema=schema,
        location=location,
    )
