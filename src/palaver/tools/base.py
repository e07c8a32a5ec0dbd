"""The contract of a toolbox: which tools there are, and what a call of one gives back."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from palaver.context.tools import Tool
from palaver.settings import Allow


class Offer(msgspec.Struct, frozen=True):
    """Where a tool comes from. `server` and `name` are its server's name and its name there; `allow` is what
    `config.toml` says of calls."""

    server: str
    name: str
    allow: Allow


class Returned(msgspec.Struct, frozen=True):
    """What a call gave back: `content` (a text or JSON) for the model, `display` for people.

    `is_error`: the tool failed, or was not reached; `content` then says why.
    """

    content: Any
    display: str | None = None
    is_error: bool = False


class Trouble(msgspec.Struct, frozen=True):
    """A server whose tools are not there now, and why, for a person."""

    server: str
    text: str


class Toolbox(Protocol):
    """Tools of several servers under names of their own. Safe from any thread."""

    def start(self) -> None:
        """Begin to connect, in the background. Returns at once; the other methods do it where it was not done."""

    def list_tools(self, *, stopped: threading.Event | None = None) -> Sequence[Tool]:
        """The tools that are there, in the order of the configuration. Never raises.

        Waits some seconds for servers that are still starting; a tool that comes later is there the next time.
        """

    def find(self, name: str) -> Offer | None:
        """Where the tool comes from that `list_tools` gave under this name."""

    def troubles(self) -> Sequence[Trouble]:
        """The servers whose tools are missing now. Does not wait."""

    def call(
        self, name: str, args: Any, *, timeout: float | None = None, stopped: threading.Event | None = None
    ) -> Returned:
        """Call a tool and wait for what it gives back. Never raises: what goes wrong is in `Returned`.

        `timeout` in seconds, None is what the configuration says. Ends soon after `stopped` is set; the server is told.
        """

    def close(self) -> None:
        """End every connection and every process. Calls that run return. May be called again."""
