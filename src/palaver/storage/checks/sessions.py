"""A session's row against its messages, and what hangs on it: tags, detail, checkpoints, snapshots."""

from collections.abc import Iterator
from functools import partial

from msgspec.structs import asdict, replace

from palaver.ids import from_bytes
from palaver.storage.checks.findings import Findings
from palaver.storage.checks.messages import Tally, check_messages
from palaver.storage.rows import (
    SessionRow,
    checkpoint_guard,
    detail_guard,
    session_guard,
    snapshot_guard,
)
from palaver.storage.transaction import POSITION_BITS, POSITION_MASK, Reading, Row, Writing
from palaver.storage.verbs import branch, replacing
from palaver.storage.verbs.kinds import SESSION_CHANGED
from palaver.storage.verbs.session_rows import DEFAULT_TITLE_SOURCE

_DERIVED = {
    "last_position": "position_differs",
    "message_count": "message_count_differs",
    "note_count": "message_count_differs",
    "token_count": "token_count_differs",
    "head": "head_differs",
    "head_id": "head_differs",
    "state": "state_differs",
    "compression_count": "compression_count_differs",
}


def list_keys(tx: Reading) -> Iterator[int]:
    """The keys of all sessions, in order."""
    after = 0
    while (found := tx.row("verify_next_session", after=after)) and found[
        0
    ] > after:  # else a page is damaged
        after = found[0]
        yield after


def check_session(tx: Reading, key: int, found: Findings) -> None:
    """Look at everything of one session."""
    columns = tx.row("verify_session", key=key)
    if columns is None:
        return
    row = SessionRow(*columns)
    found.checked["sessions"] += 1
    tally = check_messages(tx, row, found)
    _check_row(tx, row, tally, found)
    _check_tags(tx, row, found)
    _check_title(tx, row, found)
    _check_detail(tx, row, found)
    _check_checkpoints(tx, row, tally, found)
    _check_snapshots(tx, row, tally, found)


def check_orphans(tx: Reading, found: Findings) -> None:
    """Messages whose session is not there."""
    after = 0
    while (next_ref := tx.row("verify_next_message", after=after)) and next_ref[0] > after:
        key, after = next_ref[0] >> POSITION_BITS, next_ref[0] | POSITION_MASK
        if tx.row("verify_session", key=key) is None:
            low = key << POSITION_BITS
            count = tx.row("verify_count_messages", low=low, high=low | POSITION_MASK)
            what = f"the session of {count[0] if count else 0} messages is not there: bring it back from a backup"
            found.add("session_missing", f"session number {key}", what)


def _check_row(tx: Reading, row: SessionRow, tally: Tally, found: Findings) -> None:
    name = from_bytes(row.id)
    corrected = _corrected(tx, row, tally)
    if row.guard not in (session_guard(row), session_guard(corrected)):
        found.add("session_changed", name, "its title, model or another property is not as it was stored")
    if corrected.head and tx.row("find_message_at", ref=row.ref(corrected.head)) is None:
        found.add("head_missing", name, f"its head, at position {row.head}, is not there: set another one")
    settle = partial(_settle, key=row.key)
    for field, kind in _DERIVED.items():
        was, should = getattr(row, field), getattr(corrected, field)
        if was != should:
            what = f"its {field} is {_shown(was)} and should be {_shown(should)}"
            found.add(kind, name, what, settle)


def _shown(value: object) -> object:
    return from_bytes(value) if isinstance(value, bytes) and len(value) == 16 else value


def _corrected(tx: Reading, row: SessionRow, tally: Tally) -> SessionRow:
    """The row as its messages say it should be. Of the head's two names the guard tells which is right."""
    made = tx.row("verify_count_compressions", session=row.key)
    least = made[0] if made else 0  # of those that are purged only the count is left
    compressions = max(row.compression_count, least)
    counted = replace(row, last_position=tally.last, compression_count=compressions)
    if tally.shown is not None:
        counted.message_count, counted.note_count = tally.shown, tally.notes
    variants = [_with_head(tx, counted, position, tally) for position in _heads(tx, row)]
    right = (variant for variant in variants if row.guard == session_guard(variant))
    return next(right, variants[0])


def _heads(tx: Reading, row: SessionRow) -> list[int]:
    named = tx.row("verify_message_anywhere", id=row.head_id) if row.head_id else None
    if named is None or named[0] >> POSITION_BITS != row.key:
        return [row.head]
    position = named[0] & POSITION_MASK
    there = tx.row("find_message_id", ref=row.ref(row.head)) is not None
    return [row.head, position] if there else [position]


def _with_head(tx: Reading, row: SessionRow, head: int, tally: Tally) -> SessionRow:
    found = tx.row("find_message_id", ref=row.ref(head)) if head else None
    shown = branch.ranges(tx, row, head)
    tokens = branch.token_count(tx, row, head)
    tokens += sum(more for ref, more in tally.tokens.items() if branch.holds(shown, ref))
    if tally.shown is None:
        tokens = row.token_count
    made = replace(
        row, head=head, head_id=found[0] if found else row.head_id if head else None, token_count=tokens
    )
    made.state = made.find_state()
    return made


def _settle(tx: Writing, *, key: int) -> None:
    """Write what the messages say; the guard is renewed only where it was right but for that."""
    columns = tx.row("verify_session", key=key)
    if columns is None:
        return
    row = SessionRow(*columns)
    corrected = _corrected(tx, row, check_messages(tx, row, Findings()))
    if row.guard in (session_guard(row), session_guard(corrected)):
        corrected.guard = session_guard(corrected)
    tx.run("update_session", session=corrected.key, **asdict(corrected))
    _write_tags(tx, key=key)


def _check_tags(tx: Reading, row: SessionRow, found: Findings) -> None:
    stored = set(tx.iterate("verify_session_tags", session=row.key))
    if stored != _expected_tags(row):
        found.add(
            "tags_differ",
            from_bytes(row.id),
            "lists by tag do not show it as it is",
            partial(_write_tags, key=row.key),
        )


def _expected_tags(row: SessionRow) -> set[Row]:
    try:
        tags = row.tag_list()
    except ValueError:  # damaged, as the guard tells
        tags = ()
    return {(row.project_key, tag, row.state, row.updated_at) for tag in tags}


def _write_tags(tx: Writing, *, key: int) -> None:
    columns = tx.row("verify_session", key=key)
    if columns is None:
        return
    tx.run("delete_session_tags", session=key)
    for project, tag, state, updated_at in sorted(_expected_tags(SessionRow(*columns))):
        tx.run(
            "insert_session_tag", project=project, tag=tag, state=state, updated_at=updated_at, session=key
        )


def _check_title(tx: Reading, row: SessionRow, found: Findings) -> None:
    if row.title_source == DEFAULT_TITLE_SOURCE and not row.title_mark:
        return
    change = tx.row("verify_change", seq=row.title_mark)
    if change is None or change[0] != row.ref(0):
        what = "the change its title came with is not noted"
        found.add("mark_missing", from_bytes(row.id), what, partial(_mark_title, key=row.key))


def _mark_title(tx: Writing, *, key: int) -> None:
    columns = tx.row("verify_session", key=key)
    if columns is None:
        return
    row = SessionRow(*columns)
    sound = row.guard == session_guard(row)
    row.title_mark = tx.mark(SESSION_CHANGED, row.ref(0))
    if sound:
        row.guard = session_guard(row)
    tx.run("update_session", session=row.key, **asdict(row))


def _check_detail(tx: Reading, row: SessionRow, found: Findings) -> None:
    detail = tx.row("find_session_detail", session=row.key)
    if row.detail_guard != (detail[3] if detail else None):
        found.add(
            "detail_lost",
            from_bytes(row.id),
            "its settings, system prompt or metadata are not those it was stored with",
        )
    if detail is not None and detail_guard(row.id, *detail[:3]) != detail[3]:
        what = "its system prompt, settings or metadata are not as they were stored"
        found.add("detail_changed", from_bytes(row.id), what)


def _check_checkpoints(tx: Reading, row: SessionRow, tally: Tally, found: Findings) -> None:
    count, sound = 0, True
    for id, *columns, guard in tx.iterate("verify_checkpoints", session=row.key):
        count += 1
        found.checked["checkpoints"] += 1
        if checkpoint_guard((id, row.id, *columns)) != guard:
            found.add("checkpoint_changed", from_bytes(id), "it is not as it was stored")
            sound = False
            continue
        begin, end = columns[1:3]
        if not 0 < begin <= end <= tally.last or not branch.holds(
            branch.ranges(tx, row, end), row.ref(begin)
        ):
            what = f"positions {begin} to {end}, which it stands for, are no stretch of one branch"
            found.add("checkpoint_range", from_bytes(id), what)
    if sound and any(link.front != front for link, front in replacing.expected(replacing.links(tx, row))):
        what = "its checkpoints are not marked by what replaces them"
        found.add("checkpoint_front", from_bytes(row.id), what, partial(_mark_front, key=row.key))
    _check_count(row, "checkpoint", row.checkpoint_count, count, found)


def _mark_front(tx: Writing, *, key: int) -> None:
    columns = tx.row("verify_session", key=key)
    if columns is not None:
        replacing.refresh(tx, SessionRow(*columns))


def _check_snapshots(tx: Reading, row: SessionRow, tally: Tally, found: Findings) -> None:
    count = 0
    for id, *columns, guard in tx.iterate("verify_snapshots", session=row.key):
        count += 1
        found.checked["snapshots"] += 1
        if snapshot_guard((id, row.id, *columns)) != guard:
            found.add("snapshot_changed", from_bytes(id), "it is not as it was stored")
        elif not 0 <= columns[2] <= tally.last:
            found.add("snapshot_head", from_bytes(id), f"its head, at position {columns[2]}, is not there")
    _check_count(row, "snapshot", row.snapshot_count, count, found)


def _check_count(row: SessionRow, noun: str, expected: int, count: int, found: Findings) -> None:
    if expected != count:
        found.add(f"{noun}_lost", from_bytes(row.id), f"it had {expected} {noun}s, and {count} are there")
