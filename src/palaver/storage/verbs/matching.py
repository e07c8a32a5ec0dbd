"""Recognising a history that comes in from outside, without ids."""

from collections.abc import Sequence
from typing import NamedTuple

from palaver.ids import from_bytes
from palaver.model import NewMessage, StoredHistory
from palaver.storage.rows import (
    EDITOR,
    NOTE,
    SYSTEM,
    MessageRow,
    check_parts,
    decode_parts,
    encode_body,
    message_match_key,
    role_number,
)
from palaver.storage.transaction import POSITION_BITS, POSITION_MASK, Reading
from palaver.storage.verbs import lookup

_PASSED_OVER = (NOTE, SYSTEM)
_INDEXED = ("user", "tool")


class _Link(NamedTuple):
    """A message of the history: how many there are up to it, and its match key."""

    number: int
    role: str
    key: bytes


def match_history(tx: Reading, history: Sequence[NewMessage], session_id: str | None) -> StoredHistory | None:
    links = _chain(history)
    session_key = lookup.session_row(tx, session_id, EDITOR)[0].key if session_id is not None else None
    found = _find_longest(tx, [link for link in links if link.role in _INDEXED], session_key)
    if found is None:
        return None
    count, ref, id, session = found
    lookup.session_row(tx, from_bytes(session), EDITOR)
    for link in links:
        if link.number > count:
            below = _answer_below(tx, ref, link)
            if below is None:
                break
            count, ref, id = link.number, below.ref, below.id
    return StoredHistory(session_id=from_bytes(session), message_id=from_bytes(id), count=count)


def _chain(history: Sequence[NewMessage]) -> list[_Link]:
    links: list[_Link] = []
    key: bytes | None = None
    for number, message in enumerate(history, 1):
        role = role_number(message.role)
        if role in _PASSED_OVER:
            continue
        body = encode_body(check_parts(message.parts))
        parts = message.parts if isinstance(body, str) else decode_parts(body)
        key = message_match_key(key, role, tuple(parts))
        links.append(_Link(number, message.role, key))
    return links


Found = tuple[int, int, bytes, bytes]


def _find_longest(tx: Reading, links: Sequence[_Link], session_key: int | None) -> Found | None:
    """Where a history is stored its beginnings are: mostly all but its last message, else the boundary is halved."""
    for link in links[:-3:-1]:
        found = _find(tx, link, session_key)
        if found is not None:
            return found
    best: Found | None = None
    low, high = 0, len(links) - 2
    while low < high:
        middle = (low + high) // 2 if best is not None else low
        found = _find(tx, links[middle], session_key)
        if found is None:
            if best is None:
                return None
            high = middle
        else:
            best, low = found, middle + 1
    return best


def _find(tx: Reading, link: _Link, session_key: int | None) -> Found | None:
    if session_key is None:
        found = tx.row("find_match", match_key=link.key, actor=tx.actor)
    else:
        found = tx.row("find_match_in", match_key=link.key, session=session_key, actor=tx.actor)
    return (link.number, *found) if found is not None else None


def _answer_below(tx: Reading, ref: int, link: _Link) -> MessageRow | None:
    """The newest message right below with this history before it."""
    children = tx.rows("list_children", session=ref >> POSITION_BITS, parent=ref & POSITION_MASK)
    for columns in reversed(children):
        child = MessageRow(*columns)
        if child.match_key == link.key and child.trashed_at is None and child.purged_at is None:
            return child
    return None
