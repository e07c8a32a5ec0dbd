"""Fixtures for search: an index of its own for the exact parts, and stores searched before and after indexing."""

from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import apsw
import pytest

from palaver import Store
from palaver.storage.search import following
from palaver.storage.sqlite import relevance
from palaver.storage.sqlite.transaction import ReadTransaction, WriteTransaction

Settle = Callable[[Store], None]


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    """An empty database in memory, ready to be searched."""
    steps = files("palaver.storage") / "migrations" / "sqlite"
    with closing(apsw.Connection(":memory:")) as connection:
        for step in sorted(steps.iterdir(), key=lambda file: file.name):
            connection.execute(step.read_text("utf-8"))
        relevance.prepare(connection)
        yield connection


@pytest.fixture
def tx(connection: apsw.Connection) -> ReadTransaction:
    return ReadTransaction(connection, "system")


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of SQLite, unless a module says that it is for both."""
    if getattr(request, "param", "sqlite") == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return str(tmp_path / "palaver.db")


on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)


def in_transaction(store: Store, work: Callable[[WriteTransaction], Any]) -> Any:
    """What the work returns, done as the store itself would do it."""
    return store._database.write("system", work)  # type: ignore[attr-defined]


def catch_up(store: Store) -> None:
    """Index everything there is."""
    while in_transaction(store, lambda tx: following.index_batch(tx, 1_000)):
        pass


@pytest.fixture(params=["tail", "index"])
def settle(request: pytest.FixtureRequest) -> Settle:
    """Called before a search: what was stored is still the tail, or is in the index."""
    return catch_up if request.param == "index" else lambda store: None
