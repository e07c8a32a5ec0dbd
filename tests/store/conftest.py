"""Every test of this folder runs on every database, through `Store` and through `AsyncStore`.

A further database joins by a line in `database_url`.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from palaver import AsyncStore, Store
from tests.conftest import OpenStore
from tests.support import postgres
from tests.support.driver import Loop, drive
from tests.support.sound import fill

OF_THE_WHEEL = {"postgres 16": 0, "postgres 18": 1}


@pytest.fixture(
    params=["sqlite", "postgres", *(pytest.param(name, marks=pytest.mark.long) for name in OF_THE_WHEEL)]
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param in OF_THE_WHEEL:
        databases: WheelDatabases = request.getfixturevalue("wheel_databases")
        with databases(OF_THE_WHEEL[request.param]).fresh() as url:
            yield url
    elif request.param == "postgres":
        yield request.getfixturevalue("postgres_url")
    else:
        yield str(tmp_path / "palaver.db")


WheelDatabases = Callable[[int], postgres.Databases]


@pytest.fixture(scope="session")
def wheel_databases() -> Iterator[WheelDatabases]:
    """Databases of the wheel's servers, each started when it is first asked for."""
    with ExitStack() as running:

        @cache
        def start(place: int) -> postgres.Databases:
            url = running.enter_context(postgres.serve(binaries=postgres.of_the_wheel()[place]))
            return running.enter_context(closing(postgres.Databases(url)))

        yield start


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
