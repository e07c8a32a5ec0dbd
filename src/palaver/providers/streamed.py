"""What every answer that comes in events does alike; a protocol adds how one event is read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from palaver.context.thoughts import SOURCE
from palaver.errors import ProviderError
from palaver.model import Opaque, Reasoning, Text, ToolCall
from palaver.providers.base import ConnectionLost, Delta, Finish
from palaver.providers.fields import mended
from palaver.providers.text import Mender
from palaver.providers.transport import Events, Server


class StreamedAnswer(ABC):
    """An `Answer`. The protocol's `read` sets `reason` when the model says why it ends, `done` when nothing follows."""

    def __init__(self, server: Server, events: Events) -> None:
        self.server = server
        self.reason: str | None = None
        self.done = False
        self._events = events
        self._closed = False
        self._text = Mender()
        self._reasoning = Mender()

    def __iter__(self) -> Iterator[Delta]:
        with closing(iter(self._events)) as events:
            for data in events:
                yield from self.read(data)
                if self.done:
                    break
        if self._closed:
            return
        if not self.done and self.reason is None:
            raise ConnectionLost(f"{self.server.name} ended in the middle of an answer", retryable=True)
        yield from self._end()

    def close(self) -> None:
        self._closed = True
        self._events.close()

    @abstractmethod
    def read(self, data: str) -> Iterator[Delta]:
        """The pieces in one event. Raises `ProviderError`."""

    @abstractmethod
    def calls(self) -> Iterator[ToolCall]:
        """The tool calls of the whole answer."""

    def thoughts(self) -> dict[str, Any]:
        """What goes back with the calls of the whole answer, beside its reasoning; nothing where that is empty."""
        return {}

    def parse(self, data: str) -> dict[str, Any]:
        """An event that is an object. Raises `ProviderError`."""
        event = self.server.parse(data)
        if not isinstance(event, dict):
            raise ProviderError(
                f"{self.server.name} sent an event of an unknown shape: {self.server.quote(repr(event))}"
            )
        return event

    def say(self, text: str) -> Iterator[Delta]:
        """The next piece of the text."""
        if text := self._text.feed(text):
            yield Text(text)

    def think(self, text: str) -> Iterator[Delta]:
        """The next piece of the reasoning."""
        if text := self._reasoning.feed(text):
            yield Reasoning(text)

    def keep(self, data: dict[str, Any]) -> Iterator[Delta]:
        """The reasoning so far is whole, and goes back with this."""
        if reasoning := self._reasoning.flush():
            yield Reasoning(reasoning)
        yield Opaque(SOURCE, mended(data))

    def _end(self) -> Iterator[Delta]:
        if reasoning := self._reasoning.flush():
            yield Reasoning(reasoning)
        if text := self._text.flush():
            yield Text(text)
        calls = list(self.calls())
        if calls and (thoughts := self.thoughts()):
            yield from self.keep(thoughts)
        yield from calls
        yield Finish("tool_calls" if calls and self.reason == "stop" else self.reason or "stop")
