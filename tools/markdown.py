"""Pieces of Markdown."""

from collections.abc import Iterable


def fenced(text: str, language: str = "pyi") -> str:
    """A block of code. `pyi` is Python to be read, `python` is Python that a test runs."""
    return f"```{language}\n{text.rstrip()}\n```"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of one line per row."""
    return "\n".join(map(_row, [head, ("---",) * len(head), *rows]))


def code(text: str) -> str:
    """A word of code; nothing for nothing."""
    return f"`{text}`" if text else ""


def line(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(line(cell).replace('|', chr(92) + '|') for cell in cells)} |"
