"""Stored branches backwards, read page by page as far as somebody asks."""

from collections.abc import Iterator, Sequence

from palaver.context.prompt import Branch, Stored
from palaver.model import Message, NewMessage
from palaver.store import HEAD, Head, Store

_PAGE = 50


def newest_first(store: Store, session_id: str, leaf_id: str | None | Head = HEAD) -> Iterator[Message]:
    """The messages of the branch that ends in `leaf_id`, the newest first."""
    cursor: str | None = None
    while True:
        page = store.list_messages(session_id, leaf_id=leaf_id, before=cursor, limit=_PAGE)
        yield from reversed(page.items)
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def is_answering(store: Store, session_id: str) -> bool:
    """Whether an answer is being written where the session is shown, by whichever process."""
    head_id = store.get_session(session_id).head_id
    return head_id is not None and store.get_message(head_id).status == "streaming"


def branch(
    store: Store, session_id: str, leaf_id: str | None | Head, unsaved: Sequence[NewMessage] = ()
) -> Branch:
    """The same for a prompt; `unsaved` are messages that follow and are not stored yet, oldest first."""
    ids = {message.id for message in unsaved}

    def backwards(before: str | None) -> Iterator[Stored]:
        if before is None:
            yield from reversed(unsaved)
        for message in newest_first(store, session_id, leaf_id if before is None else before):
            if message.id != before and message.id not in ids:
                yield message

    return backwards
