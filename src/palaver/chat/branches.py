"""Stored branches backwards, read page by page as far as somebody asks."""

from collections.abc import Iterator, Sequence

from palaver.context.prompt import Branch, Stored
from palaver.model import Message, NewMessage
from palaver.store import HEAD, Head, Store

_PAGE = 50
_PEEK = 4
"""Read first behind a checkpoint: mostly the one before it is the next."""


def newest_first(
    store: Store, session_id: str, leaf_id: str | None | Head = HEAD, *, first: int = _PAGE
) -> Iterator[Message]:
    """The messages of the branch that ends in `leaf_id`, the newest first; `first` are read at once, then pages."""
    cursor: str | None = None
    limit = first
    while True:
        page = store.list_messages(session_id, leaf_id=leaf_id, before=cursor, limit=limit)
        yield from reversed(page.items)
        if page.next_cursor is None:
            return
        cursor, limit = page.next_cursor, _PAGE


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
        leaf, first = (leaf_id, _PAGE) if before is None else (before, _PEEK)
        for message in newest_first(store, session_id, leaf, first=first):
            if message.id != before and message.id not in ids:
                yield message

    return backwards
