"""The slash commands: one table for every front end. A handler returns a value; showing it is the front end's part."""

from collections.abc import Callable

import msgspec

from palaver.chat.engine import Engine
from palaver.chat.lifecycle import SessionManager
from palaver.chat.turn import Turn
from palaver.model import Hit, Session
from palaver.store import Store


class Context(msgspec.Struct, frozen=True):
    """What a command works with."""

    store: Store
    engine: Engine
    manager: SessionManager


class Said(msgspec.Struct, frozen=True):
    """A sentence for the person."""

    text: str


class Failed(msgspec.Struct, frozen=True):
    """The command could not be done: usage, an unknown name, an id that fits nothing."""

    text: str


class Switched(msgspec.Struct, frozen=True):
    """Another session is current now; the front end keeps what it showed and says where it is."""

    session: Session
    path: str


class Listed(msgspec.Struct, frozen=True):
    """Sessions, newest first; `current_id` is the one to mark."""

    sessions: list[Session]
    current_id: str


class Found(msgspec.Struct, frozen=True):
    query: str
    hits: list[Hit]
    cut: bool


class Started(msgspec.Struct, frozen=True):
    """A turn runs; show its events."""

    turn: Turn


class Helped(msgspec.Struct, frozen=True):
    commands: "tuple[Command, ...]"


class Ended(msgspec.Struct, frozen=True):
    """The person wants to leave."""


Reply = Said | Failed | Switched | Listed | Found | Started | Helped | Ended


class Command(msgspec.Struct, frozen=True):
    """`name` has no slash; `usage` shows the arguments; `run` gets what stands behind the name, trimmed."""

    name: str
    usage: str
    help: str
    run: Callable[[Context, str], Reply]
    aliases: tuple[str, ...] = ()


COMMANDS: tuple[Command, ...] = ()


def is_command(line: str) -> bool:
    """True for `/word…`; `//…` and a bare slash are text."""
    raise NotImplementedError


def run_command(context: Context, line: str) -> Reply:
    """Do what a line such as `/title My talk` says. Raises only what is a defect or a failing store."""
    raise NotImplementedError
