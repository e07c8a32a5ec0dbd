"""Verbs on messages."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import astuple

from palaver.errors import Busy, Conflict, Corrupt, Invalid
from palaver.ids import find_bytes, from_bytes, new_id, to_bytes
from palaver.model import (
    DEFAULT_TITLE,
    ROLES,
    STATUSES,
    TITLE_SOURCES,
    Message,
    NewMessage,
    Page,
    Part,
    Session,
    Status,
    Time,
    ToolCall,
    ToolResult,
    Usage,
    text_of,
    to_ms,
)
from palaver.storage.rows import (
    EDITOR,
    NOTE,
    OWNER,
    STREAMING,
    MessageRow,
    SessionPlace,
    SessionRow,
    check_parts,
    encode_body,
    encode_map,
    encode_usage,
    guard_of,
)
from palaver.storage.transaction import POSITION_MASK, Reading, Row, Writing
from palaver.storage.values import message_value, message_values
from palaver.storage.verbs import branch, drafts, lookup, session_rows
from palaver.storage.verbs.cursors import decode_cursor, encode_cursor
from palaver.storage.verbs.kinds import MESSAGE_CHANGED
from palaver.storage.verbs.message_rows import Prepared, Tip, find_tip, parts_of, prepare, taken, try_message
from palaver.storage.verbs.purging import purge_message_row
from palaver.store import HEAD, Head
from palaver.titles import first_message_title


class Stored(NamedTuple):
    """What an append stored. Its values are made by whoever called it, not by whoever commits for all."""

    session_id: str
    rows: list[tuple[Row, bytes | None] | Message]

    def values(self) -> list[Message]:
        return [self._value(each) for each in self.rows]

    def _value(self, each: tuple[Row, bytes | None] | Message) -> Message:
        if isinstance(each, Message):
            return each
        row, parent = each
        return message_value(row, self.session_id, from_bytes(parent) if parent else None)


def append(
    tx: Writing, session_id: str, messages: Sequence[Prepared], parent_id: str | None | Head
) -> Stored:
    """The whole of a verb: where the next message goes is kept, as nothing else is written after it."""
    stored, (row, tip, id), grown = add(tx, session_id, messages, parent_id)
    if grown and row.head == tip.position:
        tx.keep(id, (row, tip, id))
    return stored


def add(
    tx: Writing, session_id: str, messages: Sequence[Prepared], parent_id: str | None | Head
) -> "tuple[Stored, Place, bool]":
    """As a part of a verb: what was stored, where the next message goes, and whether any of it is new."""
    row, tip, id = _place(tx, session_id, parent_id)
    before = row.last_position
    free = parent_id is HEAD
    stored = Stored(id, [])
    for message in messages:
        parent = tip.id
        columns = try_message(tx, row, tip, message)
        stored.rows.append((columns, parent) if columns else _known(tx, row, tip, message.new, free=free))
        free = False
    grown = row.last_position > before
    if grown:
        session_rows.save_advanced(tx, row)
        tx.touch(id)
    return stored, (row, tip, id), grown


Place = tuple[SessionRow, Tip, str]
"""A session, where its next message goes, and the session's id."""


def _place(tx: Writing, session_id: str, parent_id: str | None | Head) -> Place:
    if parent_id is HEAD:
        kept: Place | None = tx.recall(session_id)
        if kept is not None:
            lookup.admit(tx, kept[0], EDITOR)
            return kept
    row, tip = _free_tip(tx, session_id, parent_id)
    return row, tip, from_bytes(row.id)


def _free_tip(tx: Writing, session_id: str, parent_id: str | None | Head) -> tuple[SessionRow, Tip]:
    """The tip; a draft that stands there and that nobody writes any more is closed first."""
    try:
        row, _, tip = find_tip(tx, session_id, parent_id)
    except Busy:
        drafts.recover_session(tx, session_id)
        row, _, tip = find_tip(tx, session_id, parent_id)
    return row, tip


def _known(tx: Writing, row: SessionRow, tip: Tip, new: NewMessage, *, free: bool) -> Message:
    """A message that is stored already, if it is the very same; the tip moves to it."""
    found = tx.row("find_message_in", id=to_bytes(new.id), session=row.key)
    known = MessageRow(*found) if found else None
    if known is None or not _equal(known, new):
        raise taken(row, new)
    if not free and known.parent != tip.position:
        raise taken(row, new)
    tip.position, tip.id, tip.digest, tip.match_key = known.position, known.id, known.digest, known.match_key
    return lookup.full_message(tx, astuple(known), from_bytes(row.id))


def _equal(known: MessageRow, new: NewMessage) -> bool:
    return (
        known.purged_at is None
        and known.body == encode_body(check_parts(new.parts))
        and (ROLES[known.role], STATUSES[known.status]) == (new.role, new.status)
        and (known.model, known.provider, known.error) == (new.model, new.provider, new.error)
        and known.usage == encode_usage(new.usage)
        and known.metadata == encode_map(new.metadata, "metadata")
        and (known.origin_source, known.origin_id)
        == ((new.origin.source, new.origin.id) if new.origin else (None, None))
        and (new.created_at is None or known.created_at == to_ms(Time.of(new.created_at)))
    )


def record_tool_call(
    tx: Writing,
    session_id: str,
    id: str,
    name: str,
    args: Mapping[str, Any],
    result: Mapping[str, Any],
    parent_id: str | None | Head,
) -> Stored:
    if not isinstance(result, Mapping) or "llmContent" not in result:
        raise Invalid('result must be {"llmContent": …, "returnDisplay"?: text}', field="result")
    if not isinstance(args, Mapping):
        raise Invalid("args must be a mapping of names to values", field="args")
    display = result.get("returnDisplay")
    if display is not None and not isinstance(display, str):
        raise Invalid(f"returnDisplay must be text, not {type(display).__name__}", field="result")
    call = NewMessage(role="assistant", parts=(ToolCall(id, name, dict(args)),))
    part = ToolResult(id, name, result["llmContent"], display, bool(result.get("isError")))
    answer = NewMessage(role="tool", parts=(part,))
    return append(tx, session_id, (prepare(call), prepare(answer)), parent_id)


def close_draft(
    tx: Writing,
    message_id: str,
    status: Status,
    parts: Sequence[Part] | None,
    usage: Usage | None,
    error: str | None,
    metadata: Mapping[str, Any] | None,
    results: Sequence[NewMessage],
) -> Message:
    """A draft's end and what its calls gave back, below it."""
    message = drafts.close_draft(tx, message_id, status, parts, usage, error, metadata)
    if results:
        add(tx, message.session_id, [*map(prepare, results)], message.id)
    return message


def find_leaf(tx: Reading, row: SessionRow | SessionPlace, leaf_id: str | None | Head) -> int:
    if leaf_id is HEAD:
        return row.head
    return 0 if leaf_id is None else lookup.message_in_session(tx, row, leaf_id).position


def find_branch(
    tx: Reading, session_id: str, leaf_id: str | None | Head
) -> tuple[SessionRow, list[tuple[int, int]]]:
    """The session and the whole branch as ranges, newest first."""
    row, _ = lookup.session_row(tx, session_id)
    return row, branch.ranges(tx, row, find_leaf(tx, row, leaf_id))


def read_forward(
    tx: Reading, session_id: str, low: int, high: int, limit: int, ids: "Parents"
) -> tuple[list[Message], int | None]:
    """Up to `limit` messages of one range, and the ref to go on from; None at its end."""
    found = tx.rows("list_range_forward", low=low, high=high, limit=limit)
    _check_order(found, low, session_id)
    items = _values(tx, found, session_id, ids)
    return items, found[-1][0] + 1 if len(found) == limit else None


def _check_order(found: Sequence[Row], low: int, session_id: str) -> None:
    """Where a page is damaged rows may come in any order, and a reader who goes on from the last would never end."""
    if found and not low <= found[0][0] <= found[-1][0]:
        raise Corrupt(
            f"the messages of session {session_id} are not in order: restore a backup", where=session_id
        )


class Parents:
    """What was just read of a session: a message's parent is nearly always the one before it."""

    __slots__ = ("id", "position")

    def __init__(self) -> None:
        self.position = 0
        self.id: str | None = None


def _values(tx: Reading, found: list[Row], session_id: str, last: Parents) -> list[Message]:
    def other(columns: Row) -> Message:
        return lookup.full_message(tx, columns, session_id)

    items = message_values(found, session_id, last.position, last.id, other)
    if items:
        last.position, last.id = items[-1].position, items[-1].id
    return items


def list_messages(
    tx: Reading,
    session_id: str,
    leaf_id: str | None | Head,
    before: str | None,
    after: str | None,
    limit: int,
) -> Page[Message]:
    row = lookup.session_place(tx, session_id)
    if after is not None:
        if before is not None:
            raise Invalid("give before or after, not both", field="after")
        return _later(tx, row, find_leaf(tx, row, leaf_id), after, limit)
    leaf = find_leaf(tx, row, leaf_id) if before is None else _leaf_before(tx, row, before)
    found = _newest(tx, row, leaf, limit + 1)
    found.reverse()
    id, last = from_bytes(row.id), Parents()
    if len(found) <= limit:
        return Page(_values(tx, found, id, last))
    older = found.pop(0)
    position = last.position = older[0] & POSITION_MASK
    last.id = from_bytes(older[1])
    return Page(_values(tx, found, id, last), encode_cursor("m", position, id))


def _leaf_before(tx: Reading, row: SessionPlace, before: str) -> int:
    """Where to go back from: what a cursor says, or the parent of a message."""
    if find_bytes(before) is not None:
        return lookup.message_in_session(tx, row, before).parent
    position, session_id = decode_cursor(before, "m", int, str)
    if session_id != from_bytes(row.id) or not 0 < position <= row.last_position:
        raise Invalid("this cursor does not belong to this session: start again without one", field="before")
    return int(position)


def _later(tx: Reading, row: SessionPlace, leaf: int, after: str, limit: int) -> Page[Message]:
    """The oldest of the branch below a message of it."""
    anchor = lookup.message_in_session(tx, row, after)
    held = branch.ranges(tx, row, leaf)
    if not branch.holds(held, anchor.ref):
        raise Invalid(f"message {after} is not on this branch: name a leaf below it", field="after")
    found: list[Row] = []
    for low, high in reversed(held):
        if high > anchor.ref and len(found) <= limit:
            start = max(low, anchor.ref + 1)
            found += tx.rows("list_range_forward", low=start, high=high, limit=limit + 1 - len(found))
    last = Parents()
    last.position, last.id = anchor.position, from_bytes(anchor.id)
    items = _values(tx, found[:limit], from_bytes(row.id), last)
    return Page(items, items[-1].id if len(found) > limit else None)


def _newest(tx: Reading, row: SessionPlace, leaf: int, count: int) -> list[Row]:
    """The newest rows of the branch that ends at `leaf`, newest first."""
    found: list[Row] = []
    while leaf > 0 and len(found) < count:
        low, high = branch.ranges(tx, row, leaf, least=1)[0]
        found += tx.rows("list_range_backward", low=low, high=high, limit=count - len(found))
        first = tx.row("find_message_at", ref=low) if len(found) < count else None
        leaf = first[2] if first else 0
    return found


def read_tree(tx: Reading, session_id: str, after: int, limit: int) -> list[Message]:
    """The next messages by position, whatever branch they are on."""
    row, _ = lookup.session_row(tx, session_id)
    found = tx.rows("list_all_forward", low=row.ref(after + 1), high=row.ref(POSITION_MASK), limit=limit)
    _check_order(found, row.ref(after + 1), session_id)
    return _values(tx, found, from_bytes(row.id), Parents())


def get_message(tx: Reading, message_id: str) -> Message:
    message, row, _ = lookup.message_with_session(tx, message_id)
    return lookup.full_message(tx, astuple(message), from_bytes(row.id))


def list_siblings(tx: Reading, message_id: str) -> list[Message]:
    message, row, _ = lookup.message_with_session(tx, message_id)
    found = tx.rows("list_children", session=row.key, parent=message.parent)
    siblings = [MessageRow(*columns) for columns in found]
    shown = [sibling for sibling in siblings if sibling.trashed_at is None and sibling.purged_at is None]
    return [lookup.full_message(tx, astuple(sibling), from_bytes(row.id)) for sibling in shown]


def set_head(tx: Writing, session_id: str, message_id: str | None, to_end: bool = False) -> Session:
    row, project_id = lookup.open_session_row(tx, session_id)
    leaf = lookup.message_in_session(tx, row, message_id) if message_id is not None else None
    move_head(tx, row, _newest_below(tx, leaf) if leaf and to_end else leaf)
    session_rows.save(tx, row)
    tx.touch(from_bytes(row.id))
    return lookup.session_value(tx, row, project_id)


def _newest_below(tx: Reading, message: MessageRow) -> MessageRow:
    session = message.session_key
    (position,) = tx.row("find_newest_below", session=session, position=message.position) or (
        message.position,
    )
    found = tx.row("find_message_at", ref=session << 32 | position)
    return MessageRow(*found) if found else message


def move_head(tx: Reading, row: SessionRow, leaf: MessageRow | None) -> None:
    """Point the head at a message or at nothing, and count its branch; the caller saves the row."""
    row.head, row.head_id = (leaf.position, leaf.id) if leaf else (0, None)
    row.token_count = branch.token_count(tx, row, row.head)


def set_in_context(tx: Writing, message_id: str, in_context: bool) -> Message:
    message, row, _ = lookup.message_with_session(tx, message_id, EDITOR)
    lookup.check_not_trashed(row)
    if message.in_context != int(in_context):
        message.in_context = int(in_context)
        _save_flags(tx, message)
        tx.touch(from_bytes(row.id))
    return get_message(tx, message_id)


def trash_message(tx: Writing, message_id: str) -> Message:
    message, row, _ = lookup.message_with_session(tx, message_id, EDITOR)
    _check_changeable(message, row)
    if message.trashed_at is None:
        message.trashed_at = tx.now
        _save_flags(tx, message)
        _recount(tx, row, message, -1)
    return get_message(tx, message_id)


def untrash_message(tx: Writing, message_id: str) -> Message:
    message, row, _ = lookup.message_with_session(tx, message_id, EDITOR)
    _check_changeable(message, row)
    if message.trashed_at is not None:
        message.trashed_at = None
        _save_flags(tx, message)
        _recount(tx, row, message, 1)
    return get_message(tx, message_id)


def purge_message(tx: Writing, message_id: str) -> None:
    message, row, _ = lookup.message_with_session(tx, message_id, OWNER)
    if message.status == STREAMING:
        raise Conflict(f"Message {message_id} is still being written: stop it first")
    if message.purged_at is not None:
        return
    _drop_title_of(tx, row, message)
    purge_message_row(tx, row, message)
    _recount(tx, row, message, 0 if message.trashed_at is not None else -1)


def _drop_title_of(tx: Writing, row: SessionRow, message: MessageRow) -> None:
    """A title made from the message is its text as well."""
    made = message.role == ROLES.index("user") and row.title_source == TITLE_SOURCES.index("first_message")
    if made and row.title == first_message_title(text_of(parts_of(message))):
        session_rows.set_title(tx, row, DEFAULT_TITLE, TITLE_SOURCES.index("default"))


def _check_changeable(message: MessageRow, row: SessionRow) -> None:
    lookup.check_not_trashed(row)
    if message.purged_at is not None:
        raise Conflict(f"Message {from_bytes(message.id)} was purged: nothing of it is left")
    if message.status == STREAMING:
        raise Conflict(f"Message {from_bytes(message.id)} is still being written: stop it first")


def _save_flags(tx: Writing, message: MessageRow) -> None:
    tx.run(
        "set_message_flags",
        ref=message.ref,
        in_context=message.in_context,
        trashed_at=message.trashed_at,
        purged_at=message.purged_at,
        guard=guard_of(message),
    )
    tx.mark(MESSAGE_CHANGED, message.ref)


def _recount(tx: Writing, row: SessionRow, message: MessageRow, difference: int) -> None:
    row.message_count += difference
    row.note_count += difference if message.role == NOTE else 0
    row.token_count = branch.token_count(tx, row, row.head)
    session_rows.save(tx, row, None)
    tx.touch(from_bytes(row.id))


def copy_of(message: Message) -> NewMessage:
    """The same content as a new message with an id of its own."""
    return NewMessage(
        role=message.role,
        parts=message.parts,
        id=new_id(),
        status=message.status,
        error=message.error,
        in_context=message.in_context,
        model=message.model,
        provider=message.provider,
        usage=message.usage,
        created_at=message.created_at,
        metadata=message.metadata,
    )
