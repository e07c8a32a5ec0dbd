"""Providers on the model servers that tests have."""

import pytest

from palaver.providers.openai import OpenAIProvider
from palaver.providers.transport import Timeouts
from tests.support.scripted import ScriptedServer
from tests.support.servers import llama_address, server

__all__ = ["llama_address", "server"]


@pytest.fixture
def llama_provider(llama_address: str) -> OpenAIProvider:
    return OpenAIProvider("llama", llama_address)


@pytest.fixture
def provider(server: ScriptedServer) -> OpenAIProvider:
    """The scripted server; two seconds without a byte are a stall."""
    return OpenAIProvider("scripted", server.address, timeouts=Timeouts(connect=2, stall=2))
