"""The keyboard while an answer is drawn: keys are kept for the next prompt, or taken one at a time for a question."""

import codecs
import os
import re
import select
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

_LOOK_SECONDS = 0.1
_SETTLE_SECONDS = 0.3
_MOST = 1024
_ENTER = ("\r", "\n", "\r\n")
_ERASE = ("\x7f", "\b")
_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.)?")
_PASTES_ARE_MARKED, _PASTES_ARE_NOT_MARKED = "\x1b[?2004h", "\x1b[?2004l"


class Keys:
    """While it lasts, what is pressed is not written into the answer, and a paste stays one piece. On a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._descriptor = sys.stdin.fileno()
        self._before: Any = None
        self._typed = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __enter__(self) -> Self:
        if termios is not None:
            self._before = termios.tcgetattr(self._descriptor)
            quiet = termios.tcgetattr(self._descriptor)
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(self._descriptor, termios.TCSANOW, quiet)
            self._write(_PASTES_ARE_MARKED)
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if termios is not None and self._before is not None:
            self._write(_PASTES_ARE_NOT_MARKED)
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)

    @property
    def typed(self) -> str:
        """What was typed while a question stood there, and was no answer to it."""
        return self._typed

    def take_typed(self) -> str:
        """The same, for the next prompt, where it belongs."""
        typed, self._typed = self._typed.strip("\n"), ""
        return typed

    def settle(self) -> None:
        """Wait until nothing is pressed for a moment: who is typing has not seen the question, and must not answer it."""
        while pending := self._next(_SETTLE_SECONDS):
            self._keep(pending)

    def choose(self, find: Callable[[str], str | None], over: Callable[[], bool]) -> str | None:
        """What `find` makes of the key that is pressed, "\r" for Enter; None when `over` says that nobody waits for it.

        A key is pressed alone, or with Enter behind it. Several in a row are text, a paste or an arrow: no answer.
        """
        while not over():
            pressed = self._gather()
            found = find("\r" if pressed in _ENTER else pressed.rstrip("\r\n"))
            if found is not None:
                return found
            self._keep(pressed)
        return None

    def _gather(self) -> str:
        """What is pressed until there is a moment's silence, or until there can be no doubt."""
        pressed = self._next(_LOOK_SECONDS)
        while pressed and not (pressed in _ENTER or pressed[1:] in _ENTER):
            more = self._next(_SETTLE_SECONDS)
            if not more:
                break
            pressed += more
        return pressed

    def _keep(self, pressed: str) -> None:
        for sign in _SEQUENCE.sub("", pressed.replace("\r\n", "\n").replace("\r", "\n")):
            if sign in _ERASE:
                self._typed = self._typed[:-1]
            elif sign.isprintable() or (sign == "\n" and self._typed):
                self._typed += sign

    def _write(self, sequence: str) -> None:
        if not self._console.is_dumb_terminal:
            self._console.file.write(sequence)
            self._console.file.flush()

    def _next(self, seconds: float) -> str:
        """What is pressed within so many seconds; empty for nothing."""
        if termios is None:
            return _next_on_windows(seconds)
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        return self._decoder.decode(os.read(self._descriptor, _MOST)) if ready else ""


def _next_on_windows(seconds: float) -> str:
    import msvcrt  # noqa: PLC0415 (only there)

    deadline = time.monotonic() + seconds
    while not msvcrt.kbhit():  # type: ignore[attr-defined]
        if time.monotonic() >= deadline:
            return ""
        time.sleep(_LOOK_SECONDS / 10)
    key: str = msvcrt.getwch()  # type: ignore[attr-defined]
    return key
