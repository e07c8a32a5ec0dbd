"""The Anthropic protocol against llama.cpp's own server, with Anthropic's own client as a witness.

That server leaves `logit_bias` and `seed` aside here. A tool that must be called keeps its model from ending before, and
without temperature it always says the same.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from palaver.context.prompt import Sent
from palaver.errors import ProviderError
from palaver.model import Text, ToolCall, ToolResult
from palaver.providers.anthropic import AnthropicProvider
from palaver.providers.anthropic_request import to_body
from palaver.providers.base import Finish, Request
from tests.providers.asking import a_request, ask, reason_in, sent, text_in, usage_in
from tests.providers.test_llama import ADD
from tests.support.llama import MODEL, WINDOW


@pytest.fixture
def provider(llama_address: str) -> AnthropicProvider:
    return AnthropicProvider("llama", llama_address)


@pytest.fixture
def witness(llama_address: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=llama_address, api_key="none", max_retries=0) as client:
        yield client


def endless(length: int, **fields: Any) -> Request:
    """A request whose answer is as long as it may be."""
    settings = {"max_tokens": length, "temperature": 0}
    return a_request(tools=[ADD], settings=settings, extra={"tool_choice": {"type": "any"}}, **fields)


def test_the_models_are_listed_and_the_window_is_that_of_the_running_server(
    provider: AnthropicProvider,
) -> None:
    assert [(info.id, info.provider) for info in provider.list_models()] == [(MODEL, "llama")]
    assert provider.describe(MODEL).window == WINDOW


def test_the_official_client_reads_the_same_answer(
    provider: AnthropicProvider, witness: anthropic.Anthropic
) -> None:
    request = endless(30)
    ours = ask(provider, request)
    asked: Any = {
        name: value for name, value in to_body(request).items() if name not in ("stream", "temperature")
    }
    theirs = witness.messages.create(**asked, extra_body={"temperature": 0})
    [said] = theirs.content
    assert said.type == "text"
    assert text_in(ours) == said.text
    assert theirs.stop_reason == "max_tokens"
    assert reason_in(ours) == "length"
    usage = usage_in(ours)
    assert usage is not None
    assert usage.output_tokens == theirs.usage.output_tokens == 30
    assert usage.input_tokens == theirs.usage.input_tokens + (theirs.usage.cache_read_input_tokens or 0)


def test_text_comes_in_pieces_and_the_end_comes_last(provider: AnthropicProvider) -> None:
    deltas = ask(provider, endless(20))
    assert sum(isinstance(delta, Text) for delta in deltas) > 5
    assert isinstance(deltas[-1], Finish)


def test_a_conversation_with_calls_and_results_is_understood(provider: AnthropicProvider) -> None:
    messages = [
        sent("be brief", "system"),
        sent("older messages are left out", "system"),
        sent("I began", "assistant"),
        sent("add 1 and 2"),
        Sent("assistant", (Text("I add."), ToolCall("c:1", "add", {"left": 1, "right": 2})), 1),
        Sent("tool", (ToolResult("c:1", "add", {"sum": 3}),), 1),
        sent("a word between", "system"),
        sent("and now?"),
    ]
    assert text_in(ask(provider, endless(5, messages=messages)))


def test_closing_ends_a_running_answer_at_once(provider: AnthropicProvider) -> None:
    answer = provider.stream(endless(1500))
    deltas = iter(answer)
    next(delta for delta in deltas if isinstance(delta, Text))
    closer = threading.Thread(target=answer.close)
    closer.start()
    began = time.monotonic()
    rest = list(deltas)
    closer.join()
    assert not any(isinstance(delta, Finish) for delta in rest)
    assert time.monotonic() - began < 2


def test_a_prompt_too_long_for_the_server_is_refused_with_its_words(provider: AnthropicProvider) -> None:
    with pytest.raises(ProviderError, match="context size") as caught:
        ask(provider, a_request("word " * 3 * WINDOW))
    assert caught.value.status == 400
    assert not caught.value.retryable
