"""Values from rows: messages and sessions as they are read, fifty at a time.

Most rows have nothing in most columns. They are made by a call that leaves those out: one with more than 15 names costs
five times as much in CPython, because it goes by way of a dict.
"""

import json
from functools import lru_cache

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
)
from palaver.storage.rows import BROKEN, decode_parts, time_of
from palaver.storage.transaction import POSITION_MASK, Row


def message_value(row: Row, session_id: str, parent_id: str | None) -> Message:
    """A message from its columns. Raises `Corrupt` where they do not make one."""
    (ref, id, _, _, role, status, _, in_context, created_at, trashed_at, purged_at, digest, match_key, _,
     model, provider, usage, error, metadata, _, source_id, body) = row  # fmt: skip
    try:
        if type(body) is not str or not (
            usage is error is metadata is source_id is trashed_at is purged_at is None
        ):
            return full_message_value(row, session_id, parent_id)
        return Message(
            id=from_bytes(id),
            session_id=session_id,
            parent_id=parent_id,
            position=ref & POSITION_MASK,
            role=ROLES[role],
            parts=(Text(body),),
            status=STATUSES[status],
            in_context=in_context == 1,
            model=model,
            provider=provider,
            digest="b2:" + digest.hex()[2:] if digest else None,
            match_key="b2:" + match_key.hex() if match_key else None,
            created_at=Time.from_ms(created_at),
        )
    except BROKEN as exc:
        where = f"message {ref & POSITION_MASK} of session {session_id}"
        raise Corrupt(f"{where} cannot be read: {exc}", where=where) from exc


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
    """A session from what the query fragment `session_value` has."""
    (id, title, title_source, model, provider, context_size, tags, pinned, archived_at, trashed_at, head_id,
     message_count, token_count, compression_count, parent_id, relation, created_at, updated_at, revision,
     _, source_id, _, _, settings, _) = row  # fmt: skip
    try:
        if not (
            context_size
            is archived_at
            is trashed_at
            is parent_id
            is relation
            is source_id
            is settings
            is None
        ):
            return full_session_value(row, project_id)
        return Session(
            id=from_bytes(id),
            project_id=project_id,
            title=title,
            title_source=TITLE_SOURCES[title_source],
            model=model,
            provider=provider,
            tags=_tags(tags) if tags else (),
            pinned=pinned == 1,
            head_id=from_bytes(head_id) if head_id else None,
            message_count=message_count,
            token_count=token_count,
            compression_count=compression_count,
            created_at=Time.from_ms(created_at),
            updated_at=Time.from_ms(updated_at // 1000),
            revision=revision,
        )
    except BROKEN as exc:
        where = f"session {id.hex() if isinstance(id, bytes) else id}"
        raise Corrupt(f"{where} cannot be read: {exc}", where=where) from exc


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
