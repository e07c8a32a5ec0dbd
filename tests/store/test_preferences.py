"""Preferences: small values of one actor, by name."""

from typing import Any

import pytest

from palaver import Invalid, Store
from tests.conftest import OpenStore


@pytest.mark.parametrize("value", [0, "", False, [], {}, 1.5, "é\0", [1, {"a": None}], {"b": {"c": [True]}}])
def test_a_preference_is_as_it_was_put(store: Store, value: Any) -> None:
    store.put_preference("tools/weather/look up", value)
    found = store.get_preference("tools/weather/look up")
    assert (found, type(found)) == (value, type(value))


def test_an_absent_preference_is_none(store: Store) -> None:
    assert store.get_preference("colour") is None
    assert store.list_preferences() == {}


def test_a_later_value_takes_the_place_of_an_earlier_one(store: Store) -> None:
    store.put_preference("colour", "dark")
    store.put_preference("colour", {"dark": False})
    assert store.list_preferences() == {"colour": {"dark": False}}


def test_none_removes_a_preference_and_may_be_repeated(store: Store) -> None:
    store.put_preference("colour", "dark")
    store.put_preference("colour", None)
    store.put_preference("colour", None)
    assert store.get_preference("colour") is None
    assert store.list_preferences() == {}


def test_preferences_are_listed_by_name_from_where_they_begin_so(store: Store) -> None:
    for name in ("tools/b", "tools/a", "tool", "calibration/x", "TOOLS/c", "tools%", "tools_"):
        store.put_preference(name, name)
    assert list(store.list_preferences("tools/")) == ["tools/a", "tools/b"]
    assert list(store.list_preferences("tools_")) == ["tools_"]
    assert list(store.list_preferences("tools%")) == ["tools%"]
    assert len(store.list_preferences()) == 7


def test_names_that_differ_in_a_space_or_a_capital_are_two(store: Store) -> None:
    for name in ("a b", "a  b", "A b", "a b "):
        store.put_preference(name, name)
    assert [store.get_preference(name) for name in ("a b", "a  b", "A b", "a b ", "ab")] == [
        "a b", "a  b", "A b", "a b ", None,
    ]  # fmt: skip


def test_another_actor_has_preferences_of_its_own(store: Store, stranger: Store) -> None:
    store.put_preference("colour", "dark")
    assert stranger.get_preference("colour") is None
    assert stranger.list_preferences() == {}
    stranger.put_preference("colour", "light")
    stranger.put_preference("colour", None)
    assert store.list_preferences() == {"colour": "dark"}


@pytest.mark.parametrize("actor", ["system", "Local", "local "])
def test_no_other_actor_sees_a_preference(store: Store, actor: str) -> None:
    store.put_preference("colour", "dark")
    assert store.as_actor(actor).list_preferences() == {}


def test_a_preference_is_there_when_it_is_opened_again(open_store: OpenStore) -> None:
    open_store().put_preference("colour", "dark")
    assert open_store().get_preference("colour") == "dark"


def test_a_preference_is_no_change(store: Store) -> None:
    mark = store.mark()
    store.put_preference("colour", "dark")
    assert store.changes(mark).items == []


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\nb", "\ud800", "x" * 501])
def test_a_bad_name_is_invalid(store: Store, name: str) -> None:
    for call in (store.get_preference, lambda name: store.put_preference(name, 1)):
        with pytest.raises(Invalid):
            call(name)
    assert store.list_preferences() == {}


def nested(depth: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


@pytest.mark.parametrize(
    "value", [float("nan"), {1, 2}, b"x", "\ud800", {"a": "\udfff"}, "x" * 65_535, nested(30_000)]
)
def test_a_value_that_cannot_be_kept_is_invalid(store: Store, value: Any) -> None:
    store.put_preference("colour", "dark")
    with pytest.raises(Invalid):
        store.put_preference("colour", value)
    assert store.get_preference("colour") == "dark"


def test_a_value_of_64_kib_is_kept(store: Store) -> None:
    store.put_preference("long", "x" * 65_534)
    assert store.get_preference("long") == "x" * 65_534
    assert store.verify().problems == []
