"""A layer below SQLite and below Python's files: records what they do to a folder, and makes any of it fail.

Nothing of Palaver's own is replaced.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.faults.python_shim import tap_python
from tests.faults.sqlite_shim import tap_sqlite
from tests.faults.taps import Layer, Tap


@contextmanager
def tapped(root: Path, tap: Tap, *, shared: bool = False) -> Iterator[None]:
    """Everything done below `root` goes by the tap; stores are opened and closed in here.

    `shared` is for what SQLite does to the file of shared memory, too.
    """
    layer = Layer(str(root), tap, shared=shared)
    with ExitStack() as stack:
        tap_sqlite(stack, layer)
        tap_python(stack, layer)
        yield
