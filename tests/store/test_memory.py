"""Reading takes a bounded amount of memory, however long the conversation is."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest

from palaver import Message, Store
from tests.support.factories import a_question

COUNT = 6_000
BODY = "x" * 4_000
BOUND = 6_000_000
"""Bytes, a quarter of what the bodies take."""

Read = Callable[[Store, str], Iterable[Message]]


@pytest.fixture
def session(store: Store) -> str:
    made = store.create_session().id
    for _ in range(0, COUNT, 500):
        store.append(made, *[a_question(BODY) for _ in range(500)])
    return made


def pages(store: Store, session_id: str) -> Iterator[Message]:
    before = None
    while True:
        page = store.list_messages(session_id, before=before, limit=200)
        yield from reversed(page.items)
        before = page.next_cursor
        if before is None:
            return


READERS: dict[str, Read] = {
    "messages": lambda store, session: store.messages(session),
    "tree": lambda store, session: store.tree(session),
    "list_messages": pages,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_long_conversation_is_read_in_bounded_memory(store: Store, session: str, reader: str) -> None:
    tracemalloc.start()
    try:
        assert sum(1 for _ in READERS[reader](store, session)) == COUNT
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BOUND
