"""Servers over empty stores: a person's own, and a team's on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import palaver
from palaver import Store
from tests.support import scripted
from tests.support.http import Team, local_server, team_server
from tests.support.scripted import ScriptedServer


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    """Speaks to a local server over `store`, with its token."""
    with local_server(store, tmp_path) as client:
        yield client


@pytest.fixture(params=["sqlite", "postgres"])
def team_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once on each kind."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return str(tmp_path / "palaver.db")


@pytest.fixture
def team(team_url: str, tmp_path: Path) -> Iterator[Team]:
    """A team's server over an empty database."""
    with palaver.open_store(team_url) as store, team_server(store, tmp_path) as team:
        yield team


@pytest.fixture(scope="module")
def model_server() -> Iterator[ScriptedServer]:
    with scripted.serve() as server:
        yield server


@pytest.fixture
def model(model_server: ScriptedServer) -> ScriptedServer:
    """It says what the test tells it."""
    model_server.scripts.clear()
    model_server.requests.clear()
    return model_server
