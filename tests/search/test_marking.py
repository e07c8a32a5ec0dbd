from collections.abc import Callable
from itertools import pairwise

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palaver.storage.search.marking import AFTER, BEFORE, Snippet, SubstringMarker, WordMarker, snippet
from palaver.storage.search.phrases import understand
from palaver.storage.search.query import parse
from palaver.storage.search.words import Tokenizer

Show = Callable[..., Snippet]
MANY = "filler words that nobody asked for " * 20


@pytest.fixture
def show(connection: apsw.Connection) -> Show:
    """The snippet of texts for a query."""
    tokenizer = Tokenizer(connection)
    return lambda query, *texts: snippet(texts, WordMarker(understand(parse(query), tokenizer), tokenizer))


def marked(found: Snippet) -> list[str]:
    shown, ranges = found
    return [shown[start:end] for start, end in ranges]


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("capital ", "The capital of France", ["capital"]),
        ("cap", "The capital of France", ["capital"]),
        ("cafe ", "Un Café noir", ["Café"]),
        ("cafe ", "Un Cafe\u0301 noir", ["Cafe\u0301"]),
        ("café ", "Un CAFE noir", ["CAFE"]),
        ("北京 ", "我爱北京！", ["北京"]),
        ('"new york" ', "New-York, new york", ["New-York", "new york"]),
        ("bar ", "call fooBarBaz2()", ["Bar"]),
        ("fooBarBaz2 ", "call fooBarBaz2()", ["fooBarBaz2"]),
        ("foo_bar ", "call foo_bar()", ["foo_bar"]),
        ("привет ", "🎉 Привет, мир", ["Привет"]),
        ("one two ", "two one three one", ["two", "one", "one"]),
    ],
)
def test_every_match_in_the_snippet_is_marked(show: Show, query: str, text: str, expected: list[str]) -> None:
    assert marked(show(query, text)) == expected


def test_a_snippet_shows_48_characters_before_and_96_after(show: Show) -> None:
    shown, ranges = show("needle ", MANY + "needle " + MANY)
    start, _ = ranges[0]
    assert shown[0] == shown[-1] == "…"
    assert BEFORE - 13 <= start <= BEFORE + 1
    assert AFTER - 13 <= len(shown) - start <= AFTER + 1


def test_words_at_the_edges_are_whole(show: Show) -> None:
    shown, _ = show("needle ", MANY + "needle " + MANY)
    assert set(shown.strip("…").split()) <= set(MANY.split()) | {"needle"}


def test_a_short_text_is_shown_as_it_is(show: Show) -> None:
    assert show("needle ", "a needle") == ("a needle", ((2, 8),))


def test_white_space_and_control_characters_are_folded(show: Show) -> None:
    assert show("b ", " a\n\n\tb\x00\x1b c ") == ("a b c", ((2, 3),))


def test_a_cut_is_not_within_a_character(show: Show) -> None:
    family = "👩‍👩‍👧‍👦"
    shown, _ = show("needle ", family * 50 + " needle " + "e\u0301" * 200)
    head, tail = shown.strip("…").split(" needle ")
    assert head.replace(family, "") == ""
    assert tail.replace("e\u0301", "") == ""


def test_the_place_where_most_of_the_query_stands_is_shown(show: Show) -> None:
    assert marked(show("red fox ", "a red barn " + MANY + "a red fox"))[:2] == ["red", "fox"]


def test_a_match_deep_in_a_long_text_is_found(show: Show) -> None:
    assert marked(show("needle ", MANY * 300 + "needle")) == ["needle"]


def test_the_tools_text_is_shown_where_the_body_does_not_match(show: Show) -> None:
    assert show("needle ", "a body", "a needle") == ("a needle", ((2, 8),))


def test_the_beginning_is_shown_where_nothing_matches(show: Show) -> None:
    shown, ranges = show("needle ", "The beginning " + MANY)
    assert (shown[:13], ranges) == ("The beginning", ())


def test_nothing_to_show_is_an_empty_snippet(show: Show) -> None:
    assert show("needle ", "", "") == ("", ())


def test_substrings_are_marked_in_capital_and_small_letters() -> None:
    assert marked(snippet(["Scrambled AMBLE 🎉"], SubstringMarker(["amble", "🎉"]))) == [
        "amble",
        "AMBLE",
        "🎉",
    ]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.sampled_from("aéb 北ไ\u0301\u200d🎉\x00\nZ1"), max_size=300),
    query=st.text("abé北ไ1 ", max_size=8),
)
def test_ranges_are_in_order_apart_and_within_the_snippet(show: Show, text: str, query: str) -> None:
    shown, ranges = show(query, text)
    assert len(shown) <= BEFORE + AFTER + 100
    assert all(0 <= start < end <= len(shown) for start, end in ranges)
    assert all(end < start for (_, end), (start, _) in pairwise(ranges))


def test_a_longer_word_where_a_window_ends_is_no_match(show: Show) -> None:
    for length in range(380, 420):
        shown, ranges = show("cat ", "x " * (length // 2) + "category " + MANY + "a cat")
        assert shown.endswith("a cat")
        assert ranges
