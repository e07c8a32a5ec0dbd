"""All three protocols against a server of another maker, which refuses what is not of their shape."""

from collections.abc import Iterator
from typing import Any

import pytest

from palaver.context.attachments import Image
from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.errors import ProviderError
from palaver.model import Text, ToolCall, ToolResult
from palaver.providers.base import ConnectionLost, Delta, Provider
from palaver.providers.ollama import OllamaProvider
from tests.providers.asking import a_request, ask, calls_in, reason_in, sent, text_in
from tests.providers.dialects import DIALECTS
from tests.support import aimock, images

WORDS = "Hello 👋, how are you?"
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": WORDS}, "chunkSize": 5},
    {
        "match": {"userMessage": "cut"},
        "response": {"content": "one two three four five six"},
        "chunkSize": 4,
        "truncateAfterChunks": 5,
        "latency": 30,
    },
    {
        "match": {"userMessage": "busy"},
        "response": {"error": {"message": "slow down"}, "status": 429, "retryAfter": 3},
    },
    {
        "match": {"userMessage": "broken"},
        "response": {"error": {"message": "no idea"}, "status": 500},
    },
    {"match": {"userMessage": "add", "hasToolResult": True}, "response": {"content": "It is 3."}},
    {
        "match": {"userMessage": "add"},
        "response": {
            "toolCalls": [
                {"name": "add", "arguments": '{"left": 1, "right": 2}'},
                {"name": "now", "arguments": "{}"},
            ]
        },
    },
]
TOOLS = [
    Tool("add", "Adds.", {"type": "object", "properties": {"left": {"type": "integer"}}}),
    Tool("now", "The time.", {"type": "object", "properties": {}}),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with aimock.serve(tmp_path_factory.mktemp("aimock"), FIXTURES) as address:
        yield address


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def provider(request: pytest.FixtureRequest, address: str) -> Provider:
    made: Provider = request.param.provider("aimock", address, key="k")
    return made


def test_an_answer_is_read(provider: Provider) -> None:
    deltas = ask(provider, a_request("hello", settings={"temperature": 0.5, "max_tokens": 99}))
    assert (text_in(deltas), reason_in(deltas)) == (WORDS, "stop")
    assert sum(isinstance(delta, Text) for delta in deltas) > 2


def test_several_calls_and_their_results_go_round(provider: Provider) -> None:
    deltas = ask(provider, a_request("add 1 and 2", tools=TOOLS))
    calls = calls_in(deltas)
    assert [(call.name, call.args) for call in calls] == [("add", {"left": 1, "right": 2}), ("now", {})]
    assert reason_in(deltas) == "tool_calls"
    again = [
        sent("add 1 and 2"),
        Sent("assistant", tuple(calls), 1),
        *(Sent("tool", (ToolResult(call.id, call.name, "3"),), 1) for call in calls),
    ]
    assert text_in(ask(provider, a_request(messages=again, tools=TOOLS))) == "It is 3."


def test_a_long_conversation_with_calls_results_and_an_image_is_of_the_shape_it_takes(
    provider: Provider,
) -> None:
    messages = [
        sent("be brief", "system"),
        sent("Summary of earlier messages: …", "system"),
        sent("first"),
        sent("second"),
        Sent("assistant", (Text("I add."), ToolCall("c1", "add", {"left": 1})), 1),
        Sent("tool", (ToolResult("c1", "add", {"sum": 3}, is_error=True),), 1),
        sent("Done.", "assistant"),
        Sent("user", (Text("hello"), Image("view.png", "image/png", images.png(), 256)), 1),
    ]
    assert text_in(ask(provider, a_request(messages=messages))) == WORDS


def test_a_connection_it_cuts_is_lost(provider: Provider) -> None:
    came: list[Delta] = []
    with pytest.raises(ConnectionLost):
        came.extend(provider.stream(a_request("cut")))
    assert text_in(came)
    assert "one two three four five".startswith(text_in(came))


@pytest.mark.parametrize(("question", "status", "wait"), [("busy", 429, 3), ("broken", 500, None)])
def test_its_refusals_are_told(provider: Provider, question: str, status: int, wait: float | None) -> None:
    with pytest.raises(ProviderError) as caught:
        ask(provider, a_request(question))
    error = caught.value
    assert (error.status, error.retry_after, error.retryable) == (status, wait, True)


def test_its_models_are_listed(address: str) -> None:
    models = {info.id for info in OllamaProvider("aimock", address).list_models()}
    assert {"gpt-4", "gpt-4o"} <= models
