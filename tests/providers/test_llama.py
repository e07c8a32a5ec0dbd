"""The OpenAI protocol against llama.cpp's own server, with OpenAI's own client as a witness."""

import threading
import time

import openai
import pytest

from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.errors import ProviderError
from palaver.model import Text, ToolCall, ToolResult
from palaver.providers.base import Finish, ModelInfo
from palaver.providers.openai import OpenAIProvider
from tests.providers.asking import a_request, ask, calls_in, reason_in, sent, text_in, usage_in
from tests.support.llama import MODEL, WINDOW
from tests.support.tiny_model import CALL, END

ADD = Tool(
    "add",
    "Adds two numbers.",
    {
        "type": "object",
        "properties": {"left": {"type": "integer"}, "right": {"type": "integer"}},
        "required": ["left", "right"],
    },
)
NEVER_ENDS = {"logit_bias": {str(END): -100}}
CALLS_AT_ONCE = {"logit_bias": {str(CALL): 100}}


@pytest.fixture
def witness(llama_address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{llama_address}/v1", api_key="none")


def test_the_models_are_listed(llama_provider: OpenAIProvider) -> None:
    assert [(info.id, info.provider) for info in llama_provider.list_models()] == [(MODEL, "llama")]


def test_the_running_server_tells_its_window_and_that_it_takes_tools_and_no_images(
    llama_provider: OpenAIProvider,
) -> None:
    assert llama_provider.describe(MODEL) == ModelInfo(
        id=MODEL, provider="llama", window=WINDOW, images=False, tools=True
    )


def test_of_a_model_the_server_does_not_have_nothing_is_known(llama_provider: OpenAIProvider) -> None:
    assert llama_provider.describe("another") == ModelInfo(id="another", provider="llama")


def test_the_official_client_reads_the_same_answer(
    llama_provider: OpenAIProvider, witness: openai.OpenAI
) -> None:
    ours = ask(llama_provider, a_request("a story", settings={"seed": 5, "max_tokens": 60}, extra=NEVER_ENDS))
    theirs = witness.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "a story"}],
        seed=5,
        max_tokens=60,
        logit_bias={str(END): -100},
    )
    assert text_in(ours) == theirs.choices[0].message.content
    assert reason_in(ours) == theirs.choices[0].finish_reason
    usage = usage_in(ours)
    assert usage is not None
    assert theirs.usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (
        theirs.usage.prompt_tokens,
        theirs.usage.completion_tokens,
    )


def test_text_comes_in_pieces_and_the_end_comes_last(llama_provider: OpenAIProvider) -> None:
    deltas = ask(llama_provider, a_request(settings={"max_tokens": 20}, extra=NEVER_ENDS))
    assert sum(isinstance(delta, Text) for delta in deltas) > 5
    assert isinstance(deltas[-1], Finish)


def test_the_limit_of_tokens_is_told_as_length(llama_provider: OpenAIProvider) -> None:
    deltas = ask(llama_provider, a_request(settings={"max_tokens": 7}, extra=NEVER_ENDS))
    assert reason_in(deltas) == "length"
    usage = usage_in(deltas)
    assert usage is not None
    assert usage.output_tokens == 7


def test_an_answer_without_a_word_is_an_end_without_text(llama_provider: OpenAIProvider) -> None:
    deltas = ask(llama_provider, a_request(extra={"logit_bias": {str(END): 100}}))
    assert text_in(deltas) == ""
    assert reason_in(deltas) == "stop"


def test_a_tool_call_comes_whole(llama_provider: OpenAIProvider) -> None:
    deltas = ask(
        llama_provider,
        a_request(
            tools=[ADD],
            settings={"stop": ["</tool_call>"], "max_tokens": 400, "seed": 3},
            extra=CALLS_AT_ONCE,
        ),
    )
    [call] = calls_in(deltas)
    assert call.id
    assert call.name == "add"
    assert set(call.args) == {"left", "right"}
    assert reason_in(deltas) == "tool_calls"


def test_a_call_and_its_result_are_understood(llama_provider: OpenAIProvider) -> None:
    messages = [
        sent("be brief", "system"),
        sent("older messages are left out", "system"),
        sent("add 1 and 2"),
        Sent("assistant", (ToolCall("c1", "add", {"left": 1, "right": 2}),), 1),
        Sent("tool", (ToolResult("c1", "add", {"sum": 3}),), 1),
        sent("and now?"),
    ]
    deltas = ask(
        llama_provider,
        a_request(messages=messages, tools=[ADD], settings={"max_tokens": 5}, extra=NEVER_ENDS),
    )
    assert text_in(deltas)


def test_closing_ends_a_running_answer_at_once(llama_provider: OpenAIProvider) -> None:
    answer = llama_provider.stream(a_request(settings={"max_tokens": 1500}, extra=NEVER_ENDS))
    deltas = iter(answer)
    first = next(deltas)
    closer = threading.Thread(target=answer.close)
    closer.start()
    began = time.monotonic()
    rest = list(deltas)
    closer.join()
    assert isinstance(first, Text)
    assert not any(isinstance(delta, Finish) for delta in rest)
    assert time.monotonic() - began < 2


def test_a_prompt_too_long_for_the_server_is_refused_with_its_words(llama_provider: OpenAIProvider) -> None:
    with pytest.raises(ProviderError, match="context size") as caught:
        ask(llama_provider, a_request("word " * 3 * WINDOW))
    assert caught.value.status == 400
    assert not caught.value.retryable
