"""Thoughts go back to a model's server with the calls they led to, and nowhere else."""

from typing import Any

import pytest

import palaver
from palaver import NewMessage, Opaque, Reasoning, Text, ToolCall, Usage
from palaver.context.prompt import Prompt, branch_of, build_prompt
from palaver.context.thoughts import SOURCE

SIGNED = Opaque(SOURCE, {"protocol": "anthropic", "signature": "EqQB"})
CALL = ToolCall("c1", "add", {})


def answer(*parts: Any, **fields: Any) -> NewMessage:
    return NewMessage(role="assistant", parts=parts, **fields)


def prompt(made: NewMessage) -> Prompt:
    messages = [palaver.user("add"), made, palaver.tool_result("c1", "add", "3")]
    return build_prompt(branch_of(messages), window=10_000)


def test_an_answer_with_calls_is_sent_with_the_thoughts_its_server_wants_back() -> None:
    parts = (Reasoning("I shall add."), SIGNED, Text("Wait."), CALL)
    assert prompt(answer(*parts)).messages[1].parts == parts


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ((Reasoning("I shall add."), Text("Wait."), CALL), (Text("Wait."), CALL)),
        ((Reasoning("No call."), SIGNED, Text("Three.")), (Text("Three."),)),
        ((Reasoning("x"), Opaque("ollm", {"a": 1}), CALL), (CALL,)),
        ((Reasoning("x"), Opaque(SOURCE, "junk"), CALL), (CALL,)),
    ],
)
def test_other_thoughts_are_not_sent(parts: tuple[Any, ...], kept: tuple[Any, ...]) -> None:
    assert prompt(answer(*parts)).messages[1].parts == kept


def test_thoughts_that_are_sent_are_counted_once() -> None:
    without = prompt(answer(CALL)).tokens
    parts = (Reasoning("x" * 400), SIGNED, CALL)
    assert prompt(answer(*parts)).tokens == without + 100
    assert prompt(answer(*parts, usage=Usage(output_tokens=250))).messages[1].tokens == 250
