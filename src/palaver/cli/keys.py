"""The keyboard while an answer is drawn: keys are kept for the next prompt, or taken one at a time for a question."""

import os
import select
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

_LOOK_SECONDS = 0.1
_SETTLE_SECONDS = 0.3
_MOST = 1024


class Keys:
    """While it lasts, what is pressed is not written into the answer. On a terminal."""

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        self._before: Any = None
        self._typed = ""

    def __enter__(self) -> Self:
        if termios is not None:
            self._before = termios.tcgetattr(self._descriptor)
            quiet = termios.tcgetattr(self._descriptor)
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(self._descriptor, termios.TCSANOW, quiet)
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if termios is not None and self._before is not None:
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)

    def take_typed(self) -> str:
        """What was typed ahead and taken out of the way of a question: it belongs into the next prompt."""
        typed, self._typed = self._typed, ""
        return typed

    def settle(self) -> None:
        """Wait until nothing is pressed for a moment: who is typing has not seen the question, and must not answer it."""
        while pending := self._next(_SETTLE_SECONDS):
            self._typed += "".join(sign for sign in pending if sign.isprintable())

    def read(self, over: Callable[[], bool]) -> str | None:
        """The next key that is pressed, "\r" for Enter; None when `over` says that nobody waits for it any more."""
        while not over():
            key = self._next(_LOOK_SECONDS)
            # Several at once are an arrow key or a paste.
            if len(key) == 1:
                return "\r" if key == "\n" else key
        return None

    def _next(self, seconds: float) -> str:
        """What is pressed within so many seconds; empty for nothing."""
        if termios is None:
            return _next_on_windows(seconds)
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        return os.read(self._descriptor, _MOST).decode("utf-8", "replace") if ready else ""


def _next_on_windows(seconds: float) -> str:
    import msvcrt  # noqa: PLC0415 (only there)

    deadline = time.monotonic() + seconds
    while not msvcrt.kbhit():  # type: ignore[attr-defined]
        if time.monotonic() >= deadline:
            return ""
        time.sleep(_LOOK_SECONDS / 10)
    key: str = msvcrt.getwch()  # type: ignore[attr-defined]
    return key
