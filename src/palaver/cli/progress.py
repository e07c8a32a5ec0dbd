"""What a person sees while something takes long: on stderr, and only on a terminal."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from palaver.cli.output import err

_AT_ONCE_SECONDS = 0.5


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
def patience(console: Console) -> Iterator[None]:
    """A sign of life on a terminal for what is mostly done at once."""
    status = console.status("one moment …")
    timer = threading.Timer(_AT_ONCE_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


@contextmanager
def measuring(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar; call what it yields with how far the work is and how much it is in all."""
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
