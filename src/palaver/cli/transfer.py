"""`palaver import` and `palaver export`."""

from pathlib import Path
from typing import Any

import click

from palaver import wire
from palaver.cli.app import App, command
from palaver.cli.exits import exit_code
from palaver.cli.output import notice, print_json
from palaver.cli.progress import measuring
from palaver.cli.terms import number
from palaver.errors import PalaverError
from palaver.formats import ImportReport, bring_in

_SHOWN = 20


@command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--dry-run", is_flag=True, help="Say what would come in, and change nothing.")
@click.option("-f", "--format", help="Take the files as this format instead of looking at them.")
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
    source = click.get_binary_stream("stdin") if name == "-" else Path(name)
    with measuring(f"Importing {Path(name).name}") as progress:
        return bring_in(
            app.store(), source, format=format, project_id=project, dry_run=dry_run, progress=progress
        )


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
