"""What every slash command is made of."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from palaver.chat.commands.replies import Call, Reply, Verb
from palaver.chat.engine import Engine
from palaver.chat.lifecycle import SessionManager
from palaver.errors import Invalid, NotFound
from palaver.model import Checkpoint, File, Session, Snapshot
from palaver.settings import ModeSettings
from palaver.store import Store
from palaver.tools.base import Toolbox

T = TypeVar("T", Snapshot, Checkpoint)


class Context(msgspec.Struct, frozen=True):
    """What a command works with; one for a whole chat. `attached` are the files that go with the next question."""

    store: Store
    engine: Engine
    manager: SessionManager
    modes: Sequence[ModeSettings] = ()
    toolbox: Toolbox | None = None
    attached: list[File] = msgspec.field(default_factory=list)

    @property
    def session(self) -> Session:
        return self.manager.current_session


Run = Callable[[Context, str], Reply]


class Misused(Exception):
    """The arguments are not those of the usage."""


class Part(Verb, frozen=True, kw_only=True):
    """A verb with what it does; `run` gets what stands behind it, trimmed."""

    run: Run


class Command(Call, frozen=True, kw_only=True):
    """A command with what it does where no verb of it is named; `run` gets what stands behind its name, trimmed.

    `free`: a word that is no verb is an argument.
    """

    run: Run
    verbs: Sequence[Part] = ()
    free: bool = False


def command(
    name: str,
    usage: str,
    help: str,
    run: Run,
    *verbs: Part,
    aliases: tuple[str, ...] = (),
    free: bool = False,
) -> Command:
    """A row of the table."""
    return Command(
        name=name,
        usage=usage,
        help=help,
        run=run,
        verbs=verbs,
        aliases=aliases,
        free=free or not verbs,
    )


def verb(name: str, usage: str, help: str, run: Run) -> Part:
    return Part(name=name, usage=usage, help=help, run=run)


def needed(words: str) -> str:
    """The argument, which must be there."""
    if not words:
        raise Misused
    return words


def nothing(words: str) -> None:
    """For what takes no argument."""
    if words:
        raise Misused


def pick(things: Sequence[T], text: str, kind: str) -> T:
    """The one whose id begins or ends with `text`. Raises `NotFound`, and `Invalid` where several do."""
    wanted = needed(text).lower().strip("…")
    found = [thing for thing in things if thing.id.startswith(wanted) or thing.id.endswith(wanted)]
    if not found:
        raise NotFound(kind, text)
    if len(found) > 1:
        raise Invalid(f"{text!r} fits {len(found)} {kind}s: type more of the id", field="id")
    return found[0]
