"""`palaver ls`."""

import sys

import click
from rich.text import Text

from palaver.cli.app import App, command
from palaver.cli.arguments import Moment, paging
from palaver.cli.output import notice, out
from palaver.cli.paging import Walk
from palaver.cli.terms import age, fit, one_line, title
from palaver.ids import short
from palaver.model import Page, Session, Time
from palaver.store import Filter, State

_COUNT, _AGE, _GAP = 7, 10, 2
_TITLE = 6
_NARROW = 70


@command("ls")
@paging(50)
@click.option("--tag", "tags", multiple=True, help="Only with this tag; may be repeated.")
@click.option("--model", help="Only of this model.")
@click.option("--project", metavar="ID", help="Only of this project.")
@click.option("--pinned", is_flag=True, help="Only pinned ones.")
@click.option("--archived", "state", flag_value="archived", help="The archived ones instead.")
@click.option("--trash", "state", flag_value="trash", help="Those in the trash instead.")
@click.option("--since", type=Moment(), help="Only with something said after this time.")
@click.option("--until", type=Moment(), help="Only with nothing said at this time or later.")
@click.option("--empty", is_flag=True, help="Empty sessions, too.")
def ls(
    app: App,
    *,
    limit: int,
    after: str | None,
    every: bool,
    tags: tuple[str, ...],
    model: str | None,
    project: str | None,
    pinned: bool,
    state: State | None,
    since: Time | None,
    until: Time | None,
    empty: bool,
) -> None:
    """List sessions, newest first.

    In a pipe: one line each, with id, title, model, number of messages and time, separated by tabs.
    """
    narrowed = Filter(
        project_id=project,
        model=model,
        tags=tags,
        pinned=pinned or None,
        state=state,
        after=since,
        before=until,
        empty=empty,
    )
    store = app.find_store()
    if store is None:
        notice(f"There is no database at {app.database} yet.")

    def fetch(cursor: str | None, count: int) -> Page[Session]:
        return store.list_sessions(filter=narrowed, after=cursor, limit=count) if store else Page([])

    walk = Walk(fetch, after=after, limit=None if every else limit)
    if app.as_json:
        walk.print_json()
    elif sys.stdout.isatty():
        _show(walk)
    else:
        for session in walk:
            click.echo(_fields(session))


def _show(walk: Walk[Session]) -> None:
    console, found, now = out(), False, Time.current()
    for session in walk:
        console.print(line(session, console.width, now), no_wrap=True, overflow="crop", crop=True)
        found = True
    if not found:
        notice("No sessions. `palaver chat` starts one.")
    if walk.next_cursor:
        notice(f"More: palaver ls --after {walk.next_cursor}, or --all")


def line(session: Session, width: int, now: Time) -> Text:
    """One session in exactly `width` cells: short id, title, model, number of messages, age."""
    model_width = 0 if width < _NARROW else min(24, width // 5)
    gaps = _GAP * (4 if model_width else 3)
    title_width = max(_TITLE, width - 8 - model_width - _COUNT - _AGE - gaps)
    gap = " " * _GAP
    columns = [
        (short(session.id), "cyan"),
        (gap + fit(title(session), title_width), "bold" if session.pinned else ""),
        (gap + fit(one_line(session.model or "-"), model_width) if model_width else "", "dim"),
        (gap + f"{session.message_count:>{_COUNT},}", ""),
        (gap + f"{age(session.updated_at, now):>{_AGE}}", "green"),
    ]
    return Text.assemble(*columns, end="")


def _fields(session: Session) -> str:
    return "\t".join(
        (
            session.id,
            one_line(session.title),
            one_line(session.model or ""),
            str(session.message_count),
            str(session.updated_at),
        )
    )
