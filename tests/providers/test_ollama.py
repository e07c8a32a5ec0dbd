"""Ollama's own protocol, with Ollama's own client as a witness that these are the shapes."""

import json
from collections.abc import Iterator
from typing import Any

import ollama
import pytest

from palaver import Store
from palaver.chat.engine import Engine
from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.errors import ProviderError
from palaver.model import Text, ToolCall, ToolResult, Usage
from palaver.providers.ollama import OllamaProvider, base_address, to_wire
from tests.providers.asking import a_request, ask, calls_in, reason_in, reasoning_in, sent, text_in, usage_in
from tests.providers.dialects import last, line, piece
from tests.support.scripted import ScriptedServer, Step

CALL = {"id": "call_8x1", "function": {"index": 0, "name": "add", "arguments": {"left": 1, "right": 2}}}
ANSWER = (
    piece(thinking="The user "),
    piece(thinking="greets."),
    piece(content="Hel"),
    piece(content="lo 👋"),
    last(),
)
CALLING = (piece(thinking="I add."), piece(tool_calls=[CALL]), last(eval_count=9))
TAGS = {
    "models": [
        {
            "name": "gemma3:4b",
            "model": "gemma3:4b",
            "modified_at": "2026-01-02T03:04:05.678901234-07:00",
            "size": 3338801804,
            "digest": "a2af6cc3eb7fa8be8504abaf9b04e88f17a119ec3f04a3addf55f92841195f5a",
            "details": {
                "parent_model": "",
                "format": "gguf",
                "family": "gemma3",
                "families": ["gemma3"],
                "parameter_size": "4.3B",
                "quantization_level": "Q4_K_M",
            },
        }
    ]
}


def shown(window: int = 131_072, parameters: str = 'stop    "<end_of_turn>"') -> dict[str, Any]:
    return {
        "modelfile": "# Modelfile",
        "parameters": parameters,
        "template": "{{ .Prompt }}",
        "details": TAGS["models"][0]["details"],
        "model_info": {
            "general.architecture": "gemma3",
            "gemma3.context_length": window,
            "gemma3.block_count": 34,
        },
        "capabilities": ["completion", "tools", "thinking"],
        "modified_at": "2026-01-02T03:04:05.678901234-07:00",
    }


@pytest.fixture
def provider(server: ScriptedServer) -> OllamaProvider:
    return OllamaProvider("box", server.address)


@pytest.fixture
def witness(server: ScriptedServer) -> Iterator[ollama.Client]:
    with ollama.Client(host=server.address, trust_env=False) as client:
        yield client


def will(server: ScriptedServer, *steps: Step) -> None:
    server.will(*steps, Content_Type="application/x-ndjson")


def test_the_official_client_reads_the_same_answer(
    server: ScriptedServer, provider: OllamaProvider, witness: ollama.Client
) -> None:
    will(server, *ANSWER)
    ours = ask(provider)
    theirs = list(witness.chat("tiny", [{"role": "user", "content": "hello"}], stream=True))
    assert text_in(ours) == "".join(part.message.content or "" for part in theirs) == "Hello 👋"
    assert reasoning_in(ours) == "".join(part.message.thinking or "" for part in theirs)
    usage = usage_in(ours)
    assert usage == Usage(input_tokens=26, output_tokens=282)
    assert (theirs[-1].prompt_eval_count, theirs[-1].eval_count) == (26, 282)
    assert reason_in(ours) == theirs[-1].done_reason == "stop"


def test_what_came_from_the_cache_is_told(server: ScriptedServer, provider: OllamaProvider) -> None:
    will(server, last(prompt_eval_count=11, prompt_eval_cached_count=8, eval_count=18))
    assert usage_in(ask(provider)) == Usage(input_tokens=11, output_tokens=18, cached_tokens=8)


def test_the_official_client_reads_the_same_calls(
    server: ScriptedServer, provider: OllamaProvider, witness: ollama.Client
) -> None:
    will(server, *CALLING)
    ours = ask(provider)
    theirs = list(witness.chat("tiny", [{"role": "user", "content": "hello"}], stream=True))
    [call] = [call for part in theirs for call in part.message.tool_calls or ()]
    assert calls_in(ours) == [ToolCall("call_8x1", call.function.name, dict(call.function.arguments))]
    assert reason_in(ours) == "tool_calls"


def test_the_official_client_asks_in_the_same_words(
    server: ScriptedServer, provider: OllamaProvider, witness: ollama.Client
) -> None:
    will(server, *ANSWER)
    parameters = {"type": "object", "properties": {"left": {"type": "integer"}}, "required": ["left"]}
    settings = {
        "temperature": 0.3,
        "top_p": 0.9,
        "seed": 4,
        "stop": "END",
        "max_tokens": 50,
        "reasoning_effort": "high",
    }
    messages = [
        sent("be brief", "system"),
        sent("add 1 and 2"),
        Sent("assistant", (ToolCall("c1", "add", {"left": 1}),), 1),
        Sent("tool", (ToolResult("c1", "add", {"sum": 3}),), 1),
    ]
    tools = [Tool("add", "Adds.", parameters)]
    ask(provider, a_request(messages=messages, settings=settings, tools=tools, window=3000))
    call = {"function": {"name": "add", "arguments": {"left": 1}}}
    theirs_answer = witness.chat(
        "tiny",
        [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "add 1 and 2"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": '{"sum": 3}', "tool_name": "add"},
        ],
        tools=[
            {
                "type": "function",
                "function": {"name": "add", "description": "Adds.", "parameters": parameters},
            }
        ],
        think="high",
        options=ollama.Options(
            temperature=0.3, top_p=0.9, seed=4, stop=["END"], num_predict=50, num_ctx=3000
        ),
        stream=True,
    )
    assert sum(1 for _ in theirs_answer) == len(ANSWER)
    ours, theirs = server.requests
    # Ids of calls are newer than the client: Ollama takes them, the client does not write them.
    assert ours["messages"][2]["tool_calls"][0].pop("id") == ours["messages"][3].pop("tool_call_id") == "c1"
    assert ours == theirs
    assert server.paths == ["/api/chat", "/api/chat"]


def test_the_models_are_those_the_official_client_lists(
    server: ScriptedServer, provider: OllamaProvider, witness: ollama.Client
) -> None:
    server.models = TAGS
    assert [info.id for info in provider.list_models()] == [model.model for model in witness.list().models]


def test_the_window_is_what_the_model_was_trained_for(
    server: ScriptedServer, provider: OllamaProvider, witness: ollama.Client
) -> None:
    server.replies["/api/show"] = shown(4096)
    assert provider.describe("gemma3:4b").window == 4096
    told = witness.show("gemma3:4b").modelinfo
    assert told is not None
    assert told["gemma3.context_length"] == 4096
    assert server.requests == [{"model": "gemma3:4b"}] * 2


def test_a_large_window_is_not_taken_unasked(server: ScriptedServer, provider: OllamaProvider) -> None:
    server.replies["/api/show"] = shown(131_072)
    assert provider.describe("gemma3:4b").window == 8192


def test_the_window_its_maker_set_is_taken_as_it_is(server: ScriptedServer, provider: OllamaProvider) -> None:
    server.replies["/api/show"] = shown(parameters='stop    "x"\nnum_ctx    32768\ntemperature 1')
    assert provider.describe("gemma3:4b").window == 32_768


def test_several_calls_in_one_or_many_lines_are_all_kept(
    server: ScriptedServer, provider: OllamaProvider
) -> None:
    def used(name: str, arguments: Any) -> dict[str, Any]:
        return {"function": {"name": name, "arguments": arguments}}

    will(
        server,
        piece(tool_calls=[used("f", {"n": 1}), used("g", {})]),
        piece(tool_calls=[used("f", "no json")]),
        last(),
    )
    calls = calls_in(ask(provider))
    assert [(call.name, call.args) for call in calls] == [("f", {"n": 1}), ("g", {}), ("f", "no json")]
    assert len({call.id for call in calls}) == 3


def test_numbers_that_json_does_not_have_are_text(server: ScriptedServer, provider: OllamaProvider) -> None:
    used = {"function": {"name": "f", "arguments": {"n": float("nan"), "m": [float("inf")]}}}
    will(server, piece(tool_calls=[used]), last())
    assert [call.args for call in calls_in(ask(provider))] == [{"n": "nan", "m": ["inf"]}]


@pytest.mark.parametrize(
    ("capabilities", "takes"),
    [
        (["completion", "tools", "vision"], (True, True)),
        (["completion", "tools", "thinking"], (False, True)),
        (["completion"], (False, False)),
        (None, (None, None)),
        ("tools", (None, None)),
    ],
)
def test_what_a_model_can_take_is_told_by_its_capabilities(
    server: ScriptedServer,
    provider: OllamaProvider,
    witness: ollama.Client,
    capabilities: Any,
    takes: tuple[bool | None, bool | None],
) -> None:
    server.replies["/api/show"] = shown(4096) | {"capabilities": capabilities}
    info = provider.describe("gemma3:4b")
    assert (info.images, info.tools) == takes
    if capabilities != "tools":
        assert witness.show("gemma3:4b").capabilities == capabilities


@pytest.mark.parametrize("told", [None, {}, {"model_info": {}}, {"model_info": 7, "parameters": 8}, []])
def test_a_window_that_is_not_told_is_none(
    server: ScriptedServer, provider: OllamaProvider, told: Any
) -> None:
    server.replies["/api/show"] = told
    assert provider.describe("gemma3:4b").window is None


def test_the_size_of_the_session_reaches_the_model(
    server: ScriptedServer, provider: OllamaProvider, store: Store
) -> None:
    will(server, *ANSWER)
    engine = Engine(store, [provider])
    session = store.create_session(model="gemma3:4b", provider="box", context_size=6000)
    engine.start_turn(session.id, "hello").wait(20)
    store.update_session(session.id, context_size=12_000)
    engine.start_turn(session.id, "again").wait(20)
    engine.close()
    assert [request["options"]["num_ctx"] for request in server.requests] == [6000, 12_000]


def test_without_a_size_the_model_gets_the_window_the_prompt_was_made_for(
    server: ScriptedServer, provider: OllamaProvider, store: Store
) -> None:
    will(server, *ANSWER)
    server.replies["/api/show"] = shown(2048)
    engine = Engine(store, [provider])
    session = store.create_session(model="gemma3:4b", provider="box")
    engine.start_turn(session.id, "hello").wait(20)
    engine.close()
    assert server.requests[-1]["options"]["num_ctx"] == 2048


def test_options_of_one_s_own_stand_beside_ours(server: ScriptedServer, provider: OllamaProvider) -> None:
    will(server, *ANSWER)
    ask(provider, a_request(window=3000, extra={"options": {"top_k": 4}, "keep_alive": "1h"}))
    assert server.requests[0]["options"] == {"num_ctx": 3000, "top_k": 4}
    assert server.requests[0]["keep_alive"] == "1h"
    assert "think" not in server.requests[0]


@pytest.mark.parametrize(("effort", "think"), [("none", False), ("minimal", "low"), ("medium", "medium")])
def test_an_effort_is_told_in_ollama_s_words(
    server: ScriptedServer, provider: OllamaProvider, effort: str, think: object
) -> None:
    will(server, *ANSWER)
    ask(provider, a_request(settings={"reasoning_effort": effort}))
    assert server.requests[0]["think"] == think


def test_lines_cut_anywhere_are_put_together(server: ScriptedServer, provider: OllamaProvider) -> None:
    told = {"message": {"content": "naïve \u2028 日本語 \x85 👩‍👩‍👧‍👦"}}
    raw = json.dumps(told, ensure_ascii=False).encode() + b"\r\n\n" + last().rstrip()
    will(server, *(raw[at : at + 1] for at in range(len(raw))))
    assert text_in(ask(provider)) == told["message"]["content"]


def test_a_line_without_an_end_is_bounded(server: ScriptedServer, provider: OllamaProvider) -> None:
    will(server, *(b"x" * 500_000 for _ in range(20)))
    with pytest.raises(ProviderError, match="longer than"):
        ask(provider)


@pytest.mark.parametrize(
    ("raw", "call"),
    [
        ({"function": {"name": "f", "arguments": '{"n": 1}'}}, ("f", {"n": 1})),
        ({"function": {"name": "f"}}, ("f", {})),
        ({"function": {"name": "f\ud800", "arguments": {"k": "\ud800"}}}, ("f\ufffd", {"k": "\ufffd"})),
        ({}, ("", {})),
    ],
)
def test_calls_are_read_however_they_are_written(
    server: ScriptedServer, provider: OllamaProvider, raw: Any, call: tuple[str, Any]
) -> None:
    will(server, piece(tool_calls=[raw, "junk"]), last())
    [made] = calls_in(ask(provider))
    assert (made.name, made.args) == call
    assert made.id.startswith("call_")


@pytest.mark.parametrize(
    "junk", [{"message": 7}, {"message": {"content": 7, "tool_calls": 9}}, {"error": ""}]
)
def test_fields_of_another_kind_are_passed_over(
    server: ScriptedServer, provider: OllamaProvider, junk: dict[str, Any]
) -> None:
    will(server, line(junk), *ANSWER)
    assert text_in(ask(provider)) == "Hello 👋"


def test_text_and_calls_go_in_one_message_and_questions_in_a_row_become_one() -> None:
    wire = to_wire(
        [
            sent("rules", "system"),
            sent("summary", "system"),
            sent("one"),
            sent("two"),
            Sent("assistant", (Text("I see"), ToolCall("a", "f", "broken")), 1),
            Sent("tool", (ToolResult("a", "f", "plain"),), 1),
        ]
    )
    call = {"id": "a", "function": {"name": "f", "arguments": {"value": "broken"}}}
    assert wire == [
        {"role": "system", "content": "rules\n\nsummary"},
        {"role": "user", "content": "one\n\ntwo"},
        {"role": "assistant", "content": "I see", "tool_calls": [call]},
        {"role": "tool", "tool_name": "f", "tool_call_id": "a", "content": "plain"},
    ]


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/api", "/api/chat", "/v1/chat/completions"])
def test_an_address_may_be_that_of_another_of_its_protocols(ending: str) -> None:
    assert base_address(f"http://localhost:11434{ending}") == "http://localhost:11434"
