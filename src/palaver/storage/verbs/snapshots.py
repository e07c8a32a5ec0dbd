"""Verbs on snapshots: a session's state by names and ids; messages are not copied."""

import json

from palaver.errors import NotFound
from palaver.ids import find_bytes, from_bytes, new_bytes
from palaver.model import PURPOSES, Purpose, Session, Snapshot
from palaver.storage.rows import EDITOR, SessionRow, encode_json, readable, snapshot_guard, snapshot_value
from palaver.storage.transaction import Reading, Row, Writing
from palaver.storage.verbs import checkpoints, drafts, lookup, messages, replacing, session_rows
from palaver.storage.verbs.kinds import CHECKPOINT_CHANGED, SNAPSHOT_CHANGED
from palaver.storage.verbs.titles import check_name
from palaver.store import AUTOMATIC_SNAPSHOTS

_MANUAL = PURPOSES.index("manual")
_ID, _PURPOSE = 0, 2

State = tuple[int, list[str], bytes]
"""Head, ids of the active checkpoints, settings: what a snapshot keeps and a restore brings back."""


def take_snapshot(tx: Writing, session_id: str, name: str | None, purpose: Purpose) -> Snapshot:
    row, _ = lookup.open_session_row(tx, session_id)
    id = take(tx, row, name, purpose)
    session_rows.save(tx, row, None)
    return get_snapshot(tx, from_bytes(id))


def take(
    tx: Writing, row: SessionRow, name: str | None, purpose: Purpose, *, spared: bytes | None = None
) -> bytes:
    """A snapshot of the session as it is; returns its id, and the caller saves the row.

    Of automatic ones that are too many by now the oldest go, never `spared`.
    """
    raw, (head, wanted, settings) = new_bytes(), _state(tx, row)
    newest = tx.row("newest_snapshot_time", session=row.key)
    # Where the clock was set back, the newest is still the newest.
    created_at = max(tx.now, newest[0]) if newest else tx.now
    columns = (
        raw,
        check_name(name) if name is not None else f"{purpose} {from_bytes(row.id)[-8:]}",
        checkpoints.index(PURPOSES, purpose, "purpose"),
        head,
        encode_json(wanted, "checkpoints").decode(),
        settings,
        row.token_count,
        created_at,
    )
    insert_snapshot(tx, row, columns)
    if purpose != "manual":
        _prune(tx, row, {raw, spared})
    tx.mark(SNAPSHOT_CHANGED, row.ref(0))
    return raw


def _state(tx: Reading, row: SessionRow) -> State:
    detail = tx.row("find_session_detail", session=row.key)
    active = [from_bytes(columns[replacing.ID]) for columns in replacing.active(tx, row, row.head)]
    return row.head, active, detail[1] if detail else session_rows.EMPTY_JSON


def _prune(tx: Writing, row: SessionRow, kept: set[bytes | None]) -> None:
    found = tx.rows("list_snapshots", session=row.key)
    automatic = [columns[_ID] for columns in found if columns[_PURPOSE] != _MANUAL]
    spared = len(kept.intersection(automatic))
    others = [id for id in automatic if id not in kept]
    for id in others[AUTOMATIC_SNAPSHOTS - spared :]:
        tx.run("delete_snapshot", id=id, session=row.key)
        row.snapshot_count -= 1


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
    lookup.session_row(tx, session_id, EDITOR)
    drafts.recover_session(tx, session_id)
    row, project_id = lookup.open_session_row(tx, session_id)
    drafts.check_idle(tx, row)
    with readable(f"snapshot {snapshot_id}"):
        wanted = [str(id) for id in json.loads(columns[3])]
    state = _state(tx, row)
    if state == (head, wanted, columns[4]):
        return lookup.session_value(tx, row, project_id)
    if not _is_kept(tx, row, state):
        take(tx, row, None, "rollback", spared=columns[_ID])
    messages.move_head(tx, row, lookup.message_at(tx, row, head) if head else None)
    _restore_checkpoints(tx, row, set(wanted))
    _restore_settings(tx, row, columns[4])
    row.revision += 1
    session_rows.save(tx, row)
    tx.touch(session_id)
    return lookup.session_value(tx, row, project_id)


def _is_kept(tx: Reading, row: SessionRow, state: State) -> bool:
    """Whether a snapshot of just this state is there, so that nothing is lost by leaving it."""
    head, active, settings = state
    wanted = encode_json(active, "checkpoints").decode()
    found = tx.row("find_snapshot_of", session=row.key, head=head, checkpoints=wanted, settings=settings)
    return found is not None


def _restore_checkpoints(tx: Writing, row: SessionRow, wanted: set[str]) -> None:
    """Make exactly the wanted ones active on this branch, and leave those of other branches as they are."""
    for link in replacing.links(tx, row):
        if from_bytes(link.id) in wanted and link.reverted_at is not None:
            checkpoints.set_reverted(tx, row, link.key, None)
    replacing.refresh(tx, row)
    while unwanted := [
        columns
        for columns in replacing.active(tx, row, row.head)
        if from_bytes(columns[replacing.ID]) not in wanted
    ]:
        for columns in unwanted:
            checkpoints.set_reverted(tx, row, columns[replacing.KEY], tx.now)
        replacing.refresh(tx, row)  # behind one that was in front another one may come into use
    tx.mark(CHECKPOINT_CHANGED, row.ref(0))


def _restore_settings(tx: Writing, row: SessionRow, settings: bytes) -> None:
    detail = tx.row("find_session_detail", session=row.key)
    prompt, metadata = (detail[0], detail[2]) if detail else (None, session_rows.EMPTY_JSON)
    session_rows.put_detail(tx, row, prompt, settings, metadata)


def list_snapshots(tx: Reading, session_id: str) -> list[Snapshot]:
    row, _ = lookup.session_row(tx, session_id)
    found = tx.rows("list_snapshots", session=row.key)
    with readable(f"the snapshots of session {session_id}"):
        return [snapshot_value(columns[:7], from_bytes(row.id), columns[7]) for columns in found]


def delete_snapshot(tx: Writing, snapshot_id: str) -> None:
    columns, _, session_id, _ = _find_snapshot(tx, snapshot_id)
    row, _ = lookup.session_row(tx, session_id, EDITOR)
    tx.run("delete_snapshot", id=columns[0], session=row.key)
    row.snapshot_count -= 1
    session_rows.save(tx, row, None)
    tx.mark(SNAPSHOT_CHANGED, row.ref(0))
