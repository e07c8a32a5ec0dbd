"""`palaver rename`, `pin`, `unpin`, `tag` and `archive`."""

from collections.abc import Sequence

import click

from palaver.cli.app import App, command
from palaver.cli.arguments import session_argument, sessions_argument
from palaver.cli.output import notice, print_json
from palaver.cli.terms import named
from palaver.model import Session


@command("rename")
@session_argument
@click.argument("title", nargs=-1, required=True)
def rename(app: App, *, session: str, title: tuple[str, ...]) -> None:
    """Give a session a title.

    A title given by hand stays; no model replaces it.
    """
    found = app.session(session)
    report(app, [app.store().update_session(found.id, title=" ".join(title))], "Renamed")


@command("pin")
@sessions_argument
def pin(app: App, *, sessions: tuple[str, ...]) -> None:
    """Keep sessions at hand and out of every clean-up."""
    _pin(app, sessions, pinned=True)


@command("unpin")
@sessions_argument
def unpin(app: App, *, sessions: tuple[str, ...]) -> None:
    """Let go of pinned sessions."""
    _pin(app, sessions, pinned=False)


@command("archive")
@sessions_argument
@click.option("--undo", is_flag=True, help="Take them back into the list.")
def archive(app: App, *, sessions: tuple[str, ...], undo: bool) -> None:
    """Put sessions aside, out of the list.

    They stay searchable, and `palaver ls --archived` lists them.
    """
    found = app.sessions(sessions)
    changed = [app.store().update_session(s.id, archived=not undo) for s in found]
    report(app, changed, "Back in the list:" if undo else "Archived")


@command("tag", context_settings={"ignore_unknown_options": True})
@session_argument
@click.argument("changes", nargs=-1, metavar="[+TAG | -TAG]...", type=click.UNPROCESSED)
@click.option("--add", multiple=True, metavar="TAG", help="Add this tag, whatever it begins with.")
@click.option("--remove", multiple=True, metavar="TAG", help="Remove this tag.")
def tag(
    app: App, *, session: str, changes: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...]
) -> None:
    """List, add and remove a session's tags.

    `palaver tag ID +work -old` adds one and removes another; a plain word is added.
    """
    found = app.session(session)
    added = [*add, *(c.removeprefix("+") for c in changes if not c.startswith("-"))]
    removed = {*remove, *(c.removeprefix("-") for c in changes if c.startswith("-"))}
    if added or removed:
        tags = [name for name in dict.fromkeys([*found.tags, *added]) if name not in removed]
        found = app.store().update_session(found.id, tags=tags, expected_revision=found.revision)
    if app.as_json:
        print_json(found)
    else:
        for name in found.tags:
            click.echo(name)


def report(app: App, sessions: Sequence[Session], done: str) -> None:
    """What was done to which sessions; as JSON the session, or a list of several."""
    if app.as_json:
        print_json(sessions[0] if len(sessions) == 1 else sessions)
        return
    for session in sessions:
        notice(f"{done} {named(session)}")


def _pin(app: App, names: tuple[str, ...], *, pinned: bool) -> None:
    found = app.sessions(names)
    changed = [app.store().update_session(s.id, pinned=pinned) for s in found]
    report(app, changed, "Pinned" if pinned else "Unpinned")
