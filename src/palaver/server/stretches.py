"""A stretch of a branch, with what leads on from it in both directions."""

from dataclasses import dataclass

from palaver.aio import AsyncStore
from palaver.errors import Invalid
from palaver.model import Message, Page
from palaver.store import Head


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages, oldest first. `older` is to be passed as `before`, `newer` as `after`; None at that end of the branch."""

    messages: list[Message]
    older: str | None
    newer: str | None


async def read_stretch(
    store: AsyncStore,
    session_id: str,
    leaf_id: str | Head,
    *,
    before: str | None,
    after: str | None,
    around: str | None,
    limit: int,
) -> Stretch:
    """The newest `limit`, or those before or after a message, or around it. Raises `Invalid` for more than one of these."""
    if sum(one is not None for one in (before, after, around)) > 1:
        raise Invalid("give one of before, after and around", field="around" if around else "after")
    if around is not None:
        return await _around(store, session_id, leaf_id, around, limit)
    page = await store.list_messages(session_id, leaf_id=leaf_id, before=before, after=after, limit=limit)
    if after is None:
        newer = page.items[-1].id if before is not None and page.items else None
        return Stretch(page.items, page.next_cursor, newer)
    return Stretch(page.items, page.items[0].id if page.items else None, page.next_cursor)


async def _around(
    store: AsyncStore, session_id: str, leaf_id: str | Head, around: str, limit: int
) -> Stretch:
    older = await store.list_messages(session_id, before=around, limit=max(1, limit // 2))
    message = await store.get_message(around)
    shown = [message] if message.trashed_at is None and message.purged_at is None else []
    newer = await _newer(store, session_id, leaf_id, around, max(1, limit - limit // 2 - 1))
    return Stretch([*older.items, *shown, *newer.items], older.next_cursor, newer.next_cursor)


async def _newer(
    store: AsyncStore, session_id: str, leaf_id: str | Head, around: str, limit: int
) -> Page[Message]:
    try:
        return await store.list_messages(session_id, leaf_id=leaf_id, after=around, limit=limit)
    except Invalid:  # it is on another branch than the shown one: that ends with it
        if not isinstance(leaf_id, Head):
            raise
        return Page([])
