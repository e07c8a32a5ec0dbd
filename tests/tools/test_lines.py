"""Lines out of pieces, and stderr that is bounded."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.tools.lines import Lines, LineTooLong
from palaver.tools.stderr import BYTES_PER_SECOND, LINES_PER_MINUTE, Stderr
from palaver.tools.text import mend, quote


@given(
    pieces=st.lists(st.lists(st.sampled_from([b"a", b"bc", b"\n"]), max_size=8).map(b"".join), max_size=12)
)
def test_lines_are_the_same_however_they_come(pieces: list[bytes]) -> None:
    lines = Lines(1000)
    assert [line for piece in pieces for line in lines.feed(piece)] == b"".join(pieces).split(b"\n")[:-1]


@given(pieces=st.lists(st.sampled_from([b"abc", b"d", b"\n"]), max_size=20))
def test_a_line_that_is_too_long_is_refused_or_cut(pieces: list[bytes]) -> None:
    whole = b"".join(pieces).split(b"\n")
    cut = Lines(5, cut=True)
    assert [line for piece in pieces for line in cut.feed(piece)] == [line[:5] for line in whole[:-1]]
    strict = Lines(5)
    if max(map(len, whole)) > 5:
        with pytest.raises(LineTooLong):
            [strict.feed(piece) for piece in pieces]


def test_a_flood_of_lines_is_logged_in_part_and_its_end_remembered(caplog: pytest.LogCaptureFixture) -> None:
    stderr = Stderr("box", lambda text: text.replace("s3cret", "…"), clock=lambda: 0.0)
    with caplog.at_level(logging.INFO, logger="palaver.tools"):
        for n in range(LINES_PER_MINUTE * 3):
            stderr.feed(b"line %d with s3cret\n" % n)
    assert len(caplog.messages) == LINES_PER_MINUTE + 1
    assert caplog.messages[0] == "box: line 0 with …"
    assert stderr.last() == f"line {LINES_PER_MINUTE * 3 - 1} with …"


def test_who_says_more_than_is_read_waits() -> None:
    now = 10.0
    stderr = Stderr("box", str, clock=lambda: now)
    assert stderr.feed(b"x" * BYTES_PER_SECOND) == 0.0
    now = 10.25
    assert stderr.feed(b"x") == 0.75
    now = 11.0
    assert stderr.feed(b"x") == 0.0


@given(text=st.text(st.characters(codec=None), max_size=400), limit=st.integers(2, 40))
def test_a_quote_is_one_short_line_that_can_be_stored(text: str, limit: int) -> None:
    quoted = quote(text, limit)
    assert len(quoted) <= limit
    assert quoted.isprintable()
    mend(text).encode()
