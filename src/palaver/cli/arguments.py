"""Parameters that several commands take."""

from collections.abc import Callable
from datetime import datetime
from os import environ
from typing import Any

import click
from click.shell_completion import CompletionItem

from palaver.cli.app import App
from palaver.cli.options import Flags
from palaver.cli.terms import one_line
from palaver.errors import PalaverError
from palaver.ids import short
from palaver.model import Session, Time
from palaver.store import Filter

_OFFERED = 50


class SessionName(click.ParamType[str]):
    """An id or a part of it; completed from the newest sessions, by id or by words of the title."""

    name = "session"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 (click's signature)
        incomplete: str,
    ) -> list[CompletionItem]:
        try:
            with App(Flags.of(ctx), environ) as app:
                return [_item(s) for s in offered(app) if _fits(s, incomplete)]
        except PalaverError:
            return []  # a shell that completes a word has no place for an error


def offered(app: App) -> list[Session]:
    """The newest sessions, without ever asking for a passphrase or making a database."""
    if app.locked:
        return []
    store = app.find_store()
    return store.list_sessions(filter=Filter(state="any", empty=True), limit=_OFFERED).items if store else []


def _fits(session: Session, incomplete: str) -> bool:
    wanted = incomplete.casefold()
    starts = (session.id, short(session.id), *session.title.casefold().split())
    return any(start.startswith(wanted) for start in starts)


def _item(session: Session) -> CompletionItem:
    return CompletionItem(short(session.id), help=one_line(session.title))


class Moment(click.ParamType[Time]):
    """A date or a time; one without a zone is the person's own."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Time:
        try:
            return Time.of(datetime.fromisoformat(value).astimezone())
        except (ValueError, OverflowError):
            what = f"{value!r} is not a date such as 2026-01-27 or a time such as 2026-01-27T09:00"
            self.fail(what, param, ctx)


session_argument = click.argument("session", type=SessionName(), metavar="ID")
sessions_argument = click.argument("sessions", type=SessionName(), metavar="ID...", nargs=-1, required=True)


def paging(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of a list: how many, from where, or all."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        limit = click.option(
            "-n",
            "--limit",
            default=default,
            show_default=True,
            type=click.IntRange(1),
            metavar="N",
            help="How many.",
        )
        after = click.option("--after", metavar="CURSOR", help="Go on where the last page ended.")
        every = click.option("-a", "--all", "every", is_flag=True, help="All of them.")
        return limit(after(every(function)))

    return decorate
