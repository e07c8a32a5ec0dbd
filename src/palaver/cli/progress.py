"""What a person sees while something takes long: on stderr, and only on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from palaver.cli.output import err


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
def measuring(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar; call what it yields with how far the work is and how much it is in all."""
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
