"""Thoughts go back to the server that had them, as it wants them, together with the calls they led to."""

from collections.abc import Iterator, Sequence
from typing import Any

import anthropic
import pytest

from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.model import Opaque, Part, Reasoning, Text, ToolCall, ToolResult, join_parts
from palaver.providers.anthropic import AnthropicProvider
from palaver.providers.anthropic_request import headers_for
from palaver.providers.anthropic_request import to_body as to_claude_body
from palaver.providers.base import Delta, Request
from palaver.providers.ollama import OllamaProvider
from palaver.providers.openai import OpenAIProvider
from palaver.providers.openai_request import to_body as to_openai_body
from tests.providers.asking import a_request, ask, reasoning_in, sent
from tests.providers.dialects import DIALECTS, Dialect, block_delta, last, message_end, piece
from tests.providers.test_anthropic import START, block, call
from tests.support.scripted import DONE, ScriptedServer, delta, finish

TOOLS = [Tool("add", "Adds.", {"type": "object"})]
CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
RESULT = Sent("tool", (ToolResult("c1", "add", "3"),), 1)


def answer(deltas: Sequence[Delta]) -> Sent:
    """An answer as it would be stored and sent again."""
    parts: list[Part] = [part for part in deltas if isinstance(part, Text | Reasoning | Opaque | ToolCall)]
    return Sent("assistant", join_parts(parts), 1)


def thinking(index: int, signature: str, *pieces: str) -> tuple[bytes, ...]:
    """The events of a thought, signed at its end."""
    return block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        *(block_delta(index, "thinking_delta", thinking=text) for text in pieces),
        block_delta(index, "signature_delta", signature=signature),
    )


@pytest.fixture
def claude(server: ScriptedServer) -> AnthropicProvider:
    return AnthropicProvider("claude", server.address, key="k")


@pytest.fixture
def witness(server: ScriptedServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.address, api_key="k", max_retries=0) as client:
        yield client


CLAUDE = (
    START,
    *thinking(0, "c2lnMQ==", "I shall ", "add."),
    *block(1, {"type": "text", "text": ""}, block_delta(1, "text_delta", text="A moment.")),
    *block(2, {"type": "redacted_thinking", "data": "ZGF0YQ=="}),
    *thinking(3, "c2lnMg=="),
    *call(4, "c1", "add", '{"a": 1}'),
    *message_end("tool_use"),
)


def test_claude_gets_its_thoughts_back_as_its_own_client_sends_them(
    server: ScriptedServer, claude: AnthropicProvider, witness: anthropic.Anthropic
) -> None:
    server.will(*CLAUDE)
    given = ask(claude, a_request(tools=TOOLS, model="claude-sonnet-4-6"))
    asked: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    with witness.messages.stream(**asked) as stream:
        theirs = stream.get_final_message()
    ask(claude, a_request(tools=TOOLS, messages=[sent("hello"), answer(given), RESULT]))
    ours = server.requests[-1]["messages"][1]["content"]
    echoed = [
        one.model_dump(exclude_none=True, exclude={"parsed_output", "caller"}) for one in theirs.content
    ]
    assert [one["type"] for one in ours] == ["thinking", "text", "redacted_thinking", "thinking", "tool_use"]
    assert ours == echoed
    assert reasoning_in(given) == "I shall add."


def test_claude_is_asked_without_tools_for_no_thoughts_to_keep(
    server: ScriptedServer, claude: AnthropicProvider
) -> None:
    server.will(*CLAUDE)
    assert not any(isinstance(part, Opaque) for part in ask(claude))


SIGNED = Opaque("reasoning", {"protocol": "anthropic", "provider": "claude", "signature": "c2ln"})
THOUGHT = Sent("assistant", (Reasoning("Hm."), SIGNED, ToolCall("c1", "add", {})), 1)
UNTHOUGHT = Sent("assistant", (ToolCall("c1", "add", {}),), 1)


def to_body(request: Request) -> dict[str, Any]:
    return to_claude_body(request, "claude")


def thoughts_in(body: dict[str, Any]) -> list[str]:
    return [
        block["thinking"]
        for message in body["messages"]
        for block in message["content"]
        if block["type"] == "thinking"
    ]


def test_only_the_thoughts_behind_the_newest_question_go_back() -> None:
    earlier = [sent("one"), THOUGHT, RESULT, sent("done", "assistant")]
    assert thoughts_in(to_body(a_request(messages=[*earlier, sent("two")], tools=TOOLS))) == []
    again = to_body(a_request(messages=[*earlier, sent("two"), THOUGHT, RESULT], tools=TOOLS))
    assert thoughts_in(again) == ["Hm."]


@pytest.mark.parametrize(("made", "thinks"), [(THOUGHT, True), (UNTHOUGHT, False)])
def test_a_model_of_fixed_thoughts_goes_on_thinking_behind_a_result_only_where_it_began_so(
    made: Sent, thinks: bool
) -> None:
    body = to_body(
        a_request(
            model="claude-sonnet-4-5",
            messages=[sent("go"), made, RESULT, UNTHOUGHT, RESULT],
            tools=TOOLS,
            settings={"reasoning_effort": "low"},
        )
    )
    assert ("thinking" in body) == thinks


@pytest.mark.parametrize(
    ("model", "bound"),
    [
        ("claude-fable-5-1", True),
        ("claude-mythos-5-2", True),
        ("claude-opus-5-5", True),
        ("anthropic/claude-haiku-5-5-20261001", True),
        ("claude-fable-5", False),
        ("claude-opus-5", False),
        ("claude-sonnet-4-6", False),
        ("glm-5", False),
    ],
)
def test_a_model_whose_thoughts_are_bound_drops_those_it_cannot_take(model: str, bound: bool) -> None:
    body = to_body(a_request(model=model, messages=[sent("go"), THOUGHT, RESULT], tools=TOOLS))
    drops = {"prefix_mismatch_behavior": "drop_block"}
    assert body.get("thinking", {}).get("block_binding") == (drops if bound else None)
    assert headers_for(body) == ({"anthropic-beta": "thinking-binding-controls-2026-08-01"} if bound else {})


def test_where_no_thought_goes_back_nothing_is_said_of_binding() -> None:
    body = to_body(a_request(model="claude-opus-5-5", messages=[sent("go"), UNTHOUGHT, RESULT], tools=TOOLS))
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}


def test_the_header_of_bound_thoughts_is_sent(server: ScriptedServer, claude: AnthropicProvider) -> None:
    server.will(*CLAUDE)
    messages = [sent("go"), THOUGHT, RESULT]
    ask(claude, a_request(model="claude-opus-5-5", messages=messages, tools=TOOLS))
    ask(claude, a_request(model="claude-opus-5-5"))
    told = [{name.lower() for name in headers} for headers in server.headers]
    assert ["anthropic-beta" in names for names in told] == [True, False]


def second_request(server: ScriptedServer, provider: OpenAIProvider | OllamaProvider) -> dict[str, Any]:
    """The answer of the first request as it stands in a second one."""
    given = ask(provider, a_request(tools=TOOLS))
    ask(provider, a_request(tools=TOOLS, messages=[sent("hello"), answer(given), RESULT]))
    made: dict[str, Any] = server.requests[-1]["messages"][1]
    return made


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_a_server_of_the_openai_protocol_gets_its_reasoning_back_where_it_had_put_it(
    server: ScriptedServer, field: str
) -> None:
    server.will(delta(**{field: "Hm, "}), delta(**{field: "so."}), delta(tool_calls=[CALL]), finish(), DONE)
    made = second_request(server, OpenAIProvider("p", server.address))
    assert (made[field], made["tool_calls"][0]["id"]) == ("Hm, so.", "c1")
    assert len({"reasoning_content", "reasoning", "reasoning_details"} & set(made)) == 1


def test_details_of_reasoning_go_back_in_place_of_its_text(server: ScriptedServer) -> None:
    def detail(**fields: Any) -> bytes:
        text = fields.get("text", "")
        return delta(reasoning=text, reasoning_details=[{"format": "anthropic-claude-v1", **fields}])

    server.will(
        detail(type="reasoning.text", index=0, text="Hm, "),
        detail(type="reasoning.text", index=0, text="so."),
        detail(type="reasoning.text", index=0, signature="c2ln"),
        detail(type="reasoning.encrypted", index=1, data="ZGF0YQ=="),
        delta(tool_calls=[CALL]),
        finish("tool_calls"),
        DONE,
    )
    made = second_request(server, OpenAIProvider("openrouter", server.address))
    form = {"format": "anthropic-claude-v1"}
    assert made["reasoning_details"] == [
        {**form, "type": "reasoning.text", "index": 0, "text": "Hm, so.", "signature": "c2ln"},
        {**form, "type": "reasoning.encrypted", "index": 1, "data": "ZGF0YQ=="},
    ]
    assert "reasoning" not in made


def test_what_gemini_signs_a_call_with_goes_back_with_it(server: ScriptedServer) -> None:
    extra = {"google": {"thought_signature": "c2ln"}}
    other = {**CALL, "index": 1, "id": "c2"}
    server.will(delta(tool_calls=[{**CALL, "extra_content": extra}, other]), finish("tool_calls"), DONE)
    made = second_request(server, OpenAIProvider("gemini", server.address))
    assert [one.get("extra_content") for one in made["tool_calls"]] == [extra, None]


def test_ollama_gets_its_thinking_back(server: ScriptedServer) -> None:
    used = {"function": {"name": "add", "arguments": {"a": 1}}}
    server.will(piece(thinking="Hm."), piece(tool_calls=[used]), last(), Content_Type="application/x-ndjson")
    assert second_request(server, OllamaProvider("p", server.address))["thinking"] == "Hm."


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_another_provider_is_not_sent_thoughts_it_did_not_have(
    server: ScriptedServer, dialect: Dialect
) -> None:
    protocol = "ollama" if dialect.name == "openai" else "openai"
    for told in ({"protocol": protocol, "provider": "p"}, {"protocol": dialect.name, "provider": "another"}):
        kept = Opaque("reasoning", {**told, "field": "reasoning_content", "signature": "c2ln"})
        made = Sent("assistant", (Reasoning("Hm."), kept, ToolCall("c1", "add", {})), 1)
        dialect.will(server, *dialect.whole("three"))
        ask(dialect.provider("p", server.address), a_request(messages=[sent("go"), made, RESULT]))
    assert "Hm." not in str(server.requests)


def test_deepseek_is_sent_a_thought_with_every_call() -> None:
    body = to_openai_body(a_request(messages=[sent("go"), UNTHOUGHT, RESULT]), "p", "api.deepseek.com")
    assert [message.get("reasoning_content") for message in body["messages"]] == [None, "", None]


@pytest.mark.parametrize(
    ("model", "host", "settings", "effort"),
    [
        ("gpt-6-sol", "api.openai.com", {}, "none"),
        ("gpt-5.6", "api.openai.com", {}, "none"),
        ("gpt-5.6", "api.openai.com", {"reasoning_effort": "high"}, "high"),
        ("gpt-6-astra", "api.openai.com", {}, None),
        ("gpt-5.2", "api.openai.com", {}, None),
        ("gpt-6-sol", "gateway.example.org", {}, None),
    ],
)
def test_a_model_that_takes_tools_only_without_thinking_is_asked_so(
    model: str, host: str, settings: dict[str, Any], effort: str | None
) -> None:
    body = to_openai_body(a_request(model=model, tools=TOOLS, settings=settings), "p", host)
    assert body.get("reasoning_effort") == effort
    assert "reasoning_effort" not in to_openai_body(a_request(model=model), "p", host)


def test_a_thought_in_pieces_that_cut_a_character_is_whole_before_its_signature(
    server: ScriptedServer, claude: AnthropicProvider
) -> None:
    raw = b"".join((START, *thinking(0, "c2ln", "\ud83d"), *call(1, "c1", "add", "{}"), *message_end()))
    server.will(raw)
    _, *parts = [part for part in ask(claude, a_request(tools=TOOLS)) if isinstance(part, Reasoning | Opaque)]
    assert parts == [SIGNED]
