from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from palaver.cli import terms

NOW = datetime(2026, 1, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=1), "1m"),
        (timedelta(minutes=59, seconds=59), "59m"),
        (timedelta(hours=23), "23h"),
        (timedelta(days=6, hours=23), "6d"),
    ],
)
def test_an_age_is_said_in_its_largest_unit(ago: timedelta, words: str) -> None:
    assert terms.age(NOW - ago, NOW) == words


def test_an_age_of_a_week_is_a_date() -> None:
    assert terms.age(NOW - timedelta(days=7), NOW) == "2026-01-20"


@pytest.mark.parametrize(
    "text", ["short", "a much longer text than fits", "世界世界世界世界", "日", "e\u0301" * 20, ""]
)
@pytest.mark.parametrize("width", [3, 8, 9])
def test_a_fitted_text_has_exactly_its_width(text: str, width: int) -> None:
    assert cell_len(terms.fit(text, width)) == width


def test_a_text_that_was_cut_ends_in_an_ellipsis() -> None:
    assert terms.fit("conversation", 6) == "conve…"


def test_stored_text_cannot_steer_the_terminal() -> None:
    shown = terms.visible("a\x1b]0;title\x07b\x9b31mc\rd\n\te")
    assert not any((ord(sign) < 32 and sign not in "\n\t") or 0x7F <= ord(sign) < 0xA0 for sign in shown)
    assert shown.endswith("\n\te")


def test_one_line_does_not_turn_around_what_follows_it() -> None:
    assert terms.one_line("a \u202e b \u2066 c") == "a  b  c"


def test_one_line_has_no_line_ends() -> None:
    assert terms.one_line("  two\r\n\tlines ") == "two lines"


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_000_000, "2.0 MB")]
)
def test_sizes_are_said_as_people_say_them(count: int, words: str) -> None:
    assert terms.size(count) == words


def test_a_number_agrees_with_its_noun() -> None:
    assert [terms.number(count, "session") for count in (0, 1, 2000)] == [
        "0 sessions",
        "1 session",
        "2,000 sessions",
    ]
