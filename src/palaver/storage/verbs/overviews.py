"""Much at a glance: what lists need of many sessions or messages, in one query for all of them."""

import json
from collections import defaultdict
from collections.abc import Sequence

from palaver.ids import find_bytes, from_bytes
from palaver.model import SessionSize, text_of
from palaver.storage.transaction import Reading, Row
from palaver.storage.verbs import lookup, messages
from palaver.storage.verbs.message_rows import read_parts
from palaver.store import HEAD
from palaver.titles import READ, beginning

_LOOKED_BACK = 20
"""How many messages without a text may stand after the last one that has one."""


def list_sibling_ids(tx: Reading, session_id: str, message_ids: Sequence[str]) -> dict[str, list[str]]:
    row = lookup.session_place(tx, session_id)
    raw = _in_hex(message_ids)
    if not raw:
        return {}
    children: dict[int, list[str]] = defaultdict(list)
    places = tx.rows("list_message_places", session=row.key, ids=json.dumps(raw))
    if not places:
        return {}
    parents = [parent for _, parent in places]
    for parent, id in tx.rows("list_siblings_between", session=row.key, low=min(parents), high=max(parents)):
        children[parent].append(from_bytes(id))
    return {
        from_bytes(id): children[parent]
        for id, parent in places
        if len(children[parent]) > 1 and from_bytes(id) in children[parent]
    }


def list_last_texts(tx: Reading, session_ids: Sequence[str], length: int) -> dict[str, str]:
    raw = _in_hex(session_ids)
    most = length * READ
    found = tx.rows("list_heads", ids=json.dumps(raw), most=most, actor=tx.actor) if raw else []
    texts = (
        (from_bytes(id), (text_of(read_parts(body)) if shown else "") or _earlier(tx, from_bytes(id)))
        for id, shown, body in found
    )
    return {id: beginning(text, length) for id, text in texts if text}


def _earlier(tx: Reading, session_id: str) -> str:
    """The last message is in the trash, or a call of a tool: what was said before it."""
    page = messages.list_messages(tx, session_id, HEAD, None, None, _LOOKED_BACK)
    return next((message.text for message in reversed(page.items) if message.text.strip()), "")


def _in_hex(ids: Sequence[str]) -> list[str]:
    return [raw.hex() for id in ids if (raw := find_bytes(id)) is not None]


def list_largest_sessions(tx: Reading, limit: int) -> list[SessionSize]:
    return [_size(row) for row in tx.rows("list_largest_sessions", actor=tx.actor, limit=limit)]


def _size(row: Row) -> SessionSize:
    id, project_id, title, count, size = row
    return SessionSize(
        session_id=from_bytes(id),
        project_id=from_bytes(project_id),
        title=title,
        message_count=count,
        size=size,
    )
