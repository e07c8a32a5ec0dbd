"""A real browser for tests of the page: the system's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox",  # tests may run as root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 15_000
"""How long what should be seen may take to be, in milliseconds: the machine may be busy."""


@contextmanager
def launch() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "the tests of the page need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def quiet(page: Page) -> None:
    """Until the page has asked its server for nothing new for a while. Streams of events never end, and do not count."""
    page.evaluate(
        """async () => {
          const asked = () => performance.getEntriesByType('resource').length
          for (let seen = -1, since = performance.now(); performance.now() - since < 300; ) {
            if (asked() !== seen) [seen, since] = [asked(), performance.now()]
            await new Promise(resolve => setTimeout(resolve, 20))
          }
        }"""
    )


class Complaints:
    """What the browser says against a page: errors of its scripts, and what the policy refused."""

    def __init__(self, page: Page) -> None:
        self.all: list[str] = []
        page.on("pageerror", lambda error: self.all.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: (
                self.all.append(f"{said.type}: {said.text}") if said.type in {"error", "warning"} else None
            ),
        )

    def unexpected(self) -> list[str]:
        """All but those about requests, which a page must live with: each has its own test."""
        return [one for one in self.all if "Failed to load resource" not in one]
