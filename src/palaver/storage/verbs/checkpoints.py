"""Verbs on checkpoints and snapshots."""

import json
from collections.abc import Sequence

from palaver.context.tokens import estimate
from palaver.errors import Conflict, Invalid, NotFound
from palaver.ids import find_bytes, from_bytes, new_bytes, to_bytes
from palaver.model import CHECKPOINT_KINDS, PURPOSES, Checkpoint, Purpose, Session, Snapshot
from palaver.storage.rows import (
    MAX_COUNT,
    SessionRow,
    check_text,
    checkpoint_guard,
    checkpoint_value,
    encode_json,
    readable,
    snapshot_guard,
    snapshot_value,
)
from palaver.storage.transaction import Reading, Row, Writing
from palaver.storage.verbs import branch, drafts, lookup, messages, session_rows
from palaver.storage.verbs.kinds import CHECKPOINT_CHANGED, SNAPSHOT_CHANGED
from palaver.storage.verbs.titles import check_name, check_optional_name

_ID, _FROM, _THROUGH, _REPLACES, _REVERTED = 1, 3, 4, 10, 12


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
    number = _next_number(tx, row)
    columns = (
        raw,
        _index(CHECKPOINT_KINDS, kind, "kind"),
        begin.position,
        end.position,
        _check_summary(summary),
        _check_level(level),
        number,
        estimate(summary) if token_count is None else _check_count(token_count),
        check_optional_name(model, "model"),
        _encode_replaces(tx, row, replaces),
        tx.now,
        None,
    )
    if not insert_checkpoint(tx, row, columns):
        raise Conflict(f"A checkpoint with the id {id} is there already")
    row.compression_count += 1
    session_rows.save(tx, row, None)
    tx.mark(CHECKPOINT_CHANGED, row.ref(0))
    tx.touch(from_bytes(row.id))
    return get_checkpoint(tx, from_bytes(raw))


def insert_checkpoint(tx: Writing, row: SessionRow, columns: Row) -> bool:
    """`columns` from id to reverted_at; False where the id is there already. The caller saves the row."""
    names = (
        "id", "kind", "from_position", "through_position", "summary", "level", "number", "token_count", "model",
        "replaces", "created_at", "reverted_at",
    )  # fmt: skip
    guard = checkpoint_guard((columns[0], row.id, *columns[1:]))
    values = dict(zip(names, columns, strict=True))
    if tx.row("insert_checkpoint", session=row.key, guard=guard, **values) is None:
        return False
    row.checkpoint_count += 1
    return True


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


def _index(names: tuple[str, ...], name: str, field: str) -> int:
    if name not in names:
        raise Invalid(f"{field} must be one of {', '.join(names)}, not {name!r}", field=field)
    return names.index(name)


def _encode_replaces(tx: Reading, row: SessionRow, replaces: Sequence[str]) -> str | None:
    known = {columns[_ID] for columns in tx.rows("list_checkpoints", session=row.key)}
    for id in replaces:
        if find_bytes(id) not in known:
            raise NotFound("checkpoint", id)
    return (
        encode_json([from_bytes(to_bytes(id)) for id in replaces], "replaces").decode() if replaces else None
    )


def get_checkpoint(tx: Reading, checkpoint_id: str) -> Checkpoint:
    columns, session_id = _find(tx, checkpoint_id)
    row, _ = lookup.session_row(tx, session_id)
    return _value(tx, row, columns)


def _find(tx: Reading, checkpoint_id: str) -> tuple[Row, str]:
    raw = find_bytes(checkpoint_id)
    found = tx.row("find_checkpoint", id=raw, actor=tx.actor) if raw else None
    if found is None:
        raise NotFound("checkpoint", checkpoint_id)
    return found[:-1], from_bytes(found[-1])


def _value(tx: Reading, row: SessionRow, columns: Row) -> Checkpoint:
    ends = [tx.row("find_message_id", ref=row.ref(columns[at])) for at in (_FROM, _THROUGH)]
    from_id, through_id = (from_bytes(found[0]) if found else "" for found in ends)
    return checkpoint_value((*columns[1:3], *columns[5:]), from_bytes(row.id), from_id, through_id)


def revert_checkpoint(tx: Writing, checkpoint_id: str) -> Checkpoint:
    columns, session_id = _find(tx, checkpoint_id)
    row, _ = lookup.session_row(tx, session_id)
    lookup.check_not_trashed(row)
    if columns[_REVERTED] is None:
        _set_reverted(tx, row, columns, tx.now)
        tx.mark(CHECKPOINT_CHANGED, row.ref(0))
    return get_checkpoint(tx, checkpoint_id)


def _set_reverted(tx: Writing, row: SessionRow, columns: Row, reverted_at: int | None) -> None:
    guard = checkpoint_guard((columns[_ID], row.id, *columns[2:12], reverted_at))
    tx.run("set_checkpoint_reverted", key=columns[0], reverted_at=reverted_at, guard=guard)


def list_checkpoints(tx: Reading, session_id: str, active: bool) -> list[Checkpoint]:
    row, _ = lookup.session_row(tx, session_id)
    found = _active(tx, row) if active else tx.rows("list_checkpoints", session=row.key)
    return [_value(tx, row, columns) for columns in found]


def _active(tx: Reading, row: SessionRow) -> list[Row]:
    """On the head's branch, not reverted, and not replaced by another such one, be it through others in between."""
    every = tx.rows("list_checkpoints", session=row.key)
    shown = branch.ranges(tx, row, row.head) if every else []
    alive = [
        columns
        for columns in every
        if columns[_REVERTED] is None and branch.holds(shown, row.ref(columns[_THROUGH]))
    ]
    replaces = {from_bytes(columns[_ID]): _replaced_by(columns) for columns in every}
    replaced: set[str] = set()
    pending = [id for columns in alive for id in _replaced_by(columns)]
    while pending:
        id = pending.pop()
        if id not in replaced:
            replaced.add(id)
            pending += replaces.get(id, ())
    return [columns for columns in alive if from_bytes(columns[_ID]) not in replaced]


def _replaced_by(columns: Row) -> list[str]:
    with readable(f"checkpoint {from_bytes(columns[_ID])}"):
        return list(json.loads(columns[_REPLACES])) if columns[_REPLACES] else []


def take_snapshot(tx: Writing, session_id: str, name: str | None, purpose: Purpose) -> Snapshot:
    row, _ = lookup.open_session_row(tx, session_id)
    detail = tx.row("find_session_detail", session=row.key)
    kind = _index(PURPOSES, purpose, "purpose")
    active = [from_bytes(columns[_ID]) for columns in _active(tx, row)]
    columns = (
        new_bytes(),
        check_name(name) if name is not None else f"{purpose} {from_bytes(row.id)[-8:]}",
        kind,
        row.head,
        encode_json(active, "checkpoints").decode(),
        detail[1] if detail else session_rows.EMPTY_JSON,
        row.token_count,
        tx.now,
    )
    insert_snapshot(tx, row, columns)
    session_rows.save(tx, row, None)
    tx.mark(SNAPSHOT_CHANGED, row.ref(0))
    return get_snapshot(tx, from_bytes(columns[0]))


def insert_snapshot(tx: Writing, row: SessionRow, columns: Row) -> bool:
    """`columns` from id to created_at; False where the id is there already. The caller saves the row."""
    names = ("id", "name", "purpose", "head", "checkpoints", "settings", "token_count", "created_at")
    guard = snapshot_guard((columns[0], row.id, *columns[1:]))
    values = dict(zip(names, columns, strict=True))
    if tx.row("insert_snapshot", session=row.key, guard=guard, **values) is None:
        return False
    row.snapshot_count += 1
    return True


def get_snapshot(tx: Reading, snapshot_id: str) -> Snapshot:
    columns, _, session_id, head_id = _find_snapshot(tx, snapshot_id)
    return snapshot_value(columns, session_id, head_id)


def _find_snapshot(tx: Reading, snapshot_id: str) -> tuple[Row, int, str, bytes | None]:
    raw = find_bytes(snapshot_id)
    found = tx.row("find_snapshot", id=raw, actor=tx.actor) if raw else None
    if found is None:
        raise NotFound("snapshot", snapshot_id)
    return found[:7], found[7], from_bytes(found[8]), found[9]


def restore_snapshot(tx: Writing, snapshot_id: str) -> Session:
    columns, head, session_id, _ = _find_snapshot(tx, snapshot_id)
    drafts.recover_session(tx, session_id)
    row, project_id = lookup.open_session_row(tx, session_id)
    drafts.check_no_draft(tx, row)
    leaf = lookup.message_at(tx, row, head) if head else None
    messages.move_head(tx, row, leaf)
    with readable(f"snapshot {snapshot_id}"):
        wanted = set(json.loads(columns[3]))
    _restore_checkpoints(tx, row, wanted)
    detail = tx.row("find_session_detail", session=row.key)
    prompt, metadata = (detail[0], detail[2]) if detail else (None, session_rows.EMPTY_JSON)
    session_rows.put_detail(tx, row, prompt, columns[4], metadata)
    row.revision += 1
    session_rows.save(tx, row)
    tx.touch(session_id)
    return lookup.session_value(tx, row, project_id)


def _restore_checkpoints(tx: Writing, row: SessionRow, wanted: set[str]) -> None:
    """Make exactly the wanted ones active: bring those back, revert what else is active or replaces one of them."""
    for columns in tx.rows("list_checkpoints", session=row.key):
        id = from_bytes(columns[_ID])
        if id in wanted and columns[_REVERTED] is not None:
            _set_reverted(tx, row, columns, None)
        if id not in wanted and columns[_REVERTED] is None and wanted.intersection(_replaced_by(columns)):
            _set_reverted(tx, row, columns, tx.now)
    for columns in _active(tx, row):
        if from_bytes(columns[_ID]) not in wanted:
            _set_reverted(tx, row, columns, tx.now)
    tx.mark(CHECKPOINT_CHANGED, row.ref(0))


def list_snapshots(tx: Reading, session_id: str) -> list[Snapshot]:
    row, _ = lookup.session_row(tx, session_id)
    found = tx.rows("list_snapshots", session=row.key)
    return [snapshot_value(columns[:7], from_bytes(row.id), columns[7]) for columns in found]


def delete_snapshot(tx: Writing, snapshot_id: str) -> None:
    columns, _, session_id, _ = _find_snapshot(tx, snapshot_id)
    row, _ = lookup.session_row(tx, session_id)
    tx.run("delete_snapshot", id=columns[0])
    row.snapshot_count -= 1
    session_rows.save(tx, row, None)
    tx.mark(SNAPSHOT_CHANGED, row.ref(0))
