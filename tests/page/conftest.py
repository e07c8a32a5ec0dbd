"""A browser and a server for each process of a test run; a window, signed in, for each test."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

import palaver
from palaver import Store
from tests.support import scripted
from tests.support.browser import PATIENCE, Complaints, launch
from tests.support.scripted import ScriptedServer
from tests.support.serving import Serving, serving
from tests.tools.conftest import SERVERS

expect.set_options(timeout=PATIENCE)

OpenWindow = Callable[..., Page]

CONFIG = """\
discover = false
model = "scripted"
model_title = false

[[provider]]
name = "scripted"
address = "{address}/v1"
model = "scripted"

[[provider]]
name = "demo"
kind = "demo"

[[tool_server]]
name = "plain"
command = {python}
args = [{tools}]
"""


def config_of(model: ScriptedServer) -> str:
    """The settings of a server whose model is this one."""
    tools = json.dumps(str(SERVERS / "plain.py"))
    return CONFIG.format(address=model.address, python=json.dumps(sys.executable), tools=tools)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with launch() as browser:
        yield browser


@pytest.fixture(scope="session")
def scripted_model() -> Iterator[ScriptedServer]:
    with scripted.serve() as server:
        yield server


@pytest.fixture
def model(scripted_model: ScriptedServer) -> ScriptedServer:
    """The model that the served chats are answered by: it says what the test writes down."""
    scripted_model.scripts.clear()
    scripted_model.requests.clear()
    return scripted_model


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, scripted_model: ScriptedServer) -> Iterator[Serving]:
    """The server that tests share. Each makes chats of its own and looks at no others."""
    folder = tmp_path_factory.mktemp("page")
    with serving(str(folder / "palaver.db"), folder, config=config_of(scripted_model)) as place:
        yield place


@pytest.fixture
def own_place(tmp_path: Path, model: ScriptedServer) -> Iterator[Serving]:
    """A server whose database is empty, for tests about the whole of it, and for those that kill it."""
    with serving(str(tmp_path / "palaver.db"), tmp_path, config=config_of(model)) as place:
        yield place


@pytest.fixture
def chats(place: Serving) -> Iterator[Store]:
    """The store behind the shared server, as another process of the same person sees it."""
    with palaver.open_store(place.store) as store:
        yield store


@pytest.fixture
def own_chats(own_place: Serving) -> Iterator[Store]:
    with palaver.open_store(own_place.store) as store:
        yield store


@pytest.fixture
def open_window(browser: Browser) -> Iterator[OpenWindow]:
    """Opens windows at a server, each signed in and with storage of its own. None may complain of anything."""
    contexts: list[BrowserContext] = []
    heard: list[Complaints] = []

    def open(place: Serving, path: str = "/", **options: object) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        window = context.new_page()
        heard.append(Complaints(window))
        window.goto(place.entrance)
        if path != "/":
            window.goto(place.address + path)
        return window

    yield open
    for context in contexts:
        context.close()
    assert [one for each in heard for one in each.unexpected()] == []


@pytest.fixture
def window(open_window: OpenWindow, place: Serving) -> Page:
    """A window on the shared server."""
    return open_window(place)
