"""`palaver rm`, `untrash` and `purge`: what a person destroys, a person can bring back, until it is purged."""

from datetime import timedelta

import click

from palaver.cli.app import App, command
from palaver.cli.arguments import SessionName, sessions_argument
from palaver.cli.organise import report
from palaver.cli.output import notice, print_json
from palaver.cli.progress import working
from palaver.cli.terms import named, number
from palaver.ids import short
from palaver.model import Session
from palaver.store import TRASH_DAYS


@command("rm")
@sessions_argument
def rm(app: App, *, sessions: tuple[str, ...]) -> None:
    """Put sessions into the trash.

    They can be brought back with `palaver untrash` for 30 days.
    """
    changed = [app.store().trash_session(s.id) for s in app.sessions(sessions)]
    report(app, changed, "In the trash:")
    if not app.as_json:
        notice(f"Bring back with: palaver untrash {' '.join(short(s.id) for s in changed)}")


@command("untrash")
@sessions_argument
def untrash(app: App, *, sessions: tuple[str, ...]) -> None:
    """Bring sessions back from the trash."""
    report(app, [app.store().untrash_session(s.id) for s in app.sessions(sessions)], "Back:")


@command("purge")
@click.argument("sessions", type=SessionName(), metavar="[ID]...", nargs=-1)
@click.option("--trash", is_flag=True, help="Everything in the trash.")
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.IntRange(0),
    help=f"What has been in the trash for longer.  [default: {TRASH_DAYS}]",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def purge(app: App, *, sessions: tuple[str, ...], trash: bool, older_than: int | None, yes: bool) -> None:
    """Remove sessions, or the trash, for good.

    Without an ID and without --trash only what has been in the trash for longer than 30 days.
    """
    if sessions and (trash or older_than is not None):
        raise click.UsageError("Name sessions or purge the trash, not both.")
    if sessions:
        _purge_sessions(app, app.sessions(sessions), yes=yes)
    else:
        days = older_than if older_than is not None else 0 if trash else TRASH_DAYS
        _purge_trash(app, days, yes=yes)


def _purge_sessions(app: App, sessions: list[Session], *, yes: bool) -> None:
    for session in sessions:
        notice(f"{named(session)}, {number(session.message_count, 'message')}")
    if not app.confirm(f"Remove {number(len(sessions), 'session')} for good?", yes=yes):
        notice("Nothing was removed.")
        return
    with working("Removing"):
        for session in sessions:
            app.store().purge_session(session.id)
    _tell(app, len(sessions))


def _purge_trash(app: App, days: int, *, yes: bool) -> None:
    store = app.existing_store()
    what = (
        f"what has been in the trash for more than {number(days, 'day')}"
        if days
        else "everything in the trash"
    )
    if not app.confirm(f"Remove {what} for good?", yes=yes):
        notice("Nothing was removed.")
        return
    with working("Removing"):
        count = store.purge_trash(older_than=timedelta(days=days))
    _tell(app, count)


def _tell(app: App, count: int) -> None:
    if app.as_json:
        print_json({"purged": count})
    else:
        notice(f"Removed for good: {number(count, 'thing')}.")
