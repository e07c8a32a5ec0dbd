"""`palaver`: the table of commands, and what becomes of their errors."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, cast

import click

from palaver import __version__
from palaver.cli import exits
from palaver.cli.lazy import LazyGroup
from palaver.cli.options import Flags, shared_options
from palaver.errors import PalaverError

SECTIONS = {
    "Talk and read": {
        "chat": ("chat", "Talk with a model."),
        "ls": ("ls", "List sessions, newest first."),
        "show": ("show", "Show a session's messages."),
        "search": ("search", "Find words in every session."),
        "context": ("context", "Show what of a session would be sent to its model."),
    },
    "Organise": {
        "new": ("new", "Make an empty session."),
        "rename": ("organise", "Give a session a title."),
        "pin": ("organise", "Keep sessions at hand and out of every clean-up."),
        "unpin": ("organise", "Let go of pinned sessions."),
        "tag": ("organise", "List, add and remove a session's tags."),
        "archive": ("organise", "Put sessions aside, out of the list."),
        "fork": ("fork", "Make a new session that begins as a copy of a branch."),
        "rm": ("trash", "Put sessions into the trash."),
        "untrash": ("trash", "Bring sessions back from the trash."),
        "purge": ("trash", "Remove sessions, or the trash, for good."),
    },
    "Move": {
        "import": ("transfer", "Bring in conversations from files."),
        "export": ("transfer", "Write conversations to a file."),
        "copy": ("copy", "Copy everything of one store into another."),
    },
    "Serve": {
        "serve": ("serve", "Serve the web page and the REST API."),
    },
    "Look after": {
        "verify": ("upkeep", "Look at every row for damage."),
        "backup": ("upkeep", "Copy the database while it is in use."),
        "encrypt": ("encryption", "Encrypt the database with a passphrase."),
        "decrypt": ("encryption", "Turn an encrypted database into a plain one."),
        "stats": ("upkeep", "Count and measure what is stored."),
        "config": ("config", "Show the settings in force and the models found."),
        "completion": ("completion", "Print the script that completes words in a shell."),
    },
}


class Palaver(LazyGroup):
    """The root. Every error ends here: as one line on stderr and an exit code of its own."""

    sections = SECTIONS

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        options["standalone_mode"] = False
        sys.exit(_run(lambda: super(Palaver, self).main(arguments, *rest, **options), arguments))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        # Here, before click makes an exit code and an empty line of its own out of them.
        except KeyboardInterrupt as exc:
            if sys.stderr.isatty():
                click.echo(err=True)  # behind the ^C
            raise click.Abort from exc
        except BrokenPipeError as exc:
            _silence(sys.stdout)
            raise click.exceptions.Exit(exits.exit_code("broken_pipe")) from exc


@click.group(
    cls=Palaver,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="A session is named by its id, or any unique beginning or ending of 6 digits or more.",
)
@click.version_option(__version__, "--version", message="palaver %(version)s")
@click.pass_context
def palaver(ctx: click.Context) -> None:
    """Keep conversations with language models, find them again, and go on with them.

    Alone it serves the web page to this machine and opens it in the browser, as `palaver serve` does.
    """
    Flags.of(ctx)
    if ctx.invoked_subcommand is None:
        # Imported by name, as every command is: the server is slow to load.
        _, serve, _ = palaver.resolve_command(ctx, ["serve"])
        ctx.invoke(cast("click.Command", serve))


palaver.params = [*shared_options(shown=True), *palaver.params]


def main() -> None:
    """The entry point of the `palaver` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a sign shows a ? for it
    palaver.main(prog_name="palaver")


def _run(call: Callable[[], Any], arguments: Sequence[str]) -> int:
    asked = arguments[: arguments.index("--")] if "--" in arguments else arguments
    try:
        result = call()
        sys.stdout.flush()
    except BaseException as exc:  # noqa: BLE001 (the last place: what is not told here is told nowhere)
        if "--debug" in asked:
            traceback.print_exc()
        return _tell(exc, as_json="--json" in asked)
    # `verify` and `chat` return an exit code, other commands nothing.
    return result if isinstance(result, int) else 0


def _tell(exc: BaseException, *, as_json: bool) -> int:
    if isinstance(exc, BrokenPipeError):
        _silence(sys.stdout)
        return exits.exit_code("broken_pipe")
    problem = _problem(exc)
    with contextlib.suppress(OSError):
        click.echo(exits.render(problem, as_json=as_json), err=True)
    return exits.exit_code(problem["code"])


def _problem(exc: BaseException) -> dict[str, Any]:
    match exc:
        case SystemExit():
            raise exc
        case PalaverError():
            return exits.describe(exc)
        case click.UsageError():
            command = exc.ctx.command_path if exc.ctx else "palaver"
            return exits.problem("usage", f"{exc.format_message()} See `{command} --help`.")
        case click.ClickException():
            return exits.problem("error", exc.format_message())
        case KeyboardInterrupt() | click.Abort():
            return exits.problem("interrupted", "interrupted")
        case OSError() if exc.strerror:
            where = f"{exc.filename}: " if exc.filename else ""
            return exits.problem("unavailable", f"{where}{exc.strerror}")
    what = f"{type(exc).__name__}: {exc}".rstrip(": ")
    hint = "This is a defect; --debug shows where it came from."
    return exits.problem("defect", f"{what}. {hint}")


def _silence(stream: Any) -> None:
    """Nobody reads any more: let the interpreter's last flush go nowhere instead of complaining."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
