"""What a server's program says on stderr: logged and remembered in part, and never on the person's screen."""

import logging
import time
from collections import deque
from collections.abc import Callable

from palaver.tools.lines import Lines
from palaver.tools.text import quote

_log = logging.getLogger(__name__)

BYTES_PER_SECOND = 1_000_000
"""What is read of it. Beyond that the program waits, not we."""
LINES_PER_MINUTE = 200
_LONGEST_LINE = 10_000
_REMEMBERED = 5


class Stderr:
    """One program's stderr. `clean` takes keys out of what is kept."""

    def __init__(
        self, name: str, clean: Callable[[str], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._clean = clean
        self._clock = clock
        self._lines = Lines(_LONGEST_LINE, cut=True)
        self._last: deque[str] = deque(maxlen=_REMEMBERED)
        self._second = _Count(1.0, clock())
        self._minute = _Count(60.0, clock())

    def feed(self, data: bytes) -> float:
        """Take the next bytes. Returns the seconds to wait before more is read."""
        for line in self._lines.feed(data):
            self._take(line)
        now = self._clock()
        self._second.add(len(data), now)
        return self._second.rest(now) if self._second.number > BYTES_PER_SECOND else 0.0

    def last(self) -> str:
        """The last line that says something; a traceback ends in what went wrong."""
        return self._last[-1] if self._last else ""

    def _take(self, line: bytes) -> None:
        text = quote(self._clean(line.decode("utf-8", "replace")))
        if not text:
            return
        self._last.append(text)
        self._minute.add(1, self._clock())
        if self._minute.number <= LINES_PER_MINUTE:
            _log.info("%s: %s", self._name, text)
        elif self._minute.number == LINES_PER_MINUTE + 1:
            _log.info("%s: says more than is logged", self._name)


class _Count:
    """A number that begins at nothing again after each stretch of `seconds`."""

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._began = now
        self.number = 0

    def add(self, number: int, now: float) -> None:
        if now - self._began >= self._seconds:
            self._began = now
            self.number = 0
        self.number += number

    def rest(self, now: float) -> float:
        return max(0.0, self._began + self._seconds - now)
