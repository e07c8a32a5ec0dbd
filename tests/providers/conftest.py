"""A real model server, a scripted one, and what is asked of both."""

from collections.abc import Iterator

import pytest

from palaver.providers.openai import OpenAIProvider
from palaver.providers.transport import Timeouts
from tests.support import llama, scripted
from tests.support.scripted import ScriptedServer


@pytest.fixture(scope="session")
def llama_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where llama.cpp answers with the tiny model, without `/v1`."""
    with llama.serve(tmp_path_factory.mktemp("llama")) as address:
        yield address


@pytest.fixture
def llama_provider(llama_address: str) -> OpenAIProvider:
    return OpenAIProvider("llama", llama_address)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted.serve() as server:
        yield server


@pytest.fixture
def provider(server: ScriptedServer) -> OpenAIProvider:
    """The scripted server; two seconds without a byte are a stall."""
    return OpenAIProvider("scripted", server.address, timeouts=Timeouts(connect=2, stall=2))
