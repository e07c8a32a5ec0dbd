"""An answer as it comes: Markdown on a terminal, the bare text in a pipe."""

import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Literal, Protocol, Self, TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.spinner import Spinner
from rich.text import Text

from palaver.chat.events import InputRequired
from palaver.cli.blocks import divide, find_settled
from palaver.cli.choices import choose, explain, offer
from palaver.cli.keys import Keys
from palaver.cli.markdown import Prose
from palaver.cli.terms import fit, number, one_line, visible

_FRAMES = 12
_MARGIN = 2


class Answer(Protocol):
    """Where the pieces of one answer go."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def write(self, text: str) -> None:
        """The next piece of the answer."""

    def think(self, text: str) -> None:
        """The next piece of the reasoning before it."""

    def say(self, text: str) -> None:
        """Something the person should notice that is not part of the answer."""

    def tell(self, text: str) -> None:
        """Something the person may know."""

    def progress(self, text: str | None) -> None:
        """What is being done now, until the next; None: nothing that would be said."""

    def ask(self, event: InputRequired, over: Callable[[], bool]) -> str | None:
        """The person's choice; None where `over` says that it is not waited for any more."""

    def aside(self, show: Callable[[], object]) -> None:
        """Let something else be shown between the pieces of the answer."""


class PlainAnswer:
    """Writes the text as it is, at once, and ends it with a newline; what is said goes elsewhere.

    Without a `stream` the text is not written at all.
    """

    def __init__(self, stream: TextIO | None, notices: TextIO) -> None:
        self._stream = stream
        self._notices = notices
        self._last = "\n"
        self._apart = False
        self._written = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._last != "\n":
            self.write("\n")

    def write(self, text: str) -> None:
        if self._stream is None:
            return
        if self._apart and text:
            text = ("\n" if self._last == "\n" else "\n\n") + text
            self._apart = False
        self._stream.write(text)
        self._stream.flush()
        self._last = text[-1:] or self._last
        self._written = self._written or bool(text)

    def think(self, text: str) -> None:
        pass

    def say(self, text: str) -> None:
        self._notices.write(f"palaver: {text}\n")
        self._notices.flush()

    def tell(self, text: str) -> None:
        self.say(text)
        # What follows a tool's result is an answer of its own.
        self._apart = self._written

    def progress(self, text: str | None) -> None:
        pass

    def ask(self, event: InputRequired, over: Callable[[], bool]) -> str | None:  # noqa: ARG002 (a pipe)
        return event.default

    def aside(self, show: Callable[[], object]) -> None:
        pass


class LiveAnswer:
    """Prints every block for good as soon as it has ended; only the unfinished rest is drawn again and again.

    What is drawn again is never higher than the screen, so that nothing is lost in what has scrolled away. `keys` answer
    what is asked.
    """

    def __init__(self, console: Console, keys: Keys | None = None) -> None:
        self._console = console
        self._keys = keys
        self._doing: str | None = None
        self._question: InputRequired | None = None
        self._tail = ""
        self._held = ""
        self._last: Literal["text", "note"] | None = None
        self._joined = False
        self._words = 0
        self._thinking_since = 0.0
        self._spinner = Spinner("dots", style="dim")
        self._live = Live(
            self,
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        # Drawing and printing move the same cursor: Live's own thread would draw in the middle of a print.
        self._cursor = threading.RLock()
        self._ended = threading.Event()
        self._drawing = threading.Thread(target=self._draw, name="palaver-answer", daemon=True)

    def __enter__(self) -> Self:
        self._live.start()
        self._drawing.start()
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._drawing.join()
        rest, self._tail = self._tail + visible(self._held), ""
        self._live.stop()
        if rest.strip():
            self._print(rest)

    def write(self, text: str) -> None:
        if self._words and not self._tail:
            self._end_thinking()
        self._doing = None
        text = self._held + text
        # A "\r" at the end may be the first half of a "\r\n".
        self._held = "\r" if text.endswith("\r") else ""
        self._tail += visible(text.removesuffix(self._held) if self._held else text)
        if "\n" in text:
            self._settle()

    def think(self, text: str) -> None:
        if not self._words:
            self._thinking_since = time.monotonic()
        self._words += len(text.split())

    def say(self, text: str) -> None:
        self._note(Text(visible(text), style="yellow"))

    def tell(self, text: str) -> None:
        self._note(Text(visible(text), style="dim"))

    def progress(self, text: str | None) -> None:
        with self._cursor:
            self._flush()
            self._doing = text

    def ask(self, event: InputRequired, over: Callable[[], bool]) -> str | None:
        if self._keys is None:
            return event.default
        self._note(explain(event, self._console.width), apart=True)
        self._keys.settle()
        self._question = event
        try:
            return self._keys.choose(partial(choose, event), over)
        finally:
            self._question = None

    def aside(self, show: Callable[[], object]) -> None:
        with self._cursor:
            self._flush()
            show()
            self._last = "note"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._question is not None:
            yield offer(self._question, console.width)
            if self._keys is not None and self._keys.typed:
                kept = f"kept for afterwards: {one_line(self._keys.typed)}"
                yield Text(fit(kept, console.width).rstrip(), style="dim")
        elif self._tail.strip():
            lines = self._lines(self._tail)[-self._room :]
            if self._last and not self._joined and len(lines) < self._room:
                yield Segment.line()
            for line in lines:
                yield from line
                yield Segment.line()
        else:
            thought = f"thinking, {number(self._words, 'word')}" if self._words else ""
            doing = fit(self._doing or thought, max(1, console.width - _MARGIN - 1)).rstrip()
            self._spinner.update(text=Text(f" {doing}", style="dim"))
            yield self._spinner

    @property
    def _room(self) -> int:
        return max(1, self._console.height - _MARGIN)

    def _lines(self, text: str) -> list[list[Segment]]:
        return self._console.render_lines(Prose(text), self._console.options.update(height=None), pad=False)

    def _settle(self) -> None:
        settled = find_settled(self._tail)
        if settled:
            self._take(self._tail[:settled], self._tail[settled:], joined=False)
        while len(self._lines(self._tail)) > self._room:
            parts = divide(self._tail)
            if parts is None:
                return
            self._take(*parts, joined=True)

    def _take(self, head: str, tail: str, *, joined: bool) -> None:
        with self._cursor:
            self._tail = tail
            self._print(head)
            self._joined = joined

    def _print(self, text: str) -> None:
        if self._last and not self._joined:
            self._console.print()
        self._console.print(Prose(text))
        self._last, self._joined = "text", False

    def _note(self, text: Text, *, apart: bool = False) -> None:
        with self._cursor:
            self._flush()
            if self._last == "text" or (apart and self._last):
                self._console.print()
            self._console.print(text)
            self._last, self._joined = "note", False

    def _flush(self) -> None:
        """What has come so far is printed for good: something else follows it."""
        if self._words and not self._tail:
            self._end_thinking()
        if self._tail.strip():
            self._take(self._tail, "", joined=False)

    def _end_thinking(self) -> None:
        seconds = time.monotonic() - self._thinking_since
        words, self._words = self._words, 0
        self.tell(f"thought for {seconds:.0f} s, {number(words, 'word')}")

    def _draw(self) -> None:
        while not self._ended.wait(1 / _FRAMES):
            with self._cursor:
                self._live.refresh()
