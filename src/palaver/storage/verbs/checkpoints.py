"""Verbs on checkpoints."""

from collections.abc import Sequence

from palaver.context.tokens import estimate
from palaver.errors import Conflict, Invalid, NotFound
from palaver.ids import find_bytes, from_bytes, new_bytes, to_bytes
from palaver.model import CHECKPOINT_KINDS, Checkpoint
from palaver.storage.rows import (
    EDITOR,
    MAX_COUNT,
    SessionRow,
    check_text,
    checkpoint_guard,
    checkpoint_value,
    encode_json,
    readable,
)
from palaver.storage.transaction import Reading, Row, Writing
from palaver.storage.verbs import branch, lookup, messages, replacing, session_rows
from palaver.storage.verbs.kinds import CHECKPOINT_CHANGED
from palaver.storage.verbs.titles import check_optional_name
from palaver.store import HEAD, Head


def add_checkpoint(
    tx: Writing,
    session_id: str,
    from_id: str,
    through_id: str,
    summary: str,
    kind: str,
    level: int,
    token_count: int | None,
    model: str | None,
    replaces: Sequence[str],
    id: str | None,
) -> Checkpoint:
    row, _ = lookup.open_session_row(tx, session_id)
    begin = lookup.message_in_session(tx, row, from_id)
    end = lookup.message_in_session(tx, row, through_id)
    if not branch.holds(branch.ranges(tx, row, end.position), begin.ref):
        raise Invalid("from_id must lie before through_id on one branch", field="from_id")
    raw = to_bytes(id) if id is not None else new_bytes()
    replaced = [_find_link(tx, row, other) for other in replaces]
    number = _next_number(tx, row)
    columns = (
        raw,
        index(CHECKPOINT_KINDS, kind, "kind"),
        begin.position,
        end.position,
        _check_summary(summary),
        _check_level(level),
        number,
        estimate(summary) if token_count is None else _check_count(token_count),
        check_optional_name(model, "model"),
        encode_json([from_bytes(link.id) for link in replaced], "replaces").decode() if replaced else None,
        tx.now,
        None,
    )
    key = insert_checkpoint(tx, row, columns)
    if key is None:
        raise Conflict(f"A checkpoint with the id {id} is there already")
    replacing.put_in_front(tx, row, key, replaced)
    session_rows.save(tx, row, None)
    tx.mark(CHECKPOINT_CHANGED, row.ref(0))
    tx.touch(from_bytes(row.id))
    return get_checkpoint(tx, from_bytes(raw))


def insert_checkpoint(tx: Writing, row: SessionRow, columns: Row) -> int | None:
    """`columns` from id to reverted_at. Returns its key; None where the id is there already.

    One that replaces nothing is a compression and counts as one. The caller sees to what is in front, and saves the row.
    """
    names = (
        "id", "kind", "from_position", "through_position", "summary", "level", "number", "token_count", "model",
        "replaces", "created_at", "reverted_at",
    )  # fmt: skip
    guard = checkpoint_guard((columns[0], row.id, *columns[1:]))
    values = dict(zip(names, columns, strict=True))
    found = tx.row("insert_checkpoint", session=row.key, guard=guard, **values)
    if found is None:
        return None
    row.checkpoint_count += 1
    row.compression_count += values["replaces"] is None
    return int(found[0])


def _next_number(tx: Reading, row: SessionRow) -> int:
    found = tx.row("last_checkpoint_number", session=row.key)
    return (found[0] if found else 0) + 1


def _check_level(level: int) -> int:
    if level not in (1, 2, 3):
        raise Invalid(
            f"level must be 3 (detailed), 2 (moderate) or 1 (compact), not {level!r}", field="level"
        )
    return level


def _check_summary(summary: str) -> str:
    if not check_text(summary, "summary").strip():
        raise Invalid("summary must not be empty", field="summary")
    return summary


def _check_count(count: int) -> int:
    if not isinstance(count, int) or not 0 <= count < MAX_COUNT:
        raise Invalid(f"token_count must be a whole number of at least 0, not {count!r}", field="token_count")
    return count


def index(names: tuple[str, ...], name: str, field: str) -> int:
    """The number a word is stored as. Raises `Invalid`."""
    if name not in names:
        raise Invalid(f"{field} must be one of {', '.join(names)}, not {name!r}", field=field)
    return names.index(name)


def _find_link(tx: Reading, row: SessionRow, checkpoint_id: str) -> replacing.Link:
    raw = find_bytes(checkpoint_id)
    found = tx.row("find_checkpoint_link", session=row.key, id=raw) if raw else None
    if found is None:
        raise NotFound("checkpoint", checkpoint_id)
    return replacing.Link(*found)


def get_checkpoint(tx: Reading, checkpoint_id: str) -> Checkpoint:
    columns, session_id = _find(tx, checkpoint_id)
    row, _ = lookup.session_row(tx, session_id)
    return _value(row, columns)


def _find(tx: Reading, checkpoint_id: str) -> tuple[Row, str]:
    raw = find_bytes(checkpoint_id)
    found = tx.row("find_checkpoint", id=raw, actor=tx.actor) if raw else None
    if found is None:
        raise NotFound("checkpoint", checkpoint_id)
    return found[:-1], from_bytes(found[-1])


def _value(row: SessionRow, columns: Row) -> Checkpoint:
    from_id, through_id = (from_bytes(id) if id else "" for id in columns[13:])
    return checkpoint_value((*columns[1:3], *columns[5:13]), from_bytes(row.id), from_id, through_id)


def revert_checkpoint(tx: Writing, checkpoint_id: str) -> Checkpoint:
    columns, session_id = _find(tx, checkpoint_id)
    row, _ = lookup.session_row(tx, session_id, EDITOR)
    lookup.check_not_trashed(row)
    if columns[replacing.REVERTED] is None:
        set_reverted(tx, row, columns[replacing.KEY], tx.now)
        replacing.refresh(tx, row)
        tx.mark(CHECKPOINT_CHANGED, row.ref(0))
    return get_checkpoint(tx, checkpoint_id)


def set_reverted(tx: Writing, row: SessionRow, key: int, reverted_at: int | None) -> None:
    """Take one out of use, or with None into it again; the caller refreshes what is in front."""
    columns = tx.row("find_checkpoint_by_key", key=key, session=row.key)
    if columns is not None:
        guard = checkpoint_guard((columns[replacing.ID], row.id, *columns[2:12], reverted_at))
        tx.run("set_checkpoint_reverted", key=key, session=row.key, reverted_at=reverted_at, guard=guard)


def list_checkpoints(
    tx: Reading, session_id: str, active: bool, leaf_id: str | None | Head = HEAD
) -> list[Checkpoint]:
    row, _ = lookup.session_row(tx, session_id)
    with readable(f"the checkpoints of session {session_id}"):
        if active:
            found = replacing.active(tx, row, messages.find_leaf(tx, row, leaf_id))
        else:
            found = tx.rows("list_checkpoints", session=row.key)
        return [_value(row, columns) for columns in found]
