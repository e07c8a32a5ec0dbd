"""Model servers as fixtures, for the folders that talk to one."""

from collections.abc import Iterator

import pytest

from tests.support import llama, scripted
from tests.support.scripted import ScriptedServer


@pytest.fixture(scope="session")
def llama_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where llama.cpp answers with the tiny model, without `/v1`."""
    with llama.serve(tmp_path_factory.mktemp("llama")) as address:
        yield address


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A model server that does what the test tells it."""
    with scripted.serve() as server:
        yield server
