"""Writes docs/images/page-*.png, a real page with real conversations: `python -m tools.screenshots`. Needs Chromium."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

import palaver
from palaver import Store
from palaver.model import Reasoning, Text

FOLDER = Path(__file__).parents[1] / "docs" / "images"
WINDOWS: dict[str, dict[str, Any]] = {
    "page-light": {"viewport": {"width": 1200, "height": 760}, "color_scheme": "light"},
    "page-dark": {"viewport": {"width": 1200, "height": 760}, "color_scheme": "dark"},
    "page-phone": {"viewport": {"width": 390, "height": 760}, "has_touch": True, "is_mobile": True},
}
TITLES = (
    "A week in Lisbon", "Sourdough that does not rise", "Why the sky is blue", "Names for a small boat",
    "Verbs of motion in Russian", "A query that is slow", "Birthday speech for Ada", "Which tree is this?",
)  # fmt: skip
ANSWER = """\
Three days are enough for the old town; keep the fourth for the coast.

| day | morning | afternoon |
|---|---|---|
| 1 | Alfama, on foot | the river at Belém |
| 2 | tiles in the museum | Chiado and a long coffee |
| 3 | Sintra by train | the cape, if the wind allows |

How far is it from the cape to the nearest station? By the law of cosines, $c^2 = a^2 + b^2 - 2ab\\cos\\gamma$:

```python
from math import cos, radians, sqrt

def distance(a: float, b: float, angle: float) -> float:
    \"\"\"The third side, in the unit of the other two.\"\"\"
    return sqrt(a * a + b * b - 2 * a * b * cos(radians(angle)))
```

So `distance(11, 7, 42)` is **7.5 km**: take the bus.
"""
SERVE = "import sys; from palaver.cli.main import main; sys.argv[0] = 'palaver'; sys.exit(main())"


def write() -> None:
    """Take all pictures anew."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "palaver.db")
        with palaver.open_store(path) as store:
            shown = _talk(store)
        with _serving(path, Path(folder)) as entrance, sync_playwright() as playwright:
            found = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
            for name, window in WINDOWS.items():
                _take(browser, entrance, shown, FOLDER / f"{name}.png", window)
            browser.close()


def _talk(store: Store) -> str:
    """The conversations in the pictures; the id of the one that is shown."""
    for title in reversed(TITLES[1:]):
        session = store.create_session(title=title, model="demo", provider="demo")
        store.append(session.id, palaver.user(title), palaver.assistant("Gladly."))
    session = store.create_session(title=TITLES[0], model="demo", provider="demo")
    question = palaver.user(
        "Plan a few days in Lisbon for us. And how far is it from the cape to the station?"
    )
    parts = (
        Reasoning("Old town, river, tiles, Sintra. The distance follows from two sides and an angle."),
        Text(ANSWER),
    )
    store.append(session.id, question, palaver.assistant("", parts=parts, model="demo"))
    return session.id


@contextmanager
def _serving(store: str, folder: Path) -> Iterator[str]:
    """The address that signs in, of a server that runs meanwhile."""
    config = folder / "config.toml"
    config.write_text("discover = false\n", encoding="utf-8")
    command = [
        sys.executable,
        "-c",
        SERVE,
        "--config",
        str(config),
        "--store",
        store,
        "serve",
        "--no-browser",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 (ourselves)
        try:
            yield process.stdout.readline().split()[-1] if process.stdout else ""
        finally:
            process.terminate()


def _take(browser: Browser, entrance: str, shown: str, target: Path, window: dict[str, Any]) -> None:
    context = browser.new_context(**window)
    page = context.new_page()
    page.goto(entrance)
    page.goto(re.sub(r"/\?.*", f"/c/{shown}", entrance))
    page.locator(".math.drawn").first.wait_for()
    page.locator("code.drawn").first.wait_for()
    page.wait_for_timeout(300)  # fonts of formulas
    page.screenshot(path=target)
    context.close()


if __name__ == "__main__":
    write()
