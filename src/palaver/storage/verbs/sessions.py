"""Verbs on sessions."""

import heapq
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from palaver.errors import Conflict, Corrupt, Invalid
from palaver.ids import find_bytes, from_bytes, new_bytes, short, to_bytes
from palaver.model import (
    DEFAULT_TITLE,
    RELATIONS,
    TITLE_SOURCES,
    Page,
    Relation,
    Session,
    TitleSource,
    to_ms,
)
from palaver.storage.rows import (
    ARCHIVED,
    EDITOR,
    EMPTY,
    OPEN,
    OWNER,
    TRASHED,
    SessionRow,
    check_text,
    encode_json,
)
from palaver.storage.transaction import Reading, Row, Writing
from palaver.storage.values import listed_sessions
from palaver.storage.verbs import branch, drafts, lookup, messages, session_rows, snapshots
from palaver.storage.verbs.cursors import decode_cursor, encode_cursor
from palaver.storage.verbs.message_rows import Tip, add_message
from palaver.storage.verbs.purging import purge_session_rows
from palaver.storage.verbs.titles import check_optional_name, check_tags, check_title
from palaver.store import Filter, Head

MAX_SYSTEM_PROMPT = 10_000_000
_END_OF_TIME = (1 << 62, b"\xff" * 17)
_STATES = {
    "open": (OPEN,),
    "archived": (ARCHIVED,),
    "trash": (TRASHED,),
    "any": (OPEN, EMPTY, ARCHIVED, TRASHED),
}
_DEFAULT = TITLE_SOURCES.index("default")
_USER = TITLE_SOURCES.index("user")
_SHORT_ID = 6
_ID, _UPDATED_AT = 0, 17  # places in the query fragment `session_value`


def new_row(tx: Writing, id: bytes, project_key: int) -> SessionRow:
    return SessionRow(
        key=0, id=id, project_key=project_key, state=EMPTY, title=DEFAULT_TITLE, title_source=_DEFAULT, title_mark=0,
        model=None, provider=None, context_size=None, tags=None, pinned=0, archived_at=None, trashed_at=None,
        trashed_with=0, head=0, head_id=None, last_position=0, message_count=0, token_count=0, compression_count=0,
        parent_id=None, relation=None, created_at=tx.now, updated_at=tx.content_time(), revision=1,
        origin_source=None, origin_id=None,
    )  # fmt: skip


def create_session(
    tx: Writing,
    project_key: int,
    project_id: bytes,
    title: str | None,
    model: str | None,
    provider: str | None,
    context_size: int | None,
    system_prompt: str | None,
    settings: Mapping[str, Any] | None,
    id: str | None,
    parent_id: str | None,
    relation: Relation | None,
) -> Session:
    raw = to_bytes(id) if id is not None else new_bytes()
    if tx.row("session_exists", id=raw) is not None:
        raise Conflict(f"A session with the id {id} is there already")
    row = new_row(tx, raw, project_key)
    if title is not None:
        row.title, row.title_source = check_title(title), _USER
    row.model = check_optional_name(model, "model")
    row.provider = check_optional_name(provider, "provider")
    row.context_size = _check_size(context_size)
    if parent_id is not None:
        row.parent_id = lookup.session_row(tx, parent_id)[0].id
    row.relation = _relation_number(relation)
    detail = encode_detail(system_prompt, settings or {}, {})
    session_rows.insert(tx, row, detail)
    tx.touch(from_bytes(row.id))
    if tx.max_sessions is not None:
        keep_newest(tx, tx.max_sessions, (project_key,))
    return lookup.session_value(tx, row, project_id)


def _relation_number(relation: str | None) -> int | None:
    if relation is None:
        return None
    if relation not in RELATIONS:
        raise Invalid(f"relation must be one of {', '.join(RELATIONS)}, not {relation!r}", field="relation")
    return RELATIONS.index(relation)


def _check_size(size: int | None) -> int | None:
    if size is not None and (not isinstance(size, int) or not 0 < size < 1 << 40):
        raise Invalid(
            f"context_size must be a whole number of tokens above 0, not {size!r}", field="context_size"
        )
    return size


def encode_detail(
    system_prompt: str | None, settings: Mapping[str, Any], metadata: Mapping[str, Any]
) -> session_rows.Detail:
    prompt = None if system_prompt is None else check_text(system_prompt, "system_prompt")
    if prompt is not None and len(prompt) > MAX_SYSTEM_PROMPT:
        raise Invalid(
            f"system_prompt may have {MAX_SYSTEM_PROMPT} characters, not {len(prompt)}", field="system_prompt"
        )
    return prompt, _encode_mapping(settings, "settings"), _encode_mapping(metadata, "metadata")


def _encode_mapping(value: object, field: str) -> bytes:
    if not isinstance(value, Mapping):
        raise Invalid(f"{field} must be a mapping of names to values", field=field)
    return encode_json(dict(value), field)


def ensure_session(
    tx: Writing, project_key: int, project_id: bytes, model: str | None, provider: str | None
) -> Session:
    for state in (OPEN, EMPTY):
        found = tx.row("newest_open_session", project=project_key, state=state)
        if found is not None:
            return lookup.session_value(tx, lookup.session_row(tx, from_bytes(found[0]))[0], project_id)
    return create_session(
        tx, project_key, project_id, None, model, provider, None, None, None, None, None, None
    )


def get_session(tx: Reading, session_id: str) -> Session:
    row, project_id = lookup.session_row(tx, session_id)
    return lookup.session_value(tx, row, project_id)


def find_session(tx: Reading, text: str) -> Session | None:
    if find_bytes(text) is not None:
        found = lookup.find_session_row(tx, text)
        return lookup.session_value(tx, *found) if found else None
    digits = text.replace("-", "").lower() if isinstance(text, str) else ""
    if not _SHORT_ID <= len(digits) < 32 or not set(digits) <= set("0123456789abcdef"):
        return None
    return _find_by_digits(tx, text, digits)


def _find_by_digits(tx: Reading, text: str, digits: str) -> Session | None:
    low, high = (bytes.fromhex(digits.ljust(32, filler)) for filler in "0f")
    beginning = tx.rows("find_sessions_between", low=low, high=high, actor=tx.actor)
    ending = tx.rows("find_sessions_ending", digits=len(digits), ending=digits, actor=tx.actor)
    found = {columns[1]: columns for columns in (*beginning, *ending)}
    if len(found) > 1:
        names = ", ".join(f"{short(from_bytes(columns[1]))} ({columns[4]})" for columns in found.values())
        raise Invalid(f"{text} fits several sessions: {names}", field="id")
    if not found:
        return None
    return lookup.session_value(tx, *lookup.admitted_session(tx, found.popitem()[1]))


def list_sessions(
    tx: Reading, projects: Mapping[int, str], filter: Filter, after: str | None, limit: int
) -> Page[Session]:
    """Sessions of these projects, which are ids by key."""
    end = _END_OF_TIME
    if after is not None:
        updated_at, text = decode_cursor(after, "s", int, str)
        end = updated_at, to_bytes(text)
    if filter.before is not None:
        end = min(end, (to_ms(filter.before) * 1000, b""))
    parameters = _filter_parameters(filter, end, limit + 1)
    # One project's sessions of one state are a range of an index, newest first.
    ranges = [(key, state) for key in projects for state in _states(filter)]
    found = (
        _read_range(tx, ranges[0], parameters) if len(ranges) == 1 else _read_ranges(tx, ranges, parameters)
    )
    items = listed_sessions(found[:limit], projects, tx.known_sessions)
    if len(found) <= limit:
        return Page(items)
    last = found[limit - 1]
    if (last[_UPDATED_AT], last[_ID]) >= end:
        raise Corrupt(
            "the list of sessions is out of order: its index does not fit its rows; run verify",
            where="session",
        )
    return Page(items, encode_cursor("s", last[_UPDATED_AT], items[-1].id))


def _read_range(tx: Reading, range: tuple[int, int], parameters: dict[str, Any]) -> list[Row]:
    name = "list_sessions_by_tag" if "tag" in parameters else "list_sessions"
    return tx.rows(name, project=range[0], state=range[1], **parameters)


def _read_ranges(tx: Reading, ranges: list[tuple[int, int]], parameters: dict[str, Any]) -> list[Row]:
    """The newest of several ranges: their places first, so that only what is shown is read as a whole."""
    name = "list_session_places_by_tag" if "tag" in parameters else "list_session_places"
    places = list(chain(*(tx.rows(name, project=key, state=state, **parameters) for key, state in ranges)))
    places.sort(reverse=True)
    shown = places[: parameters["limit"]]
    keys = msgspec.json.encode([key for _, _, key in shown]).decode()
    found = {columns[_ID]: columns for columns in tx.rows("list_sessions_at", keys=keys, actor=tx.actor)}
    return [found[id] for _, id, _ in shown if id in found]


def _states(filter: Filter) -> tuple[int, ...]:
    states = _STATES[filter.state or "open"]
    return (*states, EMPTY) if filter.empty and EMPTY not in states else states


def _filter_parameters(filter: Filter, end: tuple[int, bytes], limit: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "updated_at": end[0],
        "id": end[1],
        "limit": limit,
        "model": filter.model,
        "provider": filter.provider,
        "pinned": None if filter.pinned is None else int(filter.pinned),
        "low": -1 if filter.after is None else to_ms(filter.after) * 1000 + 999,
        "only": None if filter.session_id is None else find_bytes(filter.session_id) or b"",
        "tags": json.dumps(filter.tags[1:]),
        "more_tags": len(set(filter.tags[1:])),
    }
    return {**parameters, "tag": filter.tags[0]} if filter.tags else parameters


def update_session(
    tx: Writing,
    session_id: str,
    *,
    title: str | UnsetType,
    title_source: TitleSource,
    model: str | None | UnsetType,
    provider: str | None | UnsetType,
    context_size: int | None | UnsetType,
    system_prompt: str | None | UnsetType,
    settings: Mapping[str, Any] | UnsetType,
    tags: Sequence[str] | UnsetType,
    pinned: bool | UnsetType,
    archived: bool | UnsetType,
    metadata: Mapping[str, Any] | UnsetType,
    project_key: int | None,
    expected_revision: int | None,
) -> Session:
    row, _ = lookup.session_row(tx, session_id, EDITOR)
    if expected_revision is not None and row.revision != expected_revision:
        raise Conflict(
            f"Session {session_id} was changed by somebody else: it has revision {row.revision}, not {expected_revision}"
        )
    if title is not UNSET:
        _retitle(tx, row, title, title_source)
    if model is not UNSET:
        row.model = check_optional_name(model, "model")
        row.token_count = branch.token_count(tx, row, row.head)
    if provider is not UNSET:
        row.provider = check_optional_name(provider, "provider")
    if context_size is not UNSET:
        row.context_size = _check_size(context_size)
    if tags is not UNSET:
        row.tags = session_rows.encode_tags(check_tags(tags))
    if pinned is not UNSET:
        row.pinned = int(pinned)
    if archived is not UNSET:
        row.archived_at = (row.archived_at or tx.now) if archived else None
    if project_key is not None:
        tx.move_indexed(row.key, row.project_key, project_key)
        row.project_key = project_key
    _update_detail(tx, row, system_prompt, settings, metadata)
    row.revision += 1
    session_rows.save(tx, row)
    tx.touch(from_bytes(row.id))
    return get_session(tx, session_id)


def _retitle(tx: Writing, row: SessionRow, title: str, source: TitleSource) -> None:
    if source not in TITLE_SOURCES:
        raise Invalid(
            f"title_source must be one of {', '.join(TITLE_SOURCES)}, not {source!r}", field="title_source"
        )
    checked = check_title(title)
    rank = TITLE_SOURCES.index(source)
    if rank >= row.title_source and (checked, rank) != (row.title, row.title_source):
        session_rows.set_title(tx, row, checked, rank)


def _update_detail(
    tx: Writing,
    row: SessionRow,
    system_prompt: str | None | UnsetType,
    settings: Mapping[str, Any] | UnsetType,
    metadata: Mapping[str, Any] | UnsetType,
) -> None:
    if system_prompt is UNSET and settings is UNSET and metadata is UNSET:
        return
    found = tx.row("find_session_detail", session=row.key)
    prompt, settings_now, metadata_now = found[:3] if found else session_rows.NO_DETAIL
    if system_prompt is not UNSET:
        prompt = encode_detail(system_prompt, {}, {})[0]
    if settings is not UNSET:
        settings_now = _encode_mapping(settings, "settings")
    if metadata is not UNSET:
        metadata_now = _encode_mapping(metadata, "metadata")
    session_rows.put_detail(tx, row, prompt, settings_now, metadata_now)


def clear_session(tx: Writing, session_id: str) -> Session:
    row, project_id = idle_session_row(tx, session_id)
    lookup.check_not_trashed(row)
    if row.head:
        snapshots.take(tx, row, None, "recovery")
    messages.move_head(tx, row, None)
    session_rows.save(tx, row)
    tx.touch(from_bytes(row.id))
    return lookup.session_value(tx, row, project_id)


def fork_session(tx: Writing, session_id: str, leaf_id: str | None | Head, title: str | None) -> Session:
    source, project_id = lookup.session_row(tx, session_id, EDITOR)
    leaf = messages.find_leaf(tx, source, leaf_id)
    fork = new_row(tx, new_bytes(), source.project_key)
    fork.title, fork.title_source = (
        (check_title(title), _USER) if title else (source.title, source.title_source)
    )
    fork.model, fork.provider, fork.context_size = source.model, source.provider, source.context_size
    fork.parent_id, fork.relation = source.id, _relation_number("fork")
    fork.tags = source.tags
    found = tx.row("find_session_detail", session=source.key)
    session_rows.insert(tx, fork, (found[0], found[1], found[2]) if found else session_rows.NO_DETAIL)
    _copy_branch(tx, source, fork, leaf)
    fork.updated_at = tx.content_time()
    session_rows.save(tx, fork, None)
    tx.touch(from_bytes(fork.id))
    return lookup.session_value(tx, fork, project_id)


def _copy_branch(tx: Writing, source: SessionRow, fork: SessionRow, leaf: int) -> None:
    tip = Tip(0, None, None, None)
    for low, high in reversed(branch.ranges(tx, source, leaf)):
        begin: int | None = low
        while begin is not None:
            items, begin = messages.read_forward(
                tx, from_bytes(source.id), begin, high, 500, messages.Parents()
            )
            for message in items:
                if message.status != "streaming":
                    add_message(tx, fork, tip, messages.copy_of(message))


def trash_session(tx: Writing, session_id: str, *, with_project: bool = False) -> Session:
    row, project_id = idle_session_row(tx, session_id)
    if row.trashed_at is None:
        row.trashed_at, row.trashed_with = tx.now, int(with_project)
        session_rows.save(tx, row)
        tx.forget(from_bytes(row.id))
    return lookup.session_value(tx, row, project_id)


def untrash_session(tx: Writing, session_id: str) -> Session:
    row, project_id = lookup.session_row(tx, session_id, EDITOR)
    project = tx.row("find_project_by_key", project=row.project_key)
    if project is not None and project[8] is not None:
        raise Conflict(
            f"The project of session {session_id} is in the trash: take that out first (untrash_project)"
        )
    if row.trashed_at is not None:
        row.trashed_at, row.trashed_with = None, 0
        session_rows.save(tx, row)
        tx.touch(from_bytes(row.id))
    return lookup.session_value(tx, row, project_id)


def purge_session(tx: Writing, session_id: str) -> None:
    row, _ = idle_session_row(tx, session_id, OWNER)
    purge_session_rows(tx, row)


def idle_session_row(tx: Writing, session_id: str, least: int = EDITOR) -> tuple[SessionRow, bytes]:
    """A session in which no turn runs; a draft that nobody writes any more is closed first. Raises `Busy`."""
    lookup.session_row(tx, session_id, least)
    drafts.recover_session(tx, session_id)
    row, project_id = lookup.session_row(tx, session_id, least)
    drafts.check_idle(tx, row)
    return row, project_id


def keep_newest(tx: Writing, count: int, project_keys: Iterable[int]) -> list[str]:
    """Trash open and empty sessions beyond the newest `count`, but for pinned ones and running turns."""
    if not isinstance(count, int) or count < 0:
        raise Invalid(f"count must be a whole number of at least 0, not {count!r}", field="count")
    streams = [
        iter(tx.rows("list_newest", project=key, state=state))
        for key in project_keys
        for state in (OPEN, EMPTY)
    ]
    newest = heapq.merge(*streams, key=lambda columns: (columns[1], columns[0]), reverse=True)
    trashed: list[str] = []
    for id, _, pinned in islice(newest, min(count, sys.maxsize), None):
        row, _ = lookup.session_row(tx, from_bytes(id))
        if not pinned and drafts.is_idle(tx, row):
            trash_session(tx, from_bytes(id))
            trashed.append(from_bytes(id))
    return trashed
