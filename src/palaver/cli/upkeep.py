"""`palaver verify`, `backup` and `stats`."""

from pathlib import Path

import click

from palaver import wire
from palaver.cli.app import App, command
from palaver.cli.exits import exit_code
from palaver.cli.output import notice, print_json
from palaver.cli.progress import working
from palaver.cli.terms import number, size
from palaver.model import Problem


@command("verify")
@click.option(
    "--repair", is_flag=True, help="Mend what can be derived from the messages; none is ever dropped."
)
def verify(app: App, *, repair: bool) -> int:
    """Look at every row for damage.

    Ends with exit code 9 where something is damaged and not repaired.
    """
    store = app.existing_store()
    with working("Verifying"):
        report = store.verify(repair=repair)
    if app.as_json:
        print_json(report)
    else:
        for problem in report.problems:
            click.echo(_line(problem))
        checked = ", ".join(f"{count:,} {kind}" for kind, count in report.checked.items())
        notice(f"{number(len(report.problems), 'problem')} in {store.location} ({checked})")
    left = [problem for problem in report.problems if not problem.repaired]
    if left and not repair and not app.as_json:
        notice("`palaver verify --repair` mends what can be derived; `palaver backup` first.")
    return exit_code("corrupt") if left else 0


@command("backup")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option(
    "--keep",
    type=click.IntRange(1),
    metavar="N",
    help="How many dated backups to leave.  [default: setting backup_keep]",
)
def backup(app: App, *, path: Path | None, keep: int | None) -> None:
    """Copy the database while it is in use.

    PATH is a file or a folder; without it, or with a folder, the copy gets a dated name. Prints where it is.
    """
    dated = path is None or path.is_dir()
    store = app.existing_store()
    with working("Copying"):
        made = store.backup(path, keep=keep or (app.settings.backup_keep if dated else None))
    if app.as_json:
        print_json({"path": str(made), "size": made.stat().st_size})
    else:
        click.echo(made)


@command("stats")
def stats(app: App) -> None:
    """Count and measure what is stored."""
    found = app.existing_store().stats()
    if app.as_json:
        print_json(found)
        return
    for name, value in wire.to_builtins(found).items():
        click.echo(f"{_LABELS.get(name, name):<18}{_amount(name, value)}")


_LABELS = {
    "trashedSessions": "sessions in trash",
    "trashedMessages": "messages in trash",
    "fileSize": "size of files",
    "databaseSize": "size of database",
    "indexSize": "size of index",
}


def _amount(name: str, value: object) -> str:
    if not isinstance(value, int):
        return str(value)
    return size(value) if name.endswith("Size") else f"{value:,}"


def _line(problem: Problem) -> str:
    state = "repaired" if problem.repaired else "damaged"
    return f"{state}\t{problem.kind}\t{problem.where}\t{problem.what}"
