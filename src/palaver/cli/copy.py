"""`palaver copy`: one store into another."""

from contextlib import ExitStack
from pathlib import Path

import click

from palaver import storage
from palaver.cli.app import App, command
from palaver.cli.exits import exit_code
from palaver.cli.output import notice, print_json
from palaver.cli.progress import measuring
from palaver.cli.terms import number
from palaver.errors import Invalid, Unavailable
from palaver.store import Store

_SHOWN = 20


@command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--owner", "owners", multiple=True, metavar="ID=ID", help="Give what belongs to the first to the second."
)
def copy(app: App, *, source: str, target: str, owners: tuple[str, ...]) -> int:
    """Copy everything of one store into another.

    Each is a path or an address (postgresql://...). Ids, times, branches, files, checkpoints, projects, owners and accounts
    stay what they are; every message is held against the original afterwards. Copying again brings what is missing. A
    file that is made is encrypted where the original is. Ends with exit code 4 where something is not as in the original.
    """
    given = dict(map(_pair, owners))
    with ExitStack() as opened, measuring("Copying") as progress:
        key = app.passphrase() or _ask(app, source, target)
        first = opened.enter_context(_open(source, key if _is_encrypted(source) else None, new=False))
        second = opened.enter_context(_open(target, key if _takes_key(source, target) else None, new=True))
        report = storage.copy(first, second, owners=given, progress=progress)
    if app.as_json:
        print_json(report)
    else:
        click.echo(f"{_counts(report.added)} came in")
        if report.present:
            click.echo(f"  here already: {_counts(report.present)}")
        click.echo(f"  {number(report.verified, 'message')} held against the original")
        for what in report.differing[:_SHOWN]:
            notice(f"palaver: differs: {what}")
        if report.differing_count > _SHOWN:
            notice(f"palaver: … and {report.differing_count - _SHOWN:,} more; --json names them")
    return exit_code("conflict") if report.differing_count else 0


def _open(url: str, key: str | None, *, new: bool) -> Store:
    if not new and not storage.is_postgres(url) and not storage.find_path(url).exists():
        raise Unavailable(f"There is no database at {storage.find_path(url)}")
    return storage.open_store(url, key=key)


def _is_encrypted(url: str) -> bool:
    return not storage.is_postgres(url) and storage.is_encrypted(url)


def _takes_key(source: str, target: str) -> bool:
    if storage.is_postgres(target):
        return False
    path: Path = storage.find_path(target)
    return storage.is_encrypted(target) if path.exists() else _is_encrypted(source)


def _ask(app: App, *urls: str) -> str | None:
    locked = [url for url in urls if _is_encrypted(url)]
    if not locked:
        return None
    if not app.interactive:
        raise Invalid(
            f"{locked[0]} is encrypted: name a file with its passphrase in PALAVER_KEY_FILE", field="key_file"
        )
    return str(click.prompt("Passphrase", hide_input=True, err=True))


def _pair(text: str) -> tuple[str, str]:
    before, equals, after = text.partition("=")
    if not before or not equals or not after:
        raise click.UsageError(f"--owner takes ID=ID, not {text!r}")
    return before, after


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(number(count, kind) for kind, count in counts.items() if count) or "nothing"
