"""Engines on a real store and a scripted model server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from palaver import Session, Store
from palaver.chat.engine import Engine
from palaver.providers.base import Provider
from palaver.providers.openai import OpenAIProvider
from palaver.providers.transport import Timeouts
from tests.conftest import OpenStore
from tests.support.scripted import ScriptedServer
from tests.support.servers import llama_address, server

__all__ = ["llama_address", "server"]

MakeEngine = Callable[..., Engine]


@pytest.fixture
def provider(server: ScriptedServer) -> Provider:
    return OpenAIProvider("scripted", server.address, timeouts=Timeouts(connect=2, stall=5))


@pytest.fixture
def make_engine(open_database: OpenStore, provider: Provider) -> Iterator[MakeEngine]:
    """Engines that end with the test; without a store named, on a handle of their own, as in another process."""
    with ExitStack() as running:

        def make(store: Store | None = None, *providers: Provider, **more: Any) -> Engine:
            engine = Engine(store or open_database(), providers or [provider], retry_seconds=0.05, **more)
            return running.enter_context(closing(engine))

        yield make


@pytest.fixture
def engine(make_engine: MakeEngine, store: Store) -> Engine:
    return make_engine(store)


@pytest.fixture
def session(store: Store) -> Session:
    return store.create_session(model="scripted", provider="scripted")
