"""The Anthropic protocol, with Anthropic's own client as a witness that these are the shapes."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.errors import ProviderError
from palaver.model import Role, Text, ToolCall, ToolResult, Usage
from palaver.providers.anthropic import VERSION, AnthropicProvider, base_address
from palaver.providers.anthropic_request import BEGINNING, MAX_TOKENS, to_body, to_wire
from tests.providers.asking import a_request, ask, calls_in, reason_in, reasoning_in, sent, text_in, usage_in
from tests.providers.dialects import block_delta, message_end, named
from tests.support.scripted import ScriptedServer

START = named(
    "message_start",
    message={
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "tiny",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 25,
            "cache_creation_input_tokens": 10,
            "cache_read_input_tokens": 100,
            "output_tokens": 1,
        },
    },
)


def block(index: int, began: dict[str, Any], *deltas: bytes) -> tuple[bytes, ...]:
    """The events of one block."""
    return (
        named("content_block_start", index=index, content_block=began),
        *deltas,
        named("content_block_stop", index=index),
    )


def call(index: int, id: str, name: str, *pieces: str) -> tuple[bytes, ...]:
    deltas = (block_delta(index, "input_json_delta", partial_json=piece) for piece in pieces)
    return block(index, {"type": "tool_use", "id": id, "name": name, "input": {}}, *deltas)


THINKING = block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    block_delta(0, "thinking_delta", thinking="The user "),
    block_delta(0, "thinking_delta", thinking="greets."),
    block_delta(0, "signature_delta", signature="EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk"),
)
HELLO = block(
    1,
    {"type": "text", "text": ""},
    block_delta(1, "text_delta", text="Hel"),
    named("ping"),
    block_delta(1, "text_delta", text="lo 👋"),
)
ANSWER = (START, *THINKING, *HELLO, *message_end())
CALLING = (
    START,
    *block(0, {"type": "text", "text": ""}, block_delta(0, "text_delta", text="I add.")),
    *call(1, "toolu_1", "add", "", '{"left": 1, ', '"right": 2}'),
    *call(2, "toolu_2", "now", ""),
    *message_end("tool_use"),
)


@pytest.fixture
def provider(server: ScriptedServer) -> AnthropicProvider:
    return AnthropicProvider("claude", server.address, key="a-key")


@pytest.fixture
def witness(server: ScriptedServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.address, api_key="a-key", max_retries=0) as client:
        yield client


def listen(witness: anthropic.Anthropic) -> Any:
    """The whole message, as the official client reads it from the stream."""
    asked: Any = {"model": "tiny", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
    with witness.messages.stream(**asked) as stream:
        return stream.get_final_message()


def test_the_official_client_reads_the_same_answer(
    server: ScriptedServer, provider: AnthropicProvider, witness: anthropic.Anthropic
) -> None:
    server.will(*ANSWER)
    ours = ask(provider)
    theirs = listen(witness)
    thinking, text = theirs.content
    assert (text_in(ours), reasoning_in(ours)) == (text.text, thinking.thinking)
    assert text.text == "Hello 👋"
    assert theirs.stop_reason == "end_turn"
    assert reason_in(ours) == "stop"
    assert theirs.usage.output_tokens == 15


def test_the_official_client_reads_the_same_calls(
    server: ScriptedServer, provider: AnthropicProvider, witness: anthropic.Anthropic
) -> None:
    server.will(*CALLING)
    ours = ask(provider)
    theirs = [part for part in listen(witness).content if part.type == "tool_use"]
    assert calls_in(ours) == [ToolCall(part.id, part.name, part.input) for part in theirs]
    assert calls_in(ours) == [
        ToolCall("toolu_1", "add", {"left": 1, "right": 2}),
        ToolCall("toolu_2", "now", {}),
    ]
    assert reason_in(ours) == "tool_calls"


def test_the_official_client_asks_in_the_same_words(
    server: ScriptedServer, provider: AnthropicProvider, witness: anthropic.Anthropic
) -> None:
    server.will(*ANSWER)
    parameters = {"type": "object", "properties": {"left": {"type": "integer"}}, "required": ["left"]}
    messages = [
        sent("be brief", "system"),
        sent("add 1 and 2"),
        Sent("assistant", (Text("I add."), ToolCall("c1", "add", {"left": 1})), 1),
        Sent("tool", (ToolResult("c1", "add", "no such number", is_error=True),), 1),
    ]
    settings = {"temperature": 0.3, "top_p": 0.9, "stop": "END", "max_tokens": 50, "unknown": 1}
    ask(provider, a_request(messages=messages, settings=settings, tools=[Tool("add", "Adds.", parameters)]))
    asked: Any = {
        "model": "tiny",
        "max_tokens": 50,
        "system": "be brief",
        "extra_body": {
            "temperature": 0.3,
            "top_p": 0.9,
        },  # taken by the version spoken here
        "stop_sequences": ["END"],
        "tools": [{"name": "add", "description": "Adds.", "input_schema": parameters}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "add 1 and 2"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I add."},
                    {"type": "tool_use", "id": "c1", "name": "add", "input": {"left": 1}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": "no such number",
                        "is_error": True,
                    }
                ],
            },
        ],
    }
    with witness.messages.stream(**asked) as stream:
        stream.until_done()
    ours, theirs = server.requests
    assert ours == theirs
    assert [path.partition("?")[0] for path in server.paths] == ["/v1/messages", "/v1/messages"]
    told = [{name.lower(): value for name, value in headers.items()} for headers in server.headers]
    # Here they differ: today's client speaks the next version of the protocol and sends its key as a bearer. The
    # protocol's pages show `x-api-key` in both versions.
    assert (told[0]["anthropic-version"], told[1]["anthropic-version"]) == (VERSION, "2026-10-21")
    assert (told[0]["x-api-key"], told[1]["authorization"]) == ("a-key", "Bearer a-key")


def test_usage_counts_what_came_from_the_cache_as_input(
    server: ScriptedServer, provider: AnthropicProvider
) -> None:
    server.will(START, *HELLO, *message_end(output_tokens_details={"thinking_tokens": 4}))
    assert usage_in(ask(provider)) == Usage(
        input_tokens=135, output_tokens=15, cached_tokens=100, reasoning_tokens=4
    )


def test_a_later_count_of_the_input_replaces_the_first(
    server: ScriptedServer, provider: AnthropicProvider
) -> None:
    server.will(START, *HELLO, *message_end(input_tokens=30, cache_read_input_tokens=0))
    usage = usage_in(ask(provider))
    assert usage is not None
    assert (usage.input_tokens, usage.cached_tokens) == (40, 0)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        ("of_tomorrow", "of_tomorrow"),
    ],
)
def test_the_reasons_of_an_end_are_told_in_one_language(
    server: ScriptedServer, provider: AnthropicProvider, theirs: str, ours: str
) -> None:
    server.will(START, *HELLO, *message_end(theirs))
    assert reason_in(ask(provider)) == ours


def test_an_end_without_message_stop_is_an_end(server: ScriptedServer, provider: AnthropicProvider) -> None:
    server.will(START, *HELLO, message_end("max_tokens")[0])
    assert reason_in(ask(provider)) == "length"


def test_a_call_cut_at_the_limit_is_kept_as_text(server: ScriptedServer, provider: AnthropicProvider) -> None:
    server.will(START, *call(0, "toolu_1", "add", '{"left": ')[:-1], *message_end("max_tokens"))
    deltas = ask(provider)
    assert calls_in(deltas) == [ToolCall("toolu_1", "add", '{"left": ')]
    assert reason_in(deltas) == "length"


def test_a_call_that_comes_whole_is_read(server: ScriptedServer, provider: AnthropicProvider) -> None:
    whole = {"type": "tool_use", "name": "add", "input": {"left": 1}}
    server.will(START, *block(0, whole), *message_end("tool_use"))
    [made] = calls_in(ask(provider))
    assert (made.name, made.args) == ("add", {"left": 1})
    assert made.id.startswith("call_")


def test_what_later_versions_add_is_passed_over(server: ScriptedServer, provider: AnthropicProvider) -> None:
    server.will(
        named("of_tomorrow", data=1),
        START,
        *block(0, {"type": "redacted_thinking", "data": "…"}, block_delta(0, "of_tomorrow", data=1)),
        block_delta(9, "input_json_delta", partial_json="{}"),
        *HELLO,
        *message_end(),
    )
    assert text_in(ask(provider)) == "Hello 👋"


@pytest.mark.parametrize(
    ("type", "status", "retryable"),
    [("rate_limit_error", 429, True), ("api_error", 500, True), ("invalid_request_error", 400, False)],
)
def test_an_error_in_the_stream_has_the_status_it_would_have_had(
    server: ScriptedServer, provider: AnthropicProvider, type: str, status: int, retryable: bool
) -> None:
    server.will(START, named("error", error={"type": type, "message": "words"}))
    with pytest.raises(ProviderError, match=f"{status}.*words") as caught:
        ask(provider)
    assert (caught.value.status, caught.value.retryable) == (status, retryable)


def test_the_models_are_those_the_official_client_lists(
    server: ScriptedServer, provider: AnthropicProvider, witness: anthropic.Anthropic
) -> None:
    told = {
        "type": "model",
        "id": "claude-sonnet-5",
        "display_name": "Claude Sonnet 5",
        "created_at": "2026-02-19T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 500_000,
        "max_tokens": 64_000,
    }
    server.models = {"data": [told], "has_more": False, "first_id": told["id"], "last_id": told["id"]}
    [info] = provider.list_models()
    [theirs] = witness.models.list().data
    assert (info.id, info.window) == (theirs.id, theirs.max_input_tokens)
    assert provider.describe("claude-sonnet-5").window == 500_000
    assert provider.describe("claude-3-haiku-20240307").window == 200_000
    assert provider.describe("another").window is None


def test_a_server_without_a_list_has_the_configured_model(server: ScriptedServer) -> None:
    server.models = None
    provider = AnthropicProvider("gateway", server.address, default_model="claude-x")
    assert [info.id for info in provider.list_models()] == ["claude-x"]
    assert provider.describe("claude-x").window == 200_000
    with pytest.raises(ProviderError, match="404"):
        AnthropicProvider("gateway", server.address).list_models()


def test_tools_that_are_there_no_more_are_described_as_long_as_calls_stand_in_the_conversation() -> None:
    messages = [
        sent("go"),
        Sent("assistant", (ToolCall("a", "f", {}), ToolCall("b", "f", {}), ToolCall("c", "g", {})), 1),
        Sent("tool", (ToolResult("a", "f", "x"), ToolResult("b", "f", "y"), ToolResult("c", "g", "z")), 1),
    ]
    body = to_body(a_request(messages=messages))
    assert [tool["name"] for tool in body["tools"]] == ["f", "g"]
    assert body["tool_choice"] == {"type": "none"}
    body = to_body(a_request(messages=messages, tools=[Tool("h", "", {"type": "object"})]))
    assert [tool["name"] for tool in body["tools"]] == ["h"]
    assert "tool_choice" not in body


def roles(wire: list[dict[str, Any]]) -> list[Role]:
    return [message["role"] for message in wire]


def test_user_and_assistant_alternate_and_the_rest_is_put_where_it_may_stand() -> None:
    system, wire = to_wire(
        [
            sent("rules", "system"),
            sent("summary", "system"),
            sent("one"),
            sent("two"),
            Sent("assistant", (ToolCall("a", "f", {}), ToolCall("b", "g", "broken")), 1),
            Sent("tool", (ToolResult("a", "f", {"y": "é"}),), 1),
            Sent("tool", (ToolResult("b", "g", "plain"),), 1),
            sent("late", "system"),
            sent("and now?"),
            sent("  ", "assistant"),
        ]
    )
    assert system == "rules\n\nsummary"
    assert roles(wire) == ["user", "assistant", "user"]
    assert [part["text"] for part in wire[0]["content"]] == ["one", "two"]
    assert wire[1]["content"][1] == {"type": "tool_use", "id": "b", "name": "g", "input": {"value": "broken"}}
    assert wire[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": '{"y": "é"}'},
        {"type": "tool_result", "tool_use_id": "b", "content": "plain"},
        {"type": "text", "text": "late"},
        {"type": "text", "text": "and now?"},
    ]


def test_a_conversation_that_begins_with_an_answer_gets_a_word_before_it() -> None:
    _, wire = to_wire([sent("I said", "assistant"), sent("go on")])
    assert roles(wire) == ["user", "assistant", "user"]
    assert wire[0]["content"][0]["text"] == BEGINNING


def test_ids_that_other_models_gave_are_made_fit_and_different() -> None:
    messages = [sent("go")]
    for _ in range(3):
        messages.append(Sent("assistant", (ToolCall("call:0", "f", {}),), 1))
        messages.append(Sent("tool", (ToolResult("call:0", "f", "x"),), 1))
    _, wire = to_wire(messages)
    calls = [part["id"] for message in wire for part in message["content"] if part["type"] == "tool_use"]
    results = [
        part["tool_use_id"]
        for message in wire
        for part in message["content"]
        if part["type"] == "tool_result"
    ]
    assert calls == results == ["call_0", "call_0_2", "call_0_3"]


def test_the_length_of_an_answer_is_always_said() -> None:
    assert to_body(a_request())["max_tokens"] == MAX_TOKENS
    assert to_body(a_request(settings={"max_tokens": None}))["max_tokens"] == MAX_TOKENS


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("claude-3-7-sonnet-20250219", "enabled"),
        ("claude-opus-4-20250514", "enabled"),
        ("claude-sonnet-4-5-20250929", "enabled"),
        ("claude-opus-4-6", "adaptive"),
        ("anthropic/claude-opus-4-7", "adaptive"),
        ("claude-sonnet-5", "adaptive"),
        ("claude-mythos-preview", "adaptive"),
        ("qwen3-32b", "enabled"),
    ],
)
def test_an_effort_is_asked_for_as_the_model_takes_it(model: str, thinking: str) -> None:
    settings = {"reasoning_effort": "high", "temperature": 0.2, "max_tokens": 100}
    body = to_body(a_request(model=model, settings=settings))
    assert body["thinking"]["type"] == thinking
    assert ("output_config" in body) == (thinking == "adaptive")
    assert body["max_tokens"] == 100 + 16_384
    assert "temperature" not in body


@pytest.mark.parametrize("effort", [None, "none", "of_tomorrow", 7])
def test_without_a_known_effort_nothing_is_said_of_thinking(effort: object) -> None:
    body = to_body(a_request(settings={"reasoning_effort": effort, "temperature": 0.2}))
    assert "thinking" not in body
    assert body["temperature"] == 0.2


@pytest.mark.parametrize(
    ("model", "thinks"),
    [
        ("claude-opus-5-5", True),
        ("claude-sonnet-5", True),
        ("claude-opus-4-8", False),
        ("claude-next", False),
    ],
)
def test_a_model_that_thinks_unasked_has_room_for_it_and_shows_it(model: str, thinks: bool) -> None:
    body = to_body(a_request(model=model, settings={"max_tokens": 100}))
    assert body.get("thinking") == ({"type": "adaptive", "display": "summarized"} if thinks else None)
    assert body["max_tokens"] == 100 + (16_384 if thinks else 0)
    assert "output_config" not in body


def test_a_model_that_cannot_be_kept_from_thinking_thinks_as_little_as_it_can() -> None:
    body = to_body(a_request(model="claude-opus-5-5", settings={"reasoning_effort": "none"}))
    assert (body["output_config"], body["max_tokens"]) == ({"effort": "low"}, MAX_TOKENS + 2048)


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("claude-3-haiku-20240307", True),
        ("claude-opus-4-6", True),
        ("claude-opus-4-7", False),
        ("claude-opus-5", False),
    ],
)
def test_a_temperature_goes_only_to_models_that_take_one(model: str, takes: bool) -> None:
    assert ("temperature" in to_body(a_request(model=model, settings={"temperature": 0.2}))) == takes


def test_a_model_of_fixed_thoughts_does_not_think_behind_a_tool_s_result() -> None:
    messages = [
        sent("go"),
        Sent("assistant", (ToolCall("a", "f", {}),), 1),
        Sent("tool", (ToolResult("a", "f", "x"),), 1),
    ]
    assert "thinking" not in to_body(a_request(messages=messages, settings={"reasoning_effort": "low"}))


@pytest.mark.parametrize("address", ["http://box", "http://box/", "http://box/v1", "http://box/v1/messages"])
def test_an_address_may_be_given_short(address: str) -> None:
    assert base_address(address) == "http://box/v1"
