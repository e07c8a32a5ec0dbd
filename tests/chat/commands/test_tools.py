"""Tools: which there are, what they may do, and taking that back."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from palaver import SessionManager, Store
from palaver.chat.commands import Context, Failed, Said, ToolServers, run_command
from palaver.chat.engine import Engine
from palaver.chat.modes import change_mode
from palaver.providers.base import Provider
from palaver.settings import ModeSettings
from palaver.tools.base import Trouble
from tests.chat.commands.conftest import failed, replied, said
from tests.chat.tools import Toolkit, add, fail

KEPT = "tools/kit/add"


@pytest.fixture
def toolkit() -> Toolkit:
    return Toolkit(allow="ask", add=add, fail=fail)


@pytest.fixture
def with_tools(store: Store, provider: Provider, toolkit: Toolkit) -> Iterator[Context]:
    with closing(Engine(store, [provider], toolbox=toolkit)) as engine:
        manager = SessionManager(store, "scripted", provider="scripted")
        yield Context(store, engine, manager, toolbox=toolkit)
        manager.close()


def allowed(context: Context) -> dict[str, str]:
    [server] = replied(context, "/tools", ToolServers).servers
    return {tool.name: tool.allowed for tool in server.tools}


def test_tools_are_listed_by_server_with_what_they_may(with_tools: Context, store: Store) -> None:
    assert allowed(with_tools) == {"add": "ask", "fail": "ask"}
    store.put_preference(KEPT, "always")
    assert allowed(with_tools) == {"add": "always", "fail": "ask"}


def test_what_a_mode_hides_is_told(with_tools: Context, store: Store) -> None:
    change_mode(store, with_tools.session, ModeSettings(name="quiet", tools=("kit__add",)))
    reply = replied(with_tools, "/tools", ToolServers)
    assert (reply.servers, reply.hidden, reply.mode) == ([], 2, "quiet")


def test_what_was_allowed_in_this_session_is_shown_and_forgotten(
    with_tools: Context, toolkit: Toolkit
) -> None:
    offer = toolkit.find("add")
    assert offer is not None
    with_tools.engine.permissions.decide(with_tools.session.id, offer, lambda: "session")
    assert allowed(with_tools)["add"] == "session"
    assert said(with_tools, "/tools forget add") == "You will be asked again: kit/add."
    assert allowed(with_tools)["add"] == "ask"


@pytest.mark.parametrize("name", ["add", "kit/add", "all"])
def test_what_was_allowed_for_good_is_forgotten(with_tools: Context, store: Store, name: str) -> None:
    store.put_preference(KEPT, "always")
    assert "kit/add" in said(with_tools, f"/tools forget {name}")
    assert store.get_preference(KEPT) is None


def test_what_was_never_allowed_is_not_forgotten(with_tools: Context, store: Store) -> None:
    store.put_preference(KEPT, "always")
    assert "Nothing was allowed" in failed(with_tools, "/tools forget fail")
    assert store.get_preference(KEPT) == "always"


def test_a_server_that_fails_is_named_beside_the_others(with_tools: Context, toolkit: Toolkit) -> None:
    toolkit.missing = [Trouble("web", "it does not answer")]
    servers = replied(with_tools, "/tools list", ToolServers).servers
    assert [(server.name, server.problem) for server in servers] == [
        ("kit", None),
        ("web", "it does not answer"),
    ]


def test_without_tool_servers_it_says_where_they_are_named(context: Context) -> None:
    assert isinstance(run_command(context, "/tools"), Failed)
    assert "config.toml" in failed(context, "/tools")
    assert not isinstance(run_command(context, "/tools forget x"), Said)
