"""`palaver new`."""

import click

from palaver.cli.app import App, command
from palaver.cli.output import print_json


@command("new")
@click.option("--title", help="Its title; without one it gets its first question.")
@click.option("--model", help="The model that will answer.")
@click.option("--provider", help="Whose model that is.")
@click.option("--context-size", type=click.IntRange(1), metavar="N", help="The model's window, in tokens.")
@click.option("--system-prompt", help="What the model is told before anything else.")
@click.option("--project", metavar="ID", help="The project it belongs to; yours is the personal one.")
def new(
    app: App,
    *,
    title: str | None,
    model: str | None,
    provider: str | None,
    context_size: int | None,
    system_prompt: str | None,
    project: str | None,
) -> None:
    """Make an empty session.

    Prints its id. `palaver ls` leaves empty sessions out.
    """
    chosen = app.settings
    session = app.store().create_session(
        project_id=project,
        title=title,
        model=model or chosen.model,
        provider=provider,
        context_size=context_size or chosen.context_size,
        system_prompt=chosen.system_prompt if system_prompt is None else system_prompt,
    )
    if app.as_json:
        print_json(session)
    else:
        click.echo(session.id)
