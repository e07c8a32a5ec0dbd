"""`palaver search`."""

import sys

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from palaver.cli.app import App, command
from palaver.cli.arguments import Moment, SessionName, paging
from palaver.cli.output import notice, out
from palaver.cli.paging import Walk
from palaver.cli.terms import age, one_line, visible
from palaver.ids import short
from palaver.model import ROLES, Hit, Page, Role, Time
from palaver.store import Filter, State


@command("search")
@click.argument("words", nargs=-1, required=True)
@paging(20)
@click.option("--session", type=SessionName(), metavar="ID", help="Only in this session.")
@click.option("--project", metavar="ID", help="Only in this project.")
@click.option("--role", type=click.Choice(ROLES), help="Only what this role said.")
@click.option("--model", help="Only sessions of this model.")
@click.option("--tag", "tags", multiple=True, help="Only sessions with this tag; may be repeated.")
@click.option("--since", type=Moment(), help="Only later than this.")
@click.option("--until", type=Moment(), help="Only earlier than this.")
@click.option("--archived", "state", flag_value="archived", help="In archived sessions instead.")
@click.option("--trash", "state", flag_value="trash", help="In the trash instead.")
@click.option("--shown", is_flag=True, help="Only on the branches that are shown.")
def search(
    app: App,
    *,
    words: tuple[str, ...],
    limit: int,
    after: str | None,
    every: bool,
    session: str | None,
    project: str | None,
    role: Role | None,
    model: str | None,
    tags: tuple[str, ...],
    since: Time | None,
    until: Time | None,
    state: State | None,
    shown: bool,
) -> None:
    """Find words in every session.

    "Quotes" make a phrase, the last word may be a beginning, and filters may stand among the words:
    role:user model:NAME tag:NAME before:2026-01-31 after:2026-01-01 has:tool has:file in:archived in:trash.

    In a pipe: one line each, with session, message, role, time and snippet, separated by tabs.
    """
    store = app.find_store()
    if store is None:
        notice(f"There is no database at {app.database} yet.")
    narrowed = Filter(
        session_id=app.session(session).id if session else None,
        project_id=project,
        role=role,
        model=model,
        tags=tags,
        after=since,
        before=until,
        state=state,
        branch="shown" if shown else "all",
    )
    query = " ".join(words)

    def fetch(cursor: str | None, count: int) -> Page[Hit]:
        return store.search(query, filter=narrowed, after=cursor, limit=count) if store else Page([])

    walk = Walk(fetch, after=after, limit=None if every else limit)
    if app.as_json:
        walk.print_json()
    elif sys.stdout.isatty():
        _show(walk)
    else:
        for hit in walk:
            click.echo(_fields(hit))
    if walk.cut:
        notice("The search took too long and was cut: there may be more.")


def _show(walk: Walk[Hit]) -> None:
    console, found, now = out(), False, Time.current()
    for hit in walk:
        show_hit(console, hit, now)
        found = True
    if not found:
        notice("Nothing found.")
    elif walk.next_cursor:
        notice(f"More with --after {walk.next_cursor}, or --all")


def show_hit(console: Console, hit: Hit, now: Time, *, openable: bool = True) -> None:
    """Where it is, and the snippet below."""
    console.print(heading(hit, now, openable=openable))
    console.print(Padding(marked(hit), (0, 0, 0, 2)))


def heading(hit: Hit, now: Time, *, openable: bool = True) -> Text:
    """Where the hit is; `openable` says it as `palaver show` takes it: SESSION --at MESSAGE."""
    where = f" --at {short(hit.message_id)}" if hit.message_id and openable else ""
    return Text.assemble(
        (short(hit.session_id), "cyan"),
        (where, "cyan"),
        "  ",
        (one_line(hit.title), "bold"),
        (f"  {hit.role or 'title'}, {age(hit.created_at, now)}", "dim"),
    )


def marked(hit: Hit) -> Text:
    """The snippet with its hits marked."""
    # One sign for each, so that the ranges stay where they are.
    text = Text("".join(visible(sign) if sign not in "\n\t\r" else " " for sign in hit.snippet))
    for start, end in hit.ranges:
        text.stylize("bold black on yellow", start, end)
    return text


def _fields(hit: Hit) -> str:
    return "\t".join(
        (
            hit.session_id,
            hit.message_id or "",
            hit.role or "title",
            str(hit.created_at),
            one_line(hit.snippet),
        )
    )
