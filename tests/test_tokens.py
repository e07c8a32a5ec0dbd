"""Counting tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import palaver
from palaver import File, Opaque, Reasoning, Text, ToolCall, ToolResult, Usage
from palaver.context import tokens


@given(st.text())
def test_the_estimate_is_a_quarter_of_the_characters_rounded_up(text: str) -> None:
    assert 4 * tokens.estimate(text) - 3 <= len(text) <= 4 * tokens.estimate(text)


def test_an_empty_text_costs_nothing() -> None:
    assert tokens.estimate("") == 0


def test_the_providers_own_count_of_an_answer_is_taken() -> None:
    assert tokens.count(palaver.assistant("x" * 400, usage=Usage(output_tokens=7))) == 7


def test_the_count_of_a_question_is_not_that_of_the_prompt() -> None:
    assert tokens.count(palaver.user("x" * 400, usage=Usage(input_tokens=7, output_tokens=9))) == 100


def test_an_answer_without_a_count_is_estimated() -> None:
    assert tokens.count(palaver.assistant("x" * 400, usage=Usage(input_tokens=7))) == 100


def test_a_note_is_not_sent_and_costs_nothing() -> None:
    assert tokens.count(palaver.note("x" * 400)) == 0


def test_only_what_is_sent_counts() -> None:
    parts = (Text("x" * 8), Reasoning("y" * 800), Opaque("other", "z" * 800))
    assert tokens.count_parts(parts) == 2


def test_calls_and_results_count_with_their_content() -> None:
    call = ToolCall("call-1", "list", {"path": "logs"})
    assert tokens.count_parts((call,)) == 1 + 4  # "list" and {"path":"logs"}
    assert tokens.count_parts((ToolResult("call-1", "list", "x" * 40),)) == 10
    assert tokens.count_parts((ToolResult("call-1", "list", {"a": 1}),)) == 2


def test_a_file_is_counted_where_it_is_sent() -> None:
    assert tokens.count_parts((File("0" * 64, "a.txt", "text/plain", 4000),)) == 0


THOUGHTS = (Reasoning("y" * 800), Text("x" * 400))


@pytest.mark.parametrize(
    ("usage", "reasoning", "tokens_again"),
    [
        (Usage(output_tokens=250, reasoning_tokens=160), False, 90),
        (Usage(output_tokens=250, reasoning_tokens=160), True, 250),
        (Usage(output_tokens=250), False, 100),
        (Usage(output_tokens=250), True, 250),
        (Usage(output_tokens=100, reasoning_tokens=160), False, 100),
        (Usage(output_tokens=1), True, 300),
        (Usage(input_tokens=50), True, 300),
        (None, True, 300),
        (None, False, 100),
    ],
)
def test_reasoning_that_is_not_sent_again_takes_nothing_of_the_next_prompt(
    usage: Usage | None, reasoning: bool, tokens_again: int
) -> None:
    answer = palaver.assistant("", parts=THOUGHTS, usage=usage)
    assert tokens.count_again(answer, tokens.Plain(), reasoning=reasoning) == tokens_again


def test_reasoning_that_is_not_shown_is_not_sent_again() -> None:
    answer = palaver.assistant("x" * 400, usage=Usage(output_tokens=250, reasoning_tokens=160))
    assert tokens.count_again(answer, tokens.Plain(), reasoning=False) == 90


def test_without_reasoning_an_answer_takes_what_the_provider_told() -> None:
    assert (
        tokens.count_again(
            palaver.assistant("x" * 400, usage=Usage(output_tokens=70)), tokens.Plain(), reasoning=False
        )
        == 70
    )
    assert (
        tokens.count_again(
            palaver.user("x" * 400, usage=Usage(output_tokens=70)), tokens.Plain(), reasoning=False
        )
        == 100
    )
