"""SQLite and PostgreSQL find the same, and rank and show it the same."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import palaver
from palaver import NewMessage, Session, Store
from palaver.ids import new_id
from palaver.model import Text, ToolCall
from palaver.storage.search import following
from palaver.store import SessionEnd
from palaver.wire import parse_time
from tests.search.conftest import in_transaction
from tests.search.test_matching import QUERIES, TEXTS, WORDS

TRIED = 150
MOMENTS = [parse_time(f"20{year}-0{month}-01T00:00:00Z") for year in (20, 25) for month in range(1, 9)]
FILTERS = st.sampled_from(
    ["", "", "", "", " role:user", " has:tool", " before:2021-01-01", " branch:shown", " in:any"]
)
PROJECT = new_id()
Pair = tuple[Store, Store]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgres_databases: Any) -> Iterator[Pair]:
    """The same conversations on either."""
    path = tmp_path_factory.mktemp("parity") / "palaver.db"
    with (
        postgres_databases.fresh() as url,
        palaver.open_store(str(path)) as one,
        palaver.open_store(url) as other,
    ):
        for store in (one, other):
            store.create_project("Both", id=PROJECT)
        yield one, other


@st.composite
def messages(draw: st.DrawFn) -> NewMessage:
    text = draw(TEXTS)
    make = draw(st.sampled_from([palaver.user, palaver.assistant]))
    call = [Text(text), ToolCall("1", "fooBar", {"at": draw(TEXTS)})]
    fields: dict[str, Any] = {"parts": call} if draw(st.booleans()) and text else {}
    body = "" if fields else text or "a"
    message: NewMessage = make(body, id=new_id(), created_at=draw(st.sampled_from(MOMENTS)), **fields)
    return message


@settings(max_examples=TRIED, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    title=st.lists(WORDS, min_size=1, max_size=4).map(" ".join),
    said=st.lists(messages(), min_size=1, max_size=5),
    gone=st.integers(0, 8),
    indexed=st.integers(0, 12),
    query=QUERIES,
    narrowed=FILTERS,
    limit=st.integers(1, 200),
)
def test_either_finds_the_same_in_the_same_order(  # noqa: PLR0917
    pair: Pair,
    title: str,
    said: list[NewMessage],
    gone: int,
    indexed: int,
    query: str,
    narrowed: str,
    limit: int,
) -> None:
    ids = new_id()
    for store in pair:
        session = Session(
            id=ids,
            project_id=PROJECT,
            title=title,
            title_source="user",
            created_at=MOMENTS[-1],
            updated_at=MOMENTS[-1],
        )
        store.import_records([session, SessionEnd(session)])
        stored = store.append(ids, *said)
        for message in stored[:gone:3]:
            store.trash_message(message.id)
            if gone % 2:
                store.purge_message(message.id)
        in_transaction(store, lambda tx: following.index_batch(tx, indexed))
    one, other = (shown(store, query + narrowed, limit) for store in pair)
    assert one == other


def shown(store: Store, query: str, limit: int) -> list[Any]:
    page = store.search(query, limit=limit)
    assert not page.cut
    return [page.next_cursor, *page.items]
