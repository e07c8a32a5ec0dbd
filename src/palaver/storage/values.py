"""Values from rows: messages and sessions as they are read, fifty at a time.

Most rows have nothing in most columns. They are made by a call that leaves those out: one with more than 15 names costs
five times as much in CPython, because it goes by way of a dict. Pages are made in one loop, because a call for each id
and each time would take as long as all the rest.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from functools import lru_cache
from typing import Any

import msgspec

from palaver.errors import Corrupt
from palaver.ids import from_bytes
from palaver.model import (
    RELATIONS,
    ROLES,
    STATUSES,
    TITLE_SOURCES,
    Message,
    Origin,
    Session,
    Text,
    Time,
    Usage,
    minute_fields,
)
from palaver.storage.rows import BROKEN, STREAMING, decode_parts, readable, time_of
from palaver.storage.transaction import POSITION_MASK, Known, Row

_PROJECT_KEY, _GUARD = 21, 25  # their places in the query fragment `session_value`, and behind it
_MOST_KNOWN = 2_000


def message_value(row: Row, session_id: str, parent_id: str | None) -> Message:
    """A message from its columns. Raises `Corrupt` where they do not make one."""

    def other(row: Row) -> Message:
        return _full_message(row, session_id, parent_id)

    return message_values((row,), session_id, row[2], parent_id, other)[0]


def message_values(
    rows: Iterable[Row],
    session_id: str,
    position: int,
    parent_id: str | None,
    other: Callable[[Row], Message],
) -> list[Message]:
    """Messages of a session, the first of them below the one with this position and id, if that is its parent.

    `other` makes a draft, and what does not follow the row before it. Raises `Corrupt`.
    """
    items: list[Message] = []
    last: int | None = None
    year = month = day = hour = minute = 0
    for row in rows:
        (ref, id, parent, _, role, status, _, in_context, created_at, trashed_at, purged_at, digest, match_key, _,
         model, provider, usage, error, metadata, _, source_id, body) = row  # fmt: skip
        if parent != position or status == STREAMING:
            message = other(row)
        elif type(body) is not str or not (
            usage is error is metadata is source_id is trashed_at is purged_at is None
        ):
            message = _full_message(row, session_id, parent_id)
        else:
            message = None
        if message is not None:
            items.append(message)
            position, parent_id = message.position, message.id
            continue
        try:
            number, rest = divmod(created_at, 60_000)
            if number != last:
                last, (year, month, day, hour, minute) = number, minute_fields(number)
            digits = id.hex()
            text = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
            position = ref & POSITION_MASK
            items.append(
                Message(
                    id=text,
                    session_id=session_id,
                    parent_id=parent_id,
                    position=position,
                    role=ROLES[role],
                    parts=(Text(body),),
                    status=STATUSES[status],
                    in_context=in_context == 1,
                    model=model,
                    provider=provider,
                    digest="b2:" + digest.hex()[2:] if digest else None,
                    match_key="b2:" + match_key.hex() if match_key else None,
                    created_at=Time(year, month, day, hour, minute, rest // 1000, rest % 1000 * 1000, UTC),
                )
            )
        except BROKEN as exc:
            where = f"message {ref & POSITION_MASK} of session {session_id}"
            raise Corrupt(f"{where} cannot be read: {exc}", where=where) from exc
        parent_id = text
    return items


def _full_message(row: Row, session_id: str, parent_id: str | None) -> Message:
    """The same for any row."""
    where = f"message {row[0] & POSITION_MASK} of session {session_id}"
    with readable(where):
        return full_message_value(row, session_id, parent_id)


def full_message_value(row: Row, session_id: str, parent_id: str | None) -> Message:
    """The same for any row; raises whatever a broken one leads to."""
    (ref, id, _, _, role, status, _, in_context, created_at, trashed_at, purged_at, digest, match_key, _,
     model, provider, usage, error, metadata, source, source_id, body) = row  # fmt: skip
    return Message(
        id=from_bytes(id),
        session_id=session_id,
        parent_id=parent_id,
        position=ref & POSITION_MASK,
        role=ROLES[role],
        parts=(Text(body),) if type(body) is str else decode_parts(body),
        status=STATUSES[status],
        error=error,
        in_context=in_context == 1,
        model=model,
        provider=provider,
        usage=msgspec.json.decode(usage, type=Usage) if usage else None,
        digest="b2:" + digest[1:].hex() if digest else None,
        match_key="b2:" + match_key.hex() if match_key else None,
        created_at=Time.from_ms(created_at),
        trashed_at=time_of(trashed_at),
        purged_at=time_of(purged_at),
        metadata=json.loads(metadata) if metadata else {},
        origin=None if source_id is None else Origin(source=source, id=source_id),
    )


def session_value(row: Row, project_id: str) -> Session:
    """A session from what the query fragment `session_value` has. Raises `Corrupt` where that makes none."""
    with readable(_name(row[0])):
        if _is_plain_session(row):
            return Session(**_session_arguments(row, project_id))
        return full_session_value(row, project_id)


def listed_sessions(rows: Iterable[Row], projects: Mapping[int, str], known: Known) -> list[Session]:
    """Sessions of these projects, which are ids by key, from such rows with their check value behind.

    A list is asked for again and again, and most of its sessions are as they were. Raises `Corrupt`.
    """
    items: list[Session] = []
    for row in rows:
        key = row[_GUARD], row[0]
        arguments = known.get(key)
        if arguments is None:
            project_id = projects[row[_PROJECT_KEY]]
            if not _is_plain_session(row):
                items.append(session_value(row[:_GUARD], project_id))
                continue
            with readable(_name(row[0])):
                arguments = _session_arguments(row, project_id)
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[key] = arguments
        items.append(Session(**arguments))
    return items


def _is_plain_session(row: Row) -> bool:
    """Whether what `_session_arguments` leaves out is not there."""
    _, _, _, _, _, size, _, _, archived_at, trashed_at, _, _, _, _, parent_id, relation = row[:16]
    return size is archived_at is trashed_at is parent_id is relation is row[20] is row[23] is None


def _session_arguments(row: Row, project_id: str) -> dict[str, Any]:
    (id, title, title_source, model, provider, _, tags, pinned, _, _, head_id, message_count, token_count,
     compression_count, _, _, created_at, updated_at, revision) = row[:19]  # fmt: skip
    return {
        "id": from_bytes(id),
        "project_id": project_id,
        "title": title,
        "title_source": TITLE_SOURCES[title_source],
        "model": model,
        "provider": provider,
        "tags": _tags(tags) if tags else (),
        "pinned": pinned == 1,
        "head_id": from_bytes(head_id) if head_id else None,
        "message_count": message_count,
        "token_count": token_count,
        "compression_count": compression_count,
        "created_at": Time.from_ms(created_at),
        "updated_at": Time.from_ms(updated_at // 1000),
        "revision": revision,
    }


def _name(id: Any) -> str:
    return f"session {id.hex() if isinstance(id, bytes) else id}"


def full_session_value(row: Row, project_id: str) -> Session:
    """The same for any row; raises whatever a broken one leads to."""
    (id, title, title_source, model, provider, context_size, tags, pinned, archived_at, trashed_at, head_id,
     message_count, token_count, compression_count, parent_id, relation, created_at, updated_at, revision,
     source, source_id, _, system_prompt, settings, metadata) = row  # fmt: skip
    return Session(
        id=from_bytes(id),
        project_id=project_id,
        title=title,
        title_source=TITLE_SOURCES[title_source],
        model=model,
        provider=provider,
        context_size=context_size,
        system_prompt=system_prompt,
        settings=json.loads(settings) if settings else {},
        tags=_tags(tags) if tags else (),
        pinned=pinned == 1,
        archived_at=time_of(archived_at),
        trashed_at=time_of(trashed_at),
        head_id=from_bytes(head_id) if head_id else None,
        message_count=message_count,
        token_count=token_count,
        compression_count=compression_count,
        parent_id=from_bytes(parent_id) if parent_id else None,
        relation=None if relation is None else RELATIONS[relation],
        created_at=Time.from_ms(created_at),
        updated_at=Time.from_ms(updated_at // 1000),
        revision=revision,
        metadata=json.loads(metadata) if metadata else {},
        origin=None if source_id is None else Origin(source=source, id=source_id),
    )


@lru_cache(1024)
def _tags(tags: str) -> tuple[str, ...]:
    return tuple(json.loads(tags))
