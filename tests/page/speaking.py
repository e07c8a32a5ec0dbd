"""What tests of conversations do again and again, in a person's words."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from palaver import Store
from tests.support.browser import PATIENCE
from tests.support.scripted import ScriptedServer, Step


def ask(window: Page, text: str) -> None:
    box = window.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Enter")


def eventually(window: Page, holds: Callable[[], bool]) -> None:
    """What the page shows at once is stored a moment later."""
    for _ in range(PATIENCE // 50):
        if holds():
            return
        window.wait_for_timeout(50)
    raise AssertionError("it never came to hold")


def tell(model: ScriptedServer, *steps: Step) -> None:
    """What the model says from now on."""
    model.scripts.clear()
    model.will(*steps)


def answers(window: Page) -> Locator:
    return window.get_by_role("article", name="Answer")


def questions(window: Page) -> Locator:
    return window.get_by_role("article", name="You", exact=True)


def expect_answer(window: Page, text: str) -> None:
    expect(answers(window).last).to_contain_text(text)
    expect(window.get_by_role("button", name="Stop")).to_have_count(0)


def session_of(window: Page, store: Store) -> str:
    """The id of the chat that is shown."""
    expect(window).to_have_url(re.compile("/c/"))
    return window.url.partition("/c/")[2].partition("#")[0]


def said(store: Store, session_id: str) -> list[str]:
    return [message.text for message in store.messages(session_id)]


def choose_for(window: Page, message: Locator, name: str) -> None:
    """From the menu of a message."""
    message.hover()
    message.get_by_role("button", name="More about this message").click()
    window.get_by_role("menuitem", name=name, exact=True).click()
