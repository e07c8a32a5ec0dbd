"""What a person sees while something takes long: on stderr, and only on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from palaver.cli.output import err

Advance = Callable[[int], None]


@contextmanager
def working(what: str) -> Iterator[None]:
    """A sign of life for work whose length nobody knows."""
    console = err()
    if not console.is_terminal:
        yield
        return
    with console.status(f"{what} …"):
        yield


@contextmanager
def counting(what: str, total: int | None = None) -> Iterator[Advance]:
    """A bar; call what it yields with how many more are done."""
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
