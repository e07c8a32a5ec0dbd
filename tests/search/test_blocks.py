"""A search that is narrowed to a time or a kind passes over changes in which nothing fits, and over nothing else."""

from datetime import timedelta
from typing import Any

import pytest

import palaver
from palaver import Store
from palaver.model import Time
from palaver.storage.search.blocks import Run, _few, _joined
from palaver.wire import parse_time
from tests.search.conftest import catch_up, in_transaction, on_both

FIRST = parse_time("2020-01-01T00:00:00Z")
MANY = 4_200


@pytest.fixture
def archive(store: Store) -> Store:
    """One message a day, all about Oslo; the 100th and the 3,000th with a call."""
    session = store.create_session(title="Days")
    said = [
        palaver.user(f"oslo {number}", created_at=Time.of(FIRST + timedelta(days=number)))
        for number in range(MANY)
    ]
    for number in (100, 3_000):
        call = [palaver.Text(f"oslo {number}"), palaver.ToolCall("1", "look", {})]
        moment = Time.of(FIRST + timedelta(days=number))
        said[number] = palaver.assistant("", parts=call, created_at=moment)
    for start in range(0, MANY, 600):
        store.append(session.id, *said[start : start + 600])
    catch_up(store)
    return store


def days(store: Store, query: str) -> list[int]:
    page = store.search(query, limit=200)
    assert not page.cut
    return sorted(int(hit.snippet.split()[1]) for hit in page.items)


EXPECTED = {
    "oslo before:2020-01-11": [*range(10)],
    "oslo after:2024-01-01 before:2024-01-11": [*range(1_462, 1_471)],
    "oslo after:2031-06-25": [*range(4_194, MANY)],
    "oslo before:2019-01-01": [],
    "oslo has:tool ": [100, 3_000],
    "oslo has:file ": [],
    "oslo role:assistant ": [100, 3_000],
    "oslo role:tool ": [],
    "oslo has:tool before:2021-01-01": [100],
}


@on_both
def test_what_fits_is_found_wherever_it_is(archive: Store) -> None:
    # One archive for all of them: it takes longer to make than to search.
    assert {query: days(archive, query) for query in EXPECTED} == EXPECTED


HARMS = [
    "DELETE FROM text_block",
    "UPDATE text_block SET newest = newest - 1",
    "UPDATE text_block SET kinds = 0",
]


@on_both
@pytest.mark.parametrize("harm", HARMS)
def test_a_block_that_says_too_little_is_found_out_and_mended(store: Store, harm: str) -> None:
    store.append(store.create_session(title="Days").id, palaver.user("oslo"))
    catch_up(store)

    def spoil(tx: Any) -> None:
        tx.connection.execute(harm if "Sqlite" in type(store).__name__ else harm.encode())

    in_transaction(store, spoil)
    assert [problem.kind for problem in store.verify(repair=True).problems] == ["blocks_differ"]
    assert store.verify().problems == []


def test_neighbours_are_joined() -> None:
    assert _joined([9, 8, 7, 5, 3, 2]) == [(7, 9), (5, 5), (2, 3)]


def test_what_is_too_much_to_go_through_one_by_one_loses_its_smallest_gaps() -> None:
    close: list[Run] = [(block, block) for block in range(2_000, 1_000, -2)]
    few = _few([*close, (10, 12)])
    assert few == [(1_002, 2_000), (10, 12)]
