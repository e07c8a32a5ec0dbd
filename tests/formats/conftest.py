"""Stores beside each other, and files as tests need them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import palaver
from palaver import Store

DATA = Path(__file__).parent.parent / "data"

NewStore = Callable[[], Store]


@pytest.fixture
def new_store(tmp_path: Path) -> Iterator[NewStore]:
    """Opens one more empty store at each call."""
    with ExitStack() as opened:
        count = iter(range(10_000))

        def open_one() -> Store:
            return opened.enter_context(palaver.open_store(tmp_path / f"{next(count)}.db"))

        yield open_one


@pytest.fixture
def data() -> Path:
    """The folder of self-made example files."""
    return DATA
