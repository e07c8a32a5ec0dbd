"""`palaver context`."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from palaver import locations, wire
from palaver.chat.weighing import Line, Weighed, list_lines, weigh
from palaver.cli.app import App, command
from palaver.cli.arguments import session_argument
from palaver.cli.output import notice, out, print_json_items
from palaver.cli.terms import one_line
from palaver.cli.transcript import Reader
from palaver.cli.weights import show_lines, show_weight
from palaver.model import Session

if TYPE_CHECKING:
    from palaver.providers.base import Provider


@command("context")
@session_argument
def context(app: App, *, session: str) -> None:
    """Show what of a session would be sent to its model.

    Every message in order with its tokens, or with the reason why it is not sent. Works without a model's server: the
    window is then the session's, else what is known of the model, else 4,096 tokens.

    In a pipe: one line each, with tokens, kind, role, place, id, reason and text, separated by tabs.
    """
    found = app.session(session)
    weighed, lines = _weigh(app, found)
    if app.as_json:
        print_json_items(f'{wire.encode(weighed).decode()[:-1]},"lines":[', lines)
        click.echo("]}")
    elif sys.stdout.isatty():
        _show(found, weighed, lines)
    else:
        for line in lines:
            click.echo(_fields(line))
        notice(f"{weighed.tokens} of {weighed.limit} tokens; the window is {weighed.window}.")


def _weigh(app: App, session: Session) -> tuple[Weighed, Iterator[Line]]:
    # An HTTP client and what runs turns, for this command and the chat alone.
    from palaver.chat.engine import Engine  # noqa: PLC0415

    store = app.store()
    engine = Engine(store, [_find_provider(app, session)], settings=app.settings)
    try:
        view = engine.look(session.id)
        prompt = view.prompt()
    finally:
        engine.close()
    weighed = weigh(session, prompt, view.window, view.checkpoints)
    return weighed, list_lines(store, session, prompt, view.checkpoints)


def _find_provider(app: App, session: Session) -> "Provider":
    """Who can say most of the session's model. Nobody is asked where the session itself says the window."""
    from palaver.providers.absent import AbsentProvider  # noqa: PLC0415 (see above)
    from palaver.providers.discover import find_providers  # noqa: PLC0415

    name = session.provider or "none"
    if session.context_size is not None:
        return AbsentProvider(name)
    found = find_providers(app.settings, app.environment, locations.credentials())
    return AbsentProvider(name, next((provider for provider in found if provider.name == name), None))


def _show(session: Session, weighed: Weighed, lines: Iterator[Line]) -> None:
    console = out()
    Reader(console).show_session(session)
    show_weight(console, weighed)
    console.print()
    show_lines(console, lines)


def _fields(line: Line) -> str:
    return "\t".join(
        (
            "-" if line.tokens is None else str(line.tokens),
            line.kind,
            line.role,
            "" if line.position is None else str(line.position),
            line.id or "",
            line.reason or "",
            one_line(line.preview),
        )
    )
