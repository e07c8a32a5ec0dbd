"""A toolbox whose tools do what a test says, and a model that calls them."""

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

from palaver.context.tools import Tool
from palaver.settings import Allow
from palaver.tools.base import Offer, Returned, Trouble
from tests.support.scripted import DONE, Step, delta, finish, text

Do = Callable[[Any], Returned]


class Toolkit:
    """Tools of one server called "kit". `calls` are those that were made."""

    def __init__(self, *, allow: Allow = "always", **tools: Do) -> None:
        self.tools = tools
        self.allow: Allow = allow
        self.missing: list[Trouble] = []
        self.calls: list[tuple[str, Any]] = []
        self.stopped: list[threading.Event | None] = []

    def start(self) -> None:
        """Everything is there already."""

    def list_tools(self, *, stopped: threading.Event | None = None) -> Sequence[Tool]:
        return [Tool(name, f"It can {name}.", {"type": "object"}) for name in self.tools]

    def find(self, name: str) -> Offer | None:
        return Offer("kit", name, self.allow) if name in self.tools else None

    def troubles(self) -> Sequence[Trouble]:
        return self.missing

    def call(
        self, name: str, args: Any, *, timeout: float | None = None, stopped: threading.Event | None = None
    ) -> Returned:
        self.calls.append((name, args))
        self.stopped.append(stopped)
        return self.tools[name](args)

    def close(self) -> None:
        """Nothing to end."""


def add(args: Any) -> Returned:
    return Returned(str(args["a"] + args["b"]), display="a sum")


def fail(args: Any) -> Returned:
    return Returned("it broke", is_error=True)


ADD = ("c1", "add", {"a": 1, "b": 2})


def calling(*calls: tuple[str, str, dict[str, Any]], say: str = "") -> tuple[Step, ...]:
    """The steps of an answer that calls tools: (id, name, arguments)."""
    pieces = [
        {"index": at, "id": id, "function": {"name": name, "arguments": json.dumps(args)}}
        for at, (id, name, args) in enumerate(calls)
    ]
    said = (text(say),) if say else ()
    return (*said, delta(tool_calls=pieces), finish("tool_calls"), DONE)
