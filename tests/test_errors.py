"""The tree of errors."""

import inspect

import pytest

from palaver import errors
from palaver.errors import PalaverError

CLASSES = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, PalaverError)]


def test_every_error_has_a_code_of_its_own() -> None:
    assert len({item.code for item in CLASSES}) == len(CLASSES)


def test_the_drawn_tree_names_every_error() -> None:
    assert all(item.__name__ in (errors.__doc__ or "") for item in CLASSES)


def test_not_found_names_what_was_asked_for() -> None:
    error = errors.NotFound("session", "abc")
    assert (str(error), error.kind, error.id) == ("Session not found: abc", "session", "abc")


@pytest.mark.parametrize("id", ["x" * 10_000, "a\x1b[31mb", "a\nb", "\ud800"])
def test_what_was_asked_for_is_shown_short_and_on_one_line(id: str) -> None:
    text = str(errors.NotFound("session", id))
    assert len(text) < 120
    assert text.isprintable()
    assert text.encode()
