"""`palaver fork`."""

import click

from palaver.cli.app import App, command
from palaver.cli.arguments import session_argument
from palaver.cli.branches import find_message
from palaver.cli.output import print_json
from palaver.store import HEAD


@command("fork")
@session_argument
@click.option(
    "--at", metavar="MESSAGE", help="The last message of the copy; without it the branch that is shown."
)
@click.option("--title", help="The title of the copy.")
def fork(app: App, *, session: str, at: str | None, title: str | None) -> None:
    """Make a new session that begins as a copy of a branch.

    Prints the new session's id. The old one stays as it is.
    """
    source = app.session(session)
    store = app.store()
    leaf = find_message(store, source, at).id if at else HEAD
    copy = store.fork_session(source.id, leaf_id=leaf, title=title)
    if app.as_json:
        print_json(copy)
    else:
        click.echo(copy.id)
