"""What of the protocol is understood, however a server spells it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import palaver
from palaver import Store
from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.model import Text, ToolCall, ToolResult, Usage
from palaver.providers.base import ConnectionLost, Delta
from palaver.providers.openai import OpenAIProvider, base_address
from palaver.providers.openai_request import to_wire
from palaver.providers.text import Mender
from tests.providers.asking import (
    a_request,
    ask,
    calls_in,
    reason_in,
    reasoning_in,
    sent,
    text_in,
    usage_in,
)
from tests.support.scripted import DONE, ScriptedServer, delta, event, finish, text, whole


def test_utf8_cut_anywhere_is_put_together(server: ScriptedServer, provider: OpenAIProvider) -> None:
    raw = b"".join(whole("naïve ", "日本語 ", "👩‍👩‍👧‍👦"))
    raw = raw.replace(json.dumps("日本語 ")[1:-1].encode(), "日本語 ".encode())
    server.will(*(raw[at : at + 1] for at in range(len(raw))))
    assert text_in(ask(provider)) == "naïve 日本語 👩‍👩‍👧‍👦"


def test_comments_line_ends_and_other_fields_are_passed_over(
    server: ScriptedServer, provider: OpenAIProvider
) -> None:
    crlf = text("one ").replace(b"\n", b"\r\n")
    server.will(b": keep-alive\r\n\r\n", crlf, b"event: message\nid: 7\nretry: 9\n" + text("two"), *whole())
    assert text_in(ask(provider)) == "one two"


def test_what_follows_the_end_is_not_read(server: ScriptedServer, provider: OpenAIProvider) -> None:
    server.will(text("all"), finish(), DONE, text(" and more"), b"data: junk\n\n")
    assert text_in(ask(provider)) == "all"


def test_an_end_without_done_is_an_end(server: ScriptedServer, provider: OpenAIProvider) -> None:
    server.will(text("all"), finish("length"))
    deltas = ask(provider)
    assert text_in(deltas) == "all"
    assert reason_in(deltas) == "length"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart(server: ScriptedServer, provider: OpenAIProvider, field: str) -> None:
    server.will(delta(**{field: "hm, "}), delta(**{field: "well"}), *whole("Yes."))
    deltas = ask(provider)
    assert reasoning_in(deltas) == "hm, well"
    assert text_in(deltas) == "Yes."


def test_content_in_parts_is_text(server: ScriptedServer, provider: OpenAIProvider) -> None:
    server.will(delta(content=[{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]), *whole())
    assert text_in(ask(provider)) == "in parts"


def test_usage_is_kept_as_reported(server: ScriptedServer, provider: OpenAIProvider) -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    server.will(text("x"), finish(), event({"choices": [], "usage": usage}), DONE)
    assert usage_in(ask(provider)) == Usage(
        input_tokens=9, output_tokens=4, cached_tokens=3, reasoning_tokens=2
    )


@pytest.mark.parametrize(
    ("told", "cached"),
    [
        ({"prompt_cache_hit_tokens": 5, "prompt_cache_miss_tokens": 4}, 5),
        ({"cached_tokens": 6}, 6),
        ({"prompt_tokens_details": {"cached_tokens": 0}, "cached_tokens": 6}, 0),
        ({"prompt_tokens_details": None, "completion_tokens_details": 7}, None),
    ],
    ids=["deepseek", "moonshot", "openai", "junk"],
)
def test_what_came_from_the_cache_is_read_as_servers_name_it(
    server: ScriptedServer, provider: OpenAIProvider, told: dict[str, Any], cached: int | None
) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4, **told}
    server.will(text("x"), finish(), event({"choices": [], "usage": usage}), DONE)
    assert usage_in(ask(provider)) == Usage(input_tokens=9, output_tokens=4, cached_tokens=cached)


def test_usage_beside_the_answer_is_read(server: ScriptedServer, provider: OpenAIProvider) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4}
    ended = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}
    server.will(text("x"), event({"choices": [ended], "usage": None}), DONE)
    assert usage_in(ask(provider)) == Usage(input_tokens=9, output_tokens=4)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("max_tokens", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("of_tomorrow", "of_tomorrow"),
    ],
)
def test_the_reasons_of_an_end_are_told_in_one_language(
    server: ScriptedServer, provider: OpenAIProvider, theirs: str, ours: str
) -> None:
    server.will(text("x"), finish(theirs), DONE)
    assert reason_in(ask(provider)) == ours


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource"])
def test_an_end_the_model_did_not_choose_is_a_lost_connection(
    server: ScriptedServer, provider: OpenAIProvider, reason: str
) -> None:
    server.will(text("half"), finish(reason), DONE)
    came: list[Delta] = []
    with pytest.raises(ConnectionLost, match=f"broke off its answer: {reason}") as caught:
        came.extend(provider.stream(a_request()))
    assert (text_in(came), caught.value.retryable) == ("half", True)


def test_a_reason_comes_once_and_is_not_lost_to_the_events_behind_it(
    server: ScriptedServer, provider: OpenAIProvider
) -> None:
    server.will(text("x"), finish("length"), event({"choices": [{"delta": {}, "finish_reason": None}]}), DONE)
    assert reason_in(ask(provider)) == "length"


def call(index: int | None, **fields: Any) -> dict[str, Any]:
    function = {name: fields.pop(name) for name in ("name", "arguments") if name in fields}
    return {**({} if index is None else {"index": index}), **fields, "function": function}


def test_tool_calls_are_put_together_from_their_pieces(
    server: ScriptedServer, provider: OpenAIProvider
) -> None:
    server.will(
        delta(tool_calls=[call(0, id="a", name="add", arguments="")]),
        delta(tool_calls=[call(0, arguments='{"left"'), call(1, id="b", name="sub", arguments="{}")]),
        delta(tool_calls=[call(0, arguments=": 1}")]),
        finish("tool_calls"),
        DONE,
    )
    assert calls_in(ask(provider)) == [ToolCall("a", "add", {"left": 1}), ToolCall("b", "sub", {})]


def test_tool_calls_without_an_index_are_told_apart_by_their_ids(
    server: ScriptedServer, provider: OpenAIProvider
) -> None:
    server.will(
        delta(tool_calls=[call(None, id="a", name="add", arguments='{"n"')]),
        delta(tool_calls=[call(None, id="a", arguments=":1}")]),
        delta(tool_calls=[call(None, id="b", name="add", arguments='{"n":2}')]),
        finish("tool_calls"),
    )
    assert calls_in(ask(provider)) == [ToolCall("a", "add", {"n": 1}), ToolCall("b", "add", {"n": 2})]


def test_arguments_that_are_no_json_are_kept_as_text(
    server: ScriptedServer, provider: OpenAIProvider
) -> None:
    server.will(delta(tool_calls=[call(0, id="a", name="add", arguments='{"n": ')]), finish("tool_calls"))
    assert calls_in(ask(provider)) == [ToolCall("a", "add", '{"n": ')]


@pytest.mark.parametrize("arguments", ["NaN", '{"n": Infinity}', "nothing", "{", "[" * 100_000])
def test_arguments_no_tool_could_be_called_with_are_kept_as_text(
    server: ScriptedServer, provider: OpenAIProvider, arguments: str
) -> None:
    server.will(delta(tool_calls=[call(0, id="a", name="f", arguments=arguments)]), finish("tool_calls"))
    assert calls_in(ask(provider)) == [ToolCall("a", "f", arguments)]


@pytest.mark.parametrize("arguments", ['"text"', "[1]", "7", "null", '{"n": 1e999}', "[" * 700 + "]" * 700])
def test_any_arguments_can_be_stored_and_sent_again(
    server: ScriptedServer, provider: OpenAIProvider, store: Store, arguments: str
) -> None:
    server.will(delta(tool_calls=[call(0, id="a", name="f", arguments=arguments)]), finish("tool_calls"))
    [made] = calls_in(ask(provider))
    [stored] = store.append(store.create_session().id, palaver.assistant("", parts=(made,)))
    [message] = to_wire([Sent("assistant", stored.parts, 1)])
    assert isinstance(json.loads(message["tool_calls"][0]["function"]["arguments"]), dict)


def test_no_choice_of_tools_is_made_for_the_model(server: ScriptedServer, provider: OpenAIProvider) -> None:
    server.will(*whole())
    ask(provider, a_request(tools=[Tool("f", "", {"type": "object"})]))
    assert not {"tool_choice", "parallel_tool_calls"} & set(server.requests[0])


def test_a_call_without_an_id_gets_one(server: ScriptedServer, provider: OpenAIProvider) -> None:
    server.will(delta(tool_calls=[call(0, name="add", arguments="{}")]), finish("tool_calls"))
    [made] = calls_in(ask(provider))
    assert made.id.startswith("call_")


def test_a_surrogate_pair_cut_in_two_is_joined(server: ScriptedServer, provider: OpenAIProvider) -> None:
    server.will(delta(content="smile \ud83d"), delta(content="\ude00!"), *whole())
    assert text_in(ask(provider)) == "smile 😀!"


def test_half_a_pair_becomes_the_replacement_character(
    server: ScriptedServer, provider: OpenAIProvider
) -> None:
    arguments = json.dumps({"key": "\ud800"})
    server.will(
        delta(content="a\udc00b\ud83d"),
        delta(reasoning_content="\ud83dx"),
        delta(tool_calls=[call(0, id="a", name="f", arguments=arguments)]),
        finish(),
    )
    deltas = ask(provider)
    assert text_in(deltas) == "a\ufffdb\ufffd"
    assert reasoning_in(deltas) == "\ufffdx"
    assert calls_in(deltas) == [ToolCall("a", "f", {"key": "\ufffd"})]


@given(st.lists(st.text(st.characters(categories=("Cs", "Lu", "So")))))
def test_mended_pieces_are_the_mended_whole(pieces: list[str]) -> None:
    mender = Mender()
    mended = "".join([*map(mender.feed, pieces), mender.flush()])
    whole_text = "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert mended == whole_text
    mended.encode()


def test_settings_and_tools_are_sent_and_what_is_unknown_is_not(
    server: ScriptedServer, provider: OpenAIProvider
) -> None:
    server.will(*whole("x"))
    settings = {"temperature": 0.3, "max_tokens": 9, "strategy": "truncate", "seed": None}
    tool = Tool("f", "does", {"type": "object"})
    ask(provider, a_request(settings=settings, tools=[tool], extra={"top_k": 4}))
    body = server.requests[0]
    assert {name: body.get(name) for name in ("temperature", "max_tokens", "top_k")} == {
        "temperature": 0.3,
        "max_tokens": 9,
        "top_k": 4,
    }
    assert not {"strategy", "seed"} & body.keys()
    assert body["tools"][0]["function"]["name"] == "f"
    assert body["stream_options"] == {"include_usage": True}


def test_system_messages_at_the_front_and_questions_in_a_row_become_one() -> None:
    wire = to_wire(
        [sent("rules", "system"), sent("summary", "system"), sent("one"), sent("two"), sent("late", "system")]
    )
    assert wire == [
        {"role": "system", "content": "rules\n\nsummary"},
        {"role": "user", "content": "one\n\ntwo"},
        {"role": "system", "content": "late"},
    ]


def test_calls_and_results_are_sent_as_json() -> None:
    wire = to_wire(
        [
            Sent(
                "assistant",
                (Text("let me see"), ToolCall("a", "f", {"x": "é"}), ToolCall("b", "g", "broken")),
                1,
            ),
            Sent("tool", (ToolResult("a", "f", {"y": 1}), ToolResult("b", "g", "plain")), 1),
        ]
    )
    assert wire[0]["content"] == "let me see"
    assert [json.loads(made["function"]["arguments"]) for made in wire[0]["tool_calls"]] == [
        {"x": "é"},
        {"value": "broken"},
    ]
    assert wire[1:] == [
        {"role": "tool", "tool_call_id": "a", "content": '{"y": 1}'},
        {"role": "tool", "tool_call_id": "b", "content": "plain"},
    ]


@pytest.mark.parametrize(
    ("given_address", "meant"),
    [
        ("http://localhost:8080", "http://localhost:8080/v1"),
        ("http://localhost:8080/", "http://localhost:8080/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("http://localhost:1234/v1/chat/completions", "http://localhost:1234/v1"),
    ],
)
def test_an_address_may_be_given_short(given_address: str, meant: str) -> None:
    assert base_address(given_address) == meant


def test_a_window_in_the_list_of_models_is_read(server: ScriptedServer, provider: OpenAIProvider) -> None:
    server.models = {"data": [{"id": "a", "max_model_len": 9000}, {"id": "b"}, {"no": "id"}, "junk"]}
    assert [(info.id, info.window) for info in provider.list_models()] == [("a", 9000), ("b", None)]
    assert provider.describe("a").window == 9000
