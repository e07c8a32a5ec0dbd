"""`palaver import` and `palaver export`."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from palaver import wire
from palaver.cli.app import App, command
from palaver.cli.arguments import SessionName
from palaver.cli.exits import exit_code
from palaver.cli.output import notice, print_json
from palaver.cli.progress import measuring, working
from palaver.cli.terms import number
from palaver.errors import Conflict, Corrupt, PalaverError
from palaver.formats import FORMATS, ImportReport, bring_in, take_out
from palaver.storage import rescued

_SHOWN = 20
_ENDINGS = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html"}
_READABLE = sorted(name for name, known in FORMATS.items() if known.read)
_WRITABLE = sorted(name for name, known in FORMATS.items() if known.write)


@command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--dry-run", is_flag=True, help="Say what would come in, and change nothing.")
@click.option("-f", "--format", type=click.Choice(_READABLE), help="Do not look at the file; it is this.")
@click.option("--project", metavar="ID", help="Where the sessions go.")
def import_(
    app: App, *, files: tuple[str, ...], dry_run: bool, format: str | None, project: str | None
) -> int:
    """Bring in conversations from files.

    The format is found by looking into the file. A FILE may be a folder of session files, or - for stdin. Importing
    again changes nothing. Ends with an exit code other than 0 where a file could not be read at all.
    """
    reports: list[dict[str, Any]] = []
    worst = 0
    for name in files:
        try:
            report = _bring_in(app, name, format=format, project=project, dry_run=dry_run)
        except PalaverError as exc:
            if len(files) == 1:
                raise
            notice(f"palaver: {name}: {exc}")
            worst = worst or exit_code(exc.code)
            continue
        reports.append({"file": name, **wire.to_builtins(report)})
        if not app.as_json:
            _tell(name, report)
    if app.as_json:
        print_json(reports[0] if len(files) == 1 else reports)
    return worst


def _bring_in(app: App, name: str, *, format: str | None, project: str | None, dry_run: bool) -> ImportReport:
    source = sys.stdin.buffer if name == "-" else Path(name)
    with measuring(f"Importing {Path(name).name}") as progress:
        return bring_in(
            app.store(), source, format=format, project_id=project, dry_run=dry_run, progress=progress
        )


@command("export")
@click.argument("sessions", nargs=-1, type=SessionName(), metavar="[ID]...")
@click.option(
    "-f", "--format", type=click.Choice(_WRITABLE), help="[default: by the file's ending, else palaver]"
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file, or a folder for a file each.")
@click.option("--project", metavar="ID", help="All sessions of this project.")
@click.option("--trash/--no-trash", default=None, help="With what is in the trash, or without.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def export(
    app: App,
    *,
    sessions: tuple[str, ...],
    format: str | None,
    output: Path | None,
    project: str | None,
    trash: bool | None,
    force: bool,
) -> int:
    """Write conversations to a file.

    The sessions named, else all of them; to stdout where no file is named. The format "palaver" loses nothing and can be
    imported again. What is damaged in the database is passed over and named, and the exit code is 9.
    """
    if output and output.is_file() and not force:
        raise Conflict(f"{output} exists; --force replaces it")
    named = [session.id for session in app.sessions(sessions)] or None
    chosen = format or _ENDINGS.get(output.suffix.lower() if output else "", "palaver")
    target = output or sys.stdout.buffer
    with working("Exporting") if output else nullcontext():
        lost: list[Corrupt] = []
        store = rescued(app.existing_store(), lost.append)
        count = take_out(store, target, format=chosen, session_ids=named, project_id=project, trash=trash)
    if output and app.as_json:
        print_json({"path": str(output), "format": chosen, "sessions": count})
    elif output:
        notice(f"{number(count, 'session')} in {output}")
    return _tell_lost(lost)


def _tell_lost(lost: list[Corrupt]) -> int:
    """What could not be read, on stderr; the exit code."""
    what = list(dict.fromkeys(error.message for error in lost))
    for message in what[:_SHOWN]:
        notice(f"palaver: left out: {message}")
    if len(what) > _SHOWN:
        notice(f"palaver: … and {len(what) - _SHOWN:,} more")
    return exit_code(Corrupt.code) if lost else 0


def _tell(name: str, report: ImportReport) -> None:
    click.echo(
        f"{name}: {report.format}, {_counts(report.added)} {'would come in' if report.dry_run else 'came in'}"
    )
    if report.present:
        click.echo(f"  here already: {_counts(report.present)}")
    if report.replaced:
        click.echo(f"  {number(report.replaced, 'character')} that no text can hold became U+FFFD")
    for remarks, count, word in (
        (report.skipped, report.skipped_count, "skipped"),
        (report.mended, report.mended_count, "mended"),
    ):
        for remark in remarks[:_SHOWN]:
            click.echo(f"  {word}: {remark.where}: {remark.why}")
        if count > _SHOWN:
            click.echo(f"  … and {count - _SHOWN:,} more {word}; --json lists them")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(number(count, kind) for kind, count in counts.items() if count) or "nothing"
