"""Writes docs/images/chat.svg, a real conversation: `python -m tools.picture`. Needs tmux, and `palaver` on the PATH."""

import os
import re
import shlex
import subprocess
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

TARGET = Path(__file__).parents[1] / "docs" / "images" / "chat.svg"
WIDTH, HEIGHT = 90, 32
TYPED = (
    ("palaver chat", r"›$"),
    ("We ship on Friday, with *one* file to copy.", r"is now called(.|\n)*›$"),
    ("/quit", r"\$$"),
    ("palaver search friday", r"\$$"),
)
"""What is typed, and what the screen then ends with."""
PATIENCE = 20.0

THEME = TerminalTheme(
    (24, 26, 31),
    (214, 217, 224),
    [(24, 26, 31), (239, 98, 98), (126, 201, 120), (226, 186, 98), (101, 163, 240), (198, 136, 224),
     (98, 196, 201), (214, 217, 224)],
    [(122, 128, 140), (255, 128, 128), (152, 224, 146), (245, 210, 130), (134, 187, 255), (218, 164, 240),
     (130, 220, 225), (255, 255, 255)],
)  # fmt: skip
# Rich's own frame without the fonts it would load from elsewhere.
FRAME = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="A conversation in a terminal">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
 font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Terminal:
    """A terminal of a fixed size with a shell in it, in an empty home."""

    def __init__(self, home: Path) -> None:
        self._socket = str(home / "tmux")
        path = shlex.quote(os.environ["PATH"])
        shell = f"env -i HOME={home} PATH={path} TERM=tmux-256color LANG=C.UTF-8 PS1='$ ' sh"
        self._tmux("-f", os.devnull, "new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), shell)
        self.wait(r"\$$")

    def type(self, line: str) -> None:
        self._tmux("send-keys", "-l", line)
        self._tmux("send-keys", "Enter")

    def wait(self, pattern: str) -> None:
        """Until the screen shows the pattern and has stopped changing."""
        deadline = time.monotonic() + PATIENCE
        before = ""
        while time.monotonic() < deadline:
            time.sleep(0.5)
            screen = self._tmux("capture-pane", "-p").rstrip()
            if screen == before and re.search(pattern, screen):
                return
            before = screen
        raise TimeoutError(f"the terminal never showed {pattern}:\n{before}")

    def screen(self) -> str:
        """What is on the screen, with its colours as a program writes them."""
        return self._tmux("capture-pane", "-p", "-e").rstrip()

    def close(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        line = ["tmux", "-S", self._socket, *arguments]
        return subprocess.run(line, check=True, capture_output=True, encoding="utf-8").stdout  # noqa: S603 (named above)


def take() -> str:
    """The screen at the end of the conversation."""
    with tempfile.TemporaryDirectory() as folder:
        terminal = Terminal(Path(folder))
        try:
            for line, shown in TYPED:
                terminal.type(line)
                terminal.wait(shown)
            return terminal.screen()
        finally:
            terminal.close()


def draw(screen: str) -> str:
    """The screen as SVG."""
    console = Console(width=WIDTH, record=True, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen), end="")
    return console.export_svg(title="palaver", theme=THEME, code_format=FRAME, unique_id="palaver")


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(draw(take()), encoding="utf-8")
