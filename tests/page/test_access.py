"""For everybody: no violation that axe-core finds, everything by keyboard, narrow and enlarged windows."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

import palaver
from palaver import Store
from palaver.model import Reasoning, Text
from tests.page.conftest import OpenWindow
from tests.support import axe
from tests.support.browser import quiet
from tests.support.serving import Serving

MARKDOWN = """\
# A heading

Some *text* with `code`, a [link](https://example.org) and $e^{i\\pi} + 1 = 0$.

| Planet | Mass |
|---|--:|
| Mercury | 3.3e23 |

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"  # politely
```

- [x] done
- [ ] to do

> Quoted.
"""
SCREENS = (
    "/",
    "/search?q=Lisbon",
    "/import",
    "/settings",
    "/settings/models",
    "/settings/storage",
    "/nowhere",
)


def a_rich_chat(store: Store) -> str:
    """A chat with something of everything that a conversation may show."""
    session = store.create_session(title="A little of everything")
    (question,) = store.append(session.id, palaver.user("What is worth seeing in Lisbon?"))
    store.append(session.id, palaver.assistant("Another answer."))
    store.append(
        session.id,
        palaver.assistant("", parts=(Reasoning("Let me think."), Text(MARKDOWN))),
        parent_id=question.id,
    )
    store.set_head(session.id, question.id, to_end=True)
    store.append(session.id, palaver.note("The model is another one now"), palaver.user("And the weather?"))
    result = {"llmContent": {"degrees": 21}, "returnDisplay": "21 °C"}
    store.record_tool_call(session.id, id="c1", name="weather", args={"city": "Lisbon"}, result=result)
    store.append(session.id, palaver.assistant("Half an ans", status="interrupted"))
    store.append(
        session.id, palaver.assistant("", status="error", error="The model is away.", parts=(Text(""),))
    )
    return session.id


@pytest.fixture(scope="session")
def rich(place: Serving) -> str:
    with palaver.open_store(place.store) as store:
        return f"/c/{a_rich_chat(store)}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_screen(
    open_window: OpenWindow, place: Serving, rich: str, scheme: str
) -> None:
    window = open_window(place, color_scheme=scheme)
    found = {}
    for path in (rich, *SCREENS):
        window.goto(place.address + path)
        expect(window.get_by_role("main")).to_be_visible()
        quiet(window)
        found[path] = axe.violations(window)
    assert {path: all for path, all in found.items() if all} == {}


def choose(window: Page, name: str) -> None:
    """From the menu of the chat."""
    window.get_by_role("button", name="Actions for this chat").click()
    window.get_by_role("menuitem", name=name).click()


def open_lines(window: Page) -> None:
    window.get_by_role("button", name="Context:").click()
    window.get_by_text("Message by message").click()
    expect(
        window.get_by_role("list", name="Message by message").get_by_role("listitem").first
    ).to_be_visible()


OVERLAYS: dict[str, Callable[[Page], None]] = {
    "search": lambda window: window.keyboard.press("Control+k"),
    "keys": lambda window: window.get_by_role("button", name="Keys").click(),
    "model": lambda window: window.get_by_role("button", name="Model:").click(),
    "context": lambda window: window.get_by_role("button", name="Context:").click(),
    "lines": open_lines,
    "menu": lambda window: window.get_by_role("button", name="Actions for this chat").click(),
    "settings": lambda window: choose(window, "System prompt"),
    "tags": lambda window: choose(window, "Tags…"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_what_lies_over_the_page(
    open_window: OpenWindow, place: Serving, rich: str, scheme: str
) -> None:
    window = open_window(place, rich, color_scheme=scheme)
    expect(window.get_by_role("article").first).to_be_visible()
    found = {}
    for name, open_it in OVERLAYS.items():
        open_it(window)
        expect(window.get_by_role("menu").or_(window.get_by_role("dialog")).first).to_be_visible()
        found[name] = axe.violations(window)
        window.keyboard.press("Escape")
        expect(window.get_by_role("menu").or_(window.get_by_role("dialog"))).to_have_count(0)
    assert {name: all for name, all in found.items() if all} == {}


def overflowing(window: Page) -> bool:
    return bool(
        window.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )


@pytest.mark.parametrize("width", [360, 640, 3840])
def test_no_screen_is_wider_than_the_window(
    open_window: OpenWindow, place: Serving, rich: str, width: int
) -> None:
    window = open_window(place)
    window.set_viewport_size({"width": width, "height": 740})
    wide = []
    for path in (rich, *SCREENS):
        window.goto(place.address + path)
        expect(window.get_by_role("main")).to_be_visible()
        quiet(window)
        if overflowing(window):
            wide.append(path)
    assert wide == []


@pytest.mark.parametrize("width", [640, 1280])
def test_with_text_twice_as_large_nothing_is_cut_off(
    open_window: OpenWindow, place: Serving, rich: str, width: int
) -> None:
    """A person's own text size, in place of the zoom, which is a narrower window."""
    window = open_window(place, rich, viewport={"width": width, "height": 740})
    small = height_of(window, "Mercury")
    found = {}
    for path in (rich, *SCREENS):
        window.goto(place.address + path)
        expect(window.get_by_role("main")).to_be_visible()
        window.evaluate("document.documentElement.style.fontSize = '200%'")
        quiet(window)
        found[path] = (overflowing(window), window.evaluate(CUT_OFF))
        if path == rich:
            assert height_of(window, "Mercury") > 1.5 * small  # its padding stays
    assert found == {path: (False, []) for path in found}


CUT_OFF = """() => [...document.querySelectorAll('button, h1, h2, label, p')]
  .filter(one => one.offsetParent && getComputedStyle(one).overflowY === 'hidden')
  .filter(one => one.scrollHeight > one.clientHeight + 8)
  .map(one => one.outerHTML.slice(0, 120))"""
"""What is higher than the box that hides the rest of it."""


def height_of(window: Page, text: str) -> float:
    box = window.get_by_role("cell", name=text).first.bounding_box()
    assert box is not None
    return box["height"]


def test_on_a_phone_the_list_is_a_sheet_that_closes_on_a_choice(
    open_window: OpenWindow, place: Serving, rich: str
) -> None:
    window = open_window(place, rich)
    window.set_viewport_size({"width": 375, "height": 740})
    listed = window.get_by_role("navigation", name="Chats")
    expect(listed).to_be_hidden()
    window.get_by_role("button", name="Show the list").click()
    expect(listed).to_be_visible()
    listed.get_by_role("link", name="A little of everything").first.click()
    expect(listed).to_be_hidden()
    window.get_by_role("button", name="Switch to another chat").click()
    window.get_by_role("menuitem", name="New chat").click()
    expect(window.get_by_role("heading", name="What shall we talk about?")).to_be_visible()


def test_every_shortcut_does_what_the_help_says(open_window: OpenWindow, place: Serving, rich: str) -> None:
    window = open_window(place, rich)
    message = window.get_by_role("textbox", name="Message")
    expect(window.get_by_role("heading", name="A little of everything")).to_be_visible()
    window.keyboard.press("Control+Shift+S")
    expect(window.get_by_role("navigation", name="Chats")).to_be_hidden()
    window.keyboard.press("Control+Shift+S")
    window.keyboard.press("Shift+Escape")
    expect(message).to_be_focused()
    expect(message).to_have_value("")
    window.keyboard.press("ArrowUp")
    expect(message).to_have_value("And the weather?")
    window.keyboard.press("Escape")
    expect(message).to_have_value("")
    window.keyboard.press("Control+Shift+M")
    expect(window.get_by_role("dialog", name="Choose a model")).to_be_visible()
    window.keyboard.press("Escape")
    window.keyboard.press("Control+k")
    expect(window.get_by_role("combobox", name="Search messages and commands")).to_be_focused()
    window.keyboard.press("Escape")
    window.get_by_role("main").focus()
    window.keyboard.press("?")
    expect(window.get_by_role("dialog", name="Keys")).to_contain_text("Ctrl+Shift+O")
    window.keyboard.press("Escape")
    window.keyboard.press("Control+Shift+O")
    expect(window.get_by_role("heading", name="What shall we talk about?")).to_be_visible()
    expect(window.get_by_role("textbox", name="Message")).to_be_focused()


def test_the_tab_key_reaches_everything_and_the_focus_is_seen(
    open_window: OpenWindow, place: Serving, rich: str
) -> None:
    window = open_window(place, rich)
    expect(window.get_by_role("heading", name="A little of everything")).to_be_visible()
    quiet(window)
    window.get_by_role("link", name="To the message").focus()
    seen = []
    for _ in range(60):
        window.keyboard.press("Tab")
        name, visible = window.evaluate(
            """() => {
              const at = document.activeElement
              const style = getComputedStyle(at)
              const ring = style.outlineStyle !== 'none' || at.matches('textarea, [role=combobox]')
              return [at.getAttribute('aria-label') || at.textContent.trim().slice(0, 40), ring]
            }"""
        )
        assert visible, name
        seen.append(name)
        if name == "Add files":
            break
    for wanted in (
        "Project: All chats",
        "Filter the list",
        "Actions for this chat",
        "Copy",
        "Message",
        "Add files",
    ):
        assert any(one.startswith(wanted) for one in seen), (wanted, seen)


def test_reduced_motion_is_honoured(open_window: OpenWindow, place: Serving, rich: str) -> None:
    window = open_window(place, rich, reduced_motion="reduce")
    expect(window.get_by_role("heading", name="A little of everything")).to_be_visible()
    moving = window.evaluate("document.getAnimations().filter(one => one.playState === 'running').length")
    assert moving == 0
