"""Where output goes: data to stdout, everything said about it to stderr."""

import sys
from collections.abc import Iterable
from typing import Any

import click
import msgspec
from rich.console import Console

from palaver import wire


def out() -> Console:
    """The console for data: colours only on a terminal, no marks of its own."""
    return Console(file=sys.stdout, highlight=False, emoji=False, markup=False)


def err() -> Console:
    """The console for notices."""
    return Console(file=sys.stderr, highlight=False, emoji=False, markup=False)


def print_json(value: Any) -> None:
    """One JSON document; indented where a person looks at it."""
    data = wire.encode(value)
    if sys.stdout.isatty():
        data = msgspec.json.format(data, indent=2)
    click.echo(data)


def print_json_items(head: str, items: Iterable[Any]) -> None:
    """The beginning of a JSON document and a list of any length, in bounded memory; the caller closes both."""
    click.echo(head, nl=False)
    separator = b""
    for item in items:
        click.echo(separator + wire.encode(item), nl=False)
        separator = b",\n"


def print_lines(*lines: str) -> None:
    """Lines as they are: `click.echo` would take out what looks like a colour."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def notice(text: str) -> None:
    """Something said to the person, not part of the data."""
    click.echo(text, err=True)
