"""Fixtures for every test: a home of its own, databases that are closed when it ends, a word on how often was tried."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import palaver
from palaver import Store
from tests.support import postgres

hypothesis.settings.register_profile("every_run", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("every_run")

OpenStore = Callable[..., Store]
HOMES = (
    "HOME",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "APPDATA",
    "LOCALAPPDATA",
)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, so that no test finds or touches what belongs to the person who runs it."""
    folder = tmp_path_factory.mktemp("home")
    for name in HOMES:
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """An address where no database is yet."""
    return str(tmp_path / "palaver.db")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server; each process of a test run has one of its own."""
    with postgres.serve() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Iterator[postgres.Databases]:
    with closing(postgres.Databases(postgres_server)) as databases:
        yield databases


@pytest.fixture
def postgres_url(postgres_databases: postgres.Databases) -> Iterator[str]:
    """The address of a database on PostgreSQL with Palaver's tables, which are empty."""
    with postgres_databases.fresh() as url:
        yield url


@pytest.fixture
def open_database(database_url: str) -> Iterator[OpenStore]:
    """Opens one more handle on the test's database; options are those of `open_store`."""
    with ExitStack() as opened:

        def open_one(**options: Any) -> Store:
            return opened.enter_context(palaver.open_store(database_url, **options))

        yield open_one


@pytest.fixture
def store(open_database: OpenStore) -> Store:
    """An empty store for the actor `local`."""
    return open_database()


Tried = Callable[[str], None]


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Tried:
    """Takes down how often something was tried, for the end of the run."""
    return lambda text: record_property("tried", text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    said = [value for report in reports for name, value in report.user_properties if name == "tried"]
    if said:
        terminalreporter.section("tried")
        for text in said:
            terminalreporter.line(str(text))
