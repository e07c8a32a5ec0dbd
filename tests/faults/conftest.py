"""Bounded, long, or for so many minutes."""

import itertools
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Tried
from tests.faults.__main__ import OPTION
from tests.faults.talking import NAME, Ready, make_ready
from tests.faults.tries import Tries
from tests.support.postgres import Databases

_SECONDS = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, type=float, default=None, help="share so many minutes among the long fault runs")


@pytest.hookimpl(trylast=True)  # when what else was asked for has been left out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where minutes are given: the long form of what can be bounded by time, the bounded form of the rest."""
    minutes = config.getoption(OPTION, default=None)
    if minutes is None:
        return
    kept = [item for item in items if _is_long(item) == _is_bounded_by_time(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
    sharing = sum(map(_is_bounded_by_time, kept)) or 1
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    config.stash[_SECONDS] = minutes * 60 * workers / sharing


def _is_long(item: pytest.Item) -> bool:
    return item.get_closest_marker("long") is not None


def _is_bounded_by_time(item: pytest.Item) -> bool:
    return "tries" in getattr(item, "fixturenames", ())


@pytest.fixture
def tries(request: pytest.FixtureRequest, tried: Tried) -> Tries:
    """How often this test tries; see `at_most`."""
    number: Any = request.param
    return Tries(number, tried, request.config.stash.get(_SECONDS, None))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The same for the same test, every time."""
    return random.Random(request.node.name)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    """A closed database with four sessions in it."""
    return make_ready(tmp_path_factory.mktemp("ready") / NAME)


NewDatabase = Callable[[], AbstractContextManager[str]]


@pytest.fixture(params=["sqlite", "postgres"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    """Gives the address of another database without conversations each time, for the time of a block."""
    if request.param == "postgres":
        databases: Databases = request.getfixturevalue("postgres_databases")
        return databases.fresh
    numbers = itertools.count()
    return lambda: nullcontext(str(tmp_path / f"{next(numbers)}.db"))
