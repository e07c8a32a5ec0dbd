"""The table of the slash commands, and how a line becomes one of them."""

import difflib
import re

from palaver.chat.commands import asking, checkpoints, context, models, modes, sessions, snapshots, tools
from palaver.chat.commands.command import Command, Context, Misused, Run, command
from palaver.chat.commands.replies import Ended, Failed, Helped, Reply
from palaver.errors import Busy, Conflict, ContextOverflow, Invalid, NotFound, ProviderError


def is_command(line: str) -> bool:
    """True for `/word` and what follows; a path such as `/usr/bin` and `//…` are text."""
    return re.match(r"/[A-Za-z?][^\s/]*(\s|$)", line) is not None


def run_command(context: Context, line: str) -> Reply:
    """Do what a line such as `/title My talk` says. Raises only what is a defect or a failing store."""
    name, rest = _divide(line.strip().removeprefix("/"))
    found = _find(name.lower())
    if found is None:
        return Failed(_unknown(name))
    word, behind = _divide(rest)
    for part in found.verbs:
        if part.name == word.lower():
            return _run(part.run, context, behind, f"{found.name} {part.name} {part.usage}")
    if rest and not found.free:
        names = ", ".join(part.name for part in found.verbs)
        return Failed(f"There is no /{found.name} {word[:40]}; there are: {names}.")
    return _run(found.run, context, rest, f"{found.name} {found.syntax}")


def _run(run: Run, context: Context, words: str, usage: str) -> Reply:
    try:
        return run(context, words)
    except Misused:
        return Failed(f"Usage: /{usage}".rstrip())
    except (Busy, Conflict, ContextOverflow, Invalid, NotFound, ProviderError) as exc:
        return Failed(exc.message)


def _divide(text: str) -> tuple[str, str]:
    """The first word, and what stands behind it with its lines as they are."""
    word, *rest = text.split(None, 1) or [""]
    return word, rest[0].strip() if rest else ""


def _help(_context: Context, words: str) -> Reply:
    if not words:
        return Helped(COMMANDS)
    found = _find(words.lower().removeprefix("/"))
    return Helped([found]) if found else Failed(_unknown(words.removeprefix("/")))


def _quit(_context: Context, _: str) -> Reply:
    return Ended()


COMMANDS: tuple[Command, ...] = (
    *sessions.COMMANDS,
    *models.COMMANDS,
    *asking.COMMANDS,
    *context.COMMANDS,
    *snapshots.COMMANDS,
    *checkpoints.COMMANDS,
    *modes.COMMANDS,
    *tools.COMMANDS,
    command("help", "[COMMAND]", "List the commands, or say more of one.", _help, aliases=("h", "?")),
    command("quit", "", "Leave.", _quit, aliases=("exit", "q")),
)


def _find(name: str) -> Command | None:
    return next((known for known in COMMANDS if name in (known.name, *known.aliases)), None)


def _unknown(name: str) -> str:
    names = [known for command in COMMANDS for known in (command.name, *command.aliases)]
    near = [known for known in names if name and known.startswith(name.lower())]
    near = near or difflib.get_close_matches(name.lower(), names, n=3)
    guess = f" Did you mean {' or '.join(f'/{known}' for known in near[:3])}?" if near else ""
    return f"There is no command /{name[:40]}.{guess} /help lists them all."
