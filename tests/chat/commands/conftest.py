"""A chat's context on a real store and a scripted model server, and what its commands reply."""

from collections.abc import Iterator
from typing import TypeVar

import pytest

from palaver import SessionManager, Store
from palaver.chat.commands import Context, Failed, Said, run_command
from palaver.chat.engine import Engine
from palaver.providers.base import Provider
from palaver.providers.demo import DemoProvider
from palaver.settings import ModeSettings
from tests.chat.conftest import MakeEngine

R = TypeVar("R")

MODES = (
    ModeSettings(name="plan", description="Think first.", system_prompt="Only plan.", temperature=0.1),
    ModeSettings(name="code", system_prompt="Write code.", tools=("files__*", "web__look")),
)


@pytest.fixture
def engine(make_engine: MakeEngine, store: Store, provider: Provider) -> Engine:
    return make_engine(store, provider, DemoProvider(delay=0))


@pytest.fixture
def context(store: Store, engine: Engine) -> Iterator[Context]:
    manager = SessionManager(store, "scripted", provider="scripted")
    yield Context(store, engine, manager, modes=MODES)
    manager.close()


def said(context: Context, line: str) -> str:
    """What is said to a line that succeeds."""
    return replied(context, line, Said).text


def failed(context: Context, line: str) -> str:
    """Why a line fails."""
    return replied(context, line, Failed).text


def replied(context: Context, line: str, kind: type[R]) -> R:
    reply = run_command(context, line)
    assert isinstance(reply, kind), reply
    return reply
