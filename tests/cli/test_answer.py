import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from palaver.cli.answer import LiveAnswer, PlainAnswer
from palaver.cli.markdown import Prose

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LONG = (
    "# Title\n\nA paragraph with **bold**.\n\n```python\n"
    + "".join(f"line_{i} = {i}\n" for i in range(40))
    + "```\n\n"
    + "".join(f"{i}. item-{i}\n" for i in range(1, 40))
    + "\n| n | square |\n|---|---|\n"
    + "".join(f"| row-{i} | {i * i} |\n" for i in range(40))
    + "\n<b>raw html</b> and [ref]: http://example.invalid\n\nThe end."
)


def a_console(*, height: int = 12, terminal: bool = True) -> Console:
    return Console(file=io.StringIO(), width=60, height=height, force_terminal=terminal, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def kept(console: Console) -> list[str]:
    """The lines left on a screen of endless height after everything that was written."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written(console)):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif re.fullmatch(r"\x1b\[\d*A", piece):
            row -= int(piece[2:-1] or 1)
            assert row >= 0, "drew above the first line"
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif piece[0] not in "\r\x1b":
            lines[row] += piece
    return [line.rstrip() for line in lines]


def stream(console: Console, text: str, step: int) -> None:
    with LiveAnswer(console) as answer:
        for start in range(0, len(text), step):
            answer.write(text[start : start + step])


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("height", [8, 30])
def test_no_word_of_a_long_answer_is_lost_or_doubled(step: int, height: int) -> None:
    console = a_console(height=height)
    stream(console, LONG, step)
    shown = "\n".join(kept(console))
    words = [*(f"line_{i} = {i}" for i in range(40)), *(f"item-{i}" for i in range(1, 40))]
    words += [*(f"row-{i}" for i in range(40)), "<b>raw html</b>", "http://example.invalid", "The end."]
    counts = {word: len(re.findall(rf"{re.escape(word)}(?!\d)", shown)) for word in words}
    assert {word for word, count in counts.items() if count != 1} == set()


def test_what_stays_is_what_the_whole_text_looks_like() -> None:
    console, whole = a_console(height=100), a_console(height=100)
    text = "# A\n\npara *one*\n\n- x\n- y\n\n```\ncode\n```\n\n> quote\n\n---\n\nlast"
    stream(console, text, 3)
    whole.print(Prose(text))
    assert "\n".join(kept(console)).strip() == ANSI.sub("", written(whole)).strip()


@given(st.text(alphabet="ab1 \n#*-`>|[]()<&\\\r_~", max_size=80), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_any_markdown_can_be_streamed(text: str, step: int) -> None:
    console = a_console(height=6)
    stream(console, text, step)
    shown = "".join(kept(console))
    for letter in "ab":
        assert shown.count(letter) >= text.count(letter)


def test_escape_sequences_of_a_model_do_not_reach_the_terminal() -> None:
    console = a_console()
    stream(console, "evil \x1b]0;owned\x07 \x1b[2J text\n\nmore", 4)
    assert "\x1b]0" not in written(console)
    assert "\x1b[2J" not in written(console)


def test_what_is_said_stands_below_what_was_answered_before() -> None:
    console = a_console()
    with LiveAnswer(console) as answer:
        answer.write("First half")
        answer.say("a notice")
        answer.write("second half")
    assert [line for line in kept(console) if line] == ["First half", "a notice", "second half"]


def test_reasoning_is_counted_and_not_mixed_into_the_answer() -> None:
    console = a_console()
    with LiveAnswer(console) as answer:
        answer.think("first this then that")
        answer.write("Done.")
    assert "thought for" in written(console)
    assert "first this" not in written(console)


def test_a_pipe_gets_the_text_as_it_is_and_a_final_newline() -> None:
    stream, notices = io.StringIO(), io.StringIO()
    with PlainAnswer(stream, notices) as answer:
        answer.write("# not *rendered*")
        answer.say("a notice")
    assert stream.getvalue() == "# not *rendered*\n"
    assert notices.getvalue() == "palaver: a notice\n"
