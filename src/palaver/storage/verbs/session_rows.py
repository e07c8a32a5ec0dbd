"""Saving a session's row: every change of it goes through here, so that state, tags and guard stay in step."""

from msgspec.structs import asdict

from palaver.storage.rows import SessionRow, detail_guard, encode_json, session_guard
from palaver.storage.search import text
from palaver.storage.transaction import Writing
from palaver.storage.verbs.kinds import SESSION_ADDED, SESSION_CHANGED

DEFAULT_TITLE_SOURCE = 0
EMPTY_JSON = b"{}"


Detail = tuple[str | None, bytes, bytes]
"""System prompt, settings and metadata as they are stored."""

NO_DETAIL: Detail = (None, EMPTY_JSON, EMPTY_JSON)


def insert(tx: Writing, row: SessionRow, detail: Detail) -> None:
    """Store a new session's columns and give them their key."""
    row.state = row.find_state()
    found = tx.row("insert_session", **asdict(row))
    if found is None:
        raise LookupError("a new session came back without a key")
    row.key = found[0]
    tx.admit_new(row.key, row.project_key)
    mark = tx.mark(SESSION_ADDED, row.ref(0))
    row.title_mark = mark if row.title_source != DEFAULT_TITLE_SOURCE else 0
    if detail != NO_DETAIL:
        put_detail(tx, row, *detail)
    _write(tx, row)


def save(tx: Writing, row: SessionRow, kind: int | None = SESSION_CHANGED) -> None:
    """Write all columns; `kind` None leaves no mark of its own, because the change has one already."""
    if kind is not None:
        tx.mark(kind, row.ref(0))
    _write(tx, row)


def save_advanced(tx: Writing, row: SessionRow, *, said: bool = True) -> None:
    """Write what an append moves, which is less than all. `said`: there is new content, not only room for some."""
    row.state = row.find_state()
    if said:
        row.updated_at = max(row.updated_at + 1, tx.content_time())
    row.guard = session_guard(row)
    tx.put(
        "advance_session",
        (row.state, row.head, row.head_id, row.last_position, row.message_count, row.note_count, row.token_count,
         row.updated_at, row.guard, row.key),
    )  # fmt: skip
    if row.tags:
        _write_tags(tx, row)


def set_title(tx: Writing, row: SessionRow, title: str, source: int) -> None:
    """Change the title and what the index holds of it; the caller saves the row."""
    if row.title_mark:
        tx.unindex(row.title_mark, text.columns_of_title(row.title))
    row.title, row.title_source = title, source
    row.title_mark = tx.mark(SESSION_CHANGED, row.ref(0)) if source != DEFAULT_TITLE_SOURCE else 0


def put_detail(
    tx: Writing, row: SessionRow, system_prompt: str | None, settings: bytes, metadata: bytes
) -> None:
    """The rarely changed part, beside the row; the caller saves the row."""
    row.detail_guard = detail_guard(row.id, system_prompt, settings, metadata)
    tx.run(
        "put_session_detail",
        session=row.key,
        system_prompt=system_prompt,
        settings=settings,
        metadata=metadata,
        guard=row.detail_guard,
    )


def encode_tags(tags: tuple[str, ...]) -> str | None:
    return encode_json(list(tags), "tags").decode() if tags else None


def _write(tx: Writing, row: SessionRow) -> None:
    row.state = row.find_state()
    row.guard = session_guard(row)
    tx.run("update_session", session=row.key, **asdict(row))
    _write_tags(tx, row)


def _write_tags(tx: Writing, row: SessionRow) -> None:
    tx.run("delete_session_tags", session=row.key)
    for tag in row.tag_list():
        tx.run(
            "insert_session_tag",
            project=row.project_key,
            tag=tag,
            state=row.state,
            updated_at=row.updated_at,
            session=row.key,
        )
