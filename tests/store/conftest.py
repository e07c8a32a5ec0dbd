"""Every test of this folder runs on every database, through `Store` and through `AsyncStore`.

A further database joins by a line in `database_url`.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from palaver import AsyncStore, Store
from tests.conftest import OpenStore
from tests.support.driver import Loop, drive
from tests.support.sound import fill


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return str(tmp_path / "palaver.db")


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


@pytest.fixture(params=["store", "async_store"])
def open_store(open_database: OpenStore, loop: Loop, request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """Opens one more handle on the test's database, spoken to directly or through `AsyncStore`."""
    with ExitStack() as opened:

        def open_one(**options: Any) -> Store:
            store = open_database(**options)
            return store if request.param == "store" else opened.enter_context(drive(AsyncStore(store), loop))

        yield open_one


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()


@pytest.fixture
def stranger(store: Store) -> Store:
    """The same database for an actor who owns nothing in it."""
    return store.as_actor("stranger")


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a sound, closed SQLite database with something of everything in it."""
    path = tmp_path_factory.mktemp("sound") / "palaver.db"
    fill(path)
    return path.read_bytes()


@pytest.fixture
def path(sound: bytes, tmp_path: Path) -> Path:
    """Where a copy of the sound database lies."""
    path = tmp_path / "palaver.db"
    path.write_bytes(sound)
    return path
