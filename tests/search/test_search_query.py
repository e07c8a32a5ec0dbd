from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.storage.search.query import MAX_TERMS, Query, Term, find_time, parse


def terms(text: str) -> list[tuple[str, bool]]:
    return [(term.text, term.prefix) for term in parse(text).terms]


def test_words_are_terms_and_the_last_one_may_still_be_being_typed() -> None:
    assert terms("two words") == [("two", False), ("words", True)]


@pytest.mark.parametrize("text", ["done ", "done?", '"done"', "done)"])
def test_a_last_word_that_has_been_ended_is_no_prefix(text: str) -> None:
    assert [prefix for _, prefix in terms(text)] == [False]


def test_quotes_make_a_phrase() -> None:
    assert terms('"New York" pizza ') == [("New York", False), ("pizza", False)]


def test_typographic_quotes_make_a_phrase_too() -> None:
    assert terms("“New York” ") == [("New York", False)]


def test_a_star_makes_a_prefix() -> None:
    assert terms('wor* "and so o"* x ') == [("wor", True), ("and so o", True), ("x", False)]


def test_a_quote_without_its_other_half_is_passed_over() -> None:
    assert terms('"New York ') == [("New", False), ("York", False)]


def test_a_leading_minus_excludes() -> None:
    query = parse('cats -dogs -"guinea pigs" ')
    assert [term.text for term in query.terms] == ["cats"]
    assert [term.text for term in query.excluded] == ["dogs", "guinea pigs"]


def test_options_of_a_command_are_words() -> None:
    assert terms("--verbose ") == [("--verbose", False)]


def test_where_everything_is_excluded_the_words_are_searched() -> None:
    assert terms("-dogs ") == [("dogs", False)]


def test_filters_are_taken_out_of_the_words() -> None:
    query = parse(
        'find project:"My work" session:0198aabb role:User model:gemma tag:a tag:b has:tools in:archived branch:shown'
    )
    assert [term.text for term in query.terms] == ["find"]
    assert query.projects == ["My work"]
    assert query.sessions == ["0198aabb"]
    assert query.roles == ["user"]
    assert query.models == ["gemma"]
    assert query.tags == ["a", "b"]
    assert query.has == ["tool"]
    assert query.state == "archived"
    assert query.branch == "shown"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-02", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-31T09:30:00+01:00", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
    ],
)
def test_dates_may_be_short(text: str, moment: datetime) -> None:
    assert parse(f"before:{text}").before == moment
    assert parse(f"after:{text}").after == moment


def test_of_several_dates_the_narrowest_holds() -> None:
    query = parse("before:2026 before:2025 after:2023 after:2024")
    assert (query.before, query.after) == (find_time("2025"), find_time("2024"))


@pytest.mark.parametrize(
    "text",
    ["role:king ", "before:soon ", "has:fun ", "in:space ", "session:mine ", "branch:oak ", "http://x.org "],
)
def test_what_is_no_filter_is_words(text: str) -> None:
    assert terms(text) == [(text.strip(), False)]


@pytest.mark.parametrize("text", ["", " ", '"', '""', "*", "-", "\x00", "\ud800"])
def test_nothing_asks_for_nothing(text: str) -> None:
    query = parse(text)
    assert query.terms in ([], [Term("-")])
    assert not query.narrows()


def test_a_megabyte_is_cut() -> None:
    assert len(parse("word " * 200_000).terms) == 1
    assert len(parse(" ".join(map(str, range(100_000)))).terms) == MAX_TERMS


@given(st.text(st.characters(), max_size=200) | st.text('"*-: \tabrole0', max_size=60))
def test_no_text_is_an_error(text: str) -> None:
    assert isinstance(parse(text), Query)
