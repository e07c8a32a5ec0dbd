"""The slash commands: one table for every front end. A handler returns a value; showing it is the front end's part."""

import difflib
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from palaver.chat.branches import newest_first
from palaver.chat.engine import Engine
from palaver.chat.lifecycle import SessionManager
from palaver.chat.turn import Turn
from palaver.context.prompt import Prompt
from palaver.errors import Busy, Conflict, ContextOverflow, Invalid, NotFound, ProviderError
from palaver.formats import FORMATS, take_out
from palaver.ids import short
from palaver.model import Hit, Session
from palaver.store import Store

_LARGEST_WINDOW = 2**31 - 1
_LISTED = 20
_FOUND = 10
_ENDINGS = {
    "markdown": "md",
    "html": "html",
    "palaver": "jsonl",
    "ollm": "json",
    "enteract": "json",
    "openai": "json",
}


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


def is_command(line: str) -> bool:
    """True for `/word` and what follows; a path such as `/usr/bin` and `//…` are text."""
    return re.match(r"/[A-Za-z?][^\s/]*(\s|$)", line) is not None


def run_command(context: Context, line: str) -> Reply:
    """Do what a line such as `/title My talk` says. Raises only what is a defect or a failing store."""
    name, _, rest = line.strip().removeprefix("/").replace("\n", " ").partition(" ")
    command = _find(name.lower())
    if command is None:
        return Failed(_unknown(name))
    try:
        return command.run(context, rest.strip())
    except _Misused:
        return Failed(f"Usage: /{command.name} {command.usage}")
    except (Busy, Conflict, ContextOverflow, Invalid, NotFound, ProviderError) as exc:
        return Failed(exc.message)


def _new(context: Context, _: str) -> Reply:
    session = context.manager.create_session()
    return Switched(session, context.manager.session_path())


def _model(context: Context, name: str) -> Reply:
    if not name:
        return Said(_list_models(context))
    provider, model = context.engine.choose(name)
    current = context.manager.current_session
    if (provider, model) == (current.provider, context.manager.current_model):
        return Said(f"{model} answers here already.")
    session = context.manager.create_session(model, provider=provider)
    return Switched(session, context.manager.session_path())


def _list_models(context: Context) -> str:
    current = context.manager.current_model
    lines = [
        f"{'*' if info.id == current else ' '} {info.provider}/{info.id}"
        for info in context.engine.list_models()
    ]
    return "\n".join(lines) or "No provider answers now."


def _context(context: Context, words: str) -> Reply:
    session = context.manager.current_session
    match words.split():
        case []:
            return Said(_describe_context(context.engine.preview(session.id)))
        case ["size", number] if (
            number.isascii() and number.isdecimal() and 0 < int(number) <= _LARGEST_WINDOW
        ):
            size = int(number)
            context.store.update_session(session.id, context_size=size)
            context.manager.set_pending_context_size(size)
            return Said(f"The context window is {size} tokens, here and in the next session.")
        case _:
            raise _Misused


def _describe_context(prompt: Prompt) -> str:
    sent = sum(1 for message in prompt.messages if message.id)
    older = " Older messages are not sent." if prompt.truncated else ""
    return (
        f"{prompt.tokens} of {prompt.limit} tokens are taken by {sent} messages; the window is {prompt.window} tokens."
        + older
    )


def _title(context: Context, title: str) -> Reply:
    if not title:
        raise _Misused
    session = context.store.update_session(context.manager.current_session.id, title=title)
    return Said(f"This session is called “{session.title}”.")


def _sessions(context: Context, _: str) -> Reply:
    page = context.store.list_sessions(limit=_LISTED)
    return Listed(page.items, context.manager.current_session.id)


def _switch(context: Context, id: str) -> Reply:
    if not id:
        raise _Misused
    session = context.store.find_session(id)
    if session is None:
        return Failed(f"No session has an id that begins or ends with {id!r}; /sessions lists them.")
    return Switched(context.manager.switch(session.id), context.manager.session_path())


def _search(context: Context, words: str) -> Reply:
    if not words:
        raise _Misused
    page = context.store.search(words, limit=_FOUND)
    return Found(words, page.items, page.cut)


def _export(context: Context, words: str) -> Reply:
    format, path = _export_target(words, context.manager.current_session)
    if path.is_dir():
        path /= _export_name(context.manager.current_session, format)
    if path.exists():
        return Failed(f"{path} exists already: name another file.")
    take_out(context.store, path, format=format, session_ids=[context.manager.current_session.id])
    return Said(f"This session is written to {path}.")


def _export_target(words: str, session: Session) -> tuple[str, Path]:
    """The format and the file of `[FORMAT] [FILE]`: where only a file is named, its ending tells the format."""
    first, _, rest = words.partition(" ")
    if first.lower() in FORMATS:
        format = first.lower()
        return format, Path(rest.strip() or _export_name(session, format)).expanduser()
    path = Path(words).expanduser() if words else None
    suffix = path.suffix.lower() if path else ".md"
    format = next((name for name, ending in _ENDINGS.items() if suffix == f".{ending}"), "markdown")
    return format, path or Path(_export_name(session, format))


def _export_name(session: Session, format: str) -> str:
    return f"session-{short(session.id)}.{_ENDINGS.get(format, 'json')}"


def _retry(context: Context, _: str) -> Reply:
    for message in newest_first(context.store, context.manager.current_session.id):
        if message.role in ("user", "assistant"):
            return Started(context.engine.retry(message.id))
    return Failed("Nothing was asked here yet.")


def _help(_context: Context, _: str) -> Reply:
    return Helped(COMMANDS)


def _quit(_context: Context, _: str) -> Reply:
    return Ended()


COMMANDS: tuple[Command, ...] = (
    Command("new", "", "Start a session on the same model; this one stays.", _new),
    Command("model", "[NAME]", "Go on with another model in a new session, or list the models.", _model),
    Command("context", "[size N]", "Show what is sent to the model, or set its window in tokens.", _context),
    Command("title", "TEXT", "Name this session.", _title, ("rename",)),
    Command("sessions", "", "List the sessions, newest first.", _sessions, ("ls",)),
    Command(
        "switch",
        "ID",
        "Go on with another session; the last digits of its id are enough.",
        _switch,
        ("resume",),
    ),
    Command("search", "WORDS", "Search all sessions.", _search, ("find",)),
    Command(
        "export",
        "[FORMAT] [FILE]",
        f"Write this session to a file: {', '.join(_ENDINGS)}.",
        _export,
        ("save",),
    ),
    Command("retry", "", "Ask the last question again; the answer before is kept.", _retry),
    Command("help", "", "List the commands.", _help, ("h", "?")),
    Command("quit", "", "Leave.", _quit, ("exit", "q")),
)


class _Misused(Exception):
    """The arguments are not those of the usage."""


def _find(name: str) -> Command | None:
    return next((command for command in COMMANDS if name in (command.name, *command.aliases)), None)


def _unknown(name: str) -> str:
    names = [known for command in COMMANDS for known in (command.name, *command.aliases)]
    near = [known for known in names if name and known.startswith(name.lower())]
    near = near or difflib.get_close_matches(name.lower(), names, n=3)
    guess = f" Did you mean {' or '.join(f'/{known}' for known in near[:3])}?" if near else ""
    return f"There is no command /{name[:40]}.{guess} /help lists them all."
