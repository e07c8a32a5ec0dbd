"""Whatever JSON a server puts into its events: it is an answer that can be kept and sent again, or a `ProviderError`."""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.errors import ProviderError
from palaver.model import Opaque, Part, Reasoning, Text, ToolCall, Usage, join_parts
from palaver.providers import anthropic_request, ollama, openai_request
from palaver.providers.anthropic import AnthropicAnswer
from palaver.providers.base import Delta
from palaver.providers.ollama import OllamaAnswer
from palaver.providers.openai import OpenAIAnswer
from palaver.providers.streamed import StreamedAnswer
from palaver.providers.transport import Events, Server
from palaver.storage.rows import encode_body
from tests.providers.asking import a_request, sent

WORDS = (
    *("choices", "delta", "content", "reasoning", "reasoning_content", "reasoning_details", "refusal"),
    *("tool_calls", "index", "id", "function", "name", "arguments", "extra_content", "finish_reason"),
    *("usage", "prompt_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens", "error"),
    *("message", "thinking", "done", "done_reason", "eval_count", "images"),
    *("type", "content_block", "text", "partial_json", "signature", "data", "stop_reason", "input"),
)
TYPES = (
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"),
    *("message_stop", "error", "text", "thinking", "redacted_thinking", "tool_use", "text_delta"),
    *(
        "thinking_delta",
        "signature_delta",
        "input_json_delta",
        "reasoning.text",
        "function",
        "stop",
        "length",
    ),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**70)
    | st.floats()
    | st.sampled_from(TYPES)
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(["\ud83d", '{"a": 1', '{"a": NaN}', "{}"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(st.sampled_from(WORDS), JSON, max_size=5)
TYPED = st.builds(lambda kind, fields: fields | {"type": kind}, st.sampled_from(TYPES), FIELDS)
FUNCTION = st.fixed_dictionaries({"name": LEAVES, "arguments": JSON})
CALLS = st.lists(
    st.fixed_dictionaries(
        {"function": FUNCTION}, optional={"index": JSON, "id": LEAVES, "extra_content": JSON}
    ),
    max_size=2,
)
DETAILS = st.lists(
    st.fixed_dictionaries({"type": LEAVES, "text": LEAVES}, optional={"data": JSON}), max_size=2
)
MESSAGE = st.builds(
    lambda fields, calls, details: fields | {"tool_calls": calls, "reasoning_details": details},
    FIELDS,
    CALLS,
    DETAILS,
)
"""Events are near those of a protocol, so that what is read of them is reached."""
OPENAI = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"delta": MESSAGE, "finish_reason": LEAVES}), max_size=1)},
    optional={"usage": JSON},
)
OLLAMA = st.fixed_dictionaries({"message": MESSAGE, "done": LEAVES}, optional={"done_reason": JSON})
ANTHROPIC = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES), "index": st.integers(0, 2)},
    optional={"content_block": TYPED, "delta": TYPED, "message": FIELDS, "usage": JSON},
)
SERVER = Server("any", "http://127.0.0.1:9")


class Given(Events):
    """Events that have come."""

    def __init__(self, data: Sequence[Any]) -> None:
        self._data = [json.dumps(one) for one in data]

    def __iter__(self) -> Generator[str]:
        yield from self._data

    def close(self) -> None:
        """Nothing is open."""


def openai_body(messages: list[Sent]) -> Any:
    return openai_request.to_body(a_request(messages=messages), "any", "127.0.0.1")


def anthropic_body(messages: list[Sent]) -> Any:
    tools = [Tool("f", "", {})]
    return anthropic_request.to_body(
        a_request(messages=messages, model="claude-opus-5-5", tools=tools), "any"
    )


def ollama_body(messages: list[Sent]) -> Any:
    return ollama.to_wire(messages, "any")


ENDS = {
    "openai": {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    "ollama": {"message": {}, "done": True},
    "anthropic": {"type": "message_stop"},
}
Protocol = tuple[
    st.SearchStrategy[dict[str, Any]], Callable[[Events], StreamedAnswer], Callable[[list[Sent]], Any]
]
PROTOCOLS: dict[str, Protocol] = {
    "openai": (OPENAI, lambda events: OpenAIAnswer(SERVER, events), openai_body),
    "ollama": (OLLAMA, lambda events: OllamaAnswer(SERVER, events), ollama_body),
    "anthropic": (ANTHROPIC, lambda events: AnthropicAnswer(SERVER, events, keeps=True), anthropic_body),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=60, deadline=None)
@given(source=st.data())
def test_any_events_are_an_answer_that_can_be_kept_and_sent_again(
    protocol: str, source: st.DataObject
) -> None:
    event, read, write = PROTOCOLS[protocol]
    data = source.draw(st.lists(event, max_size=6))
    came: list[Delta] = []
    with suppress(ProviderError):
        came.extend(read(Given([*data, ENDS[protocol]])))
    parts: list[Part] = [part for part in came if isinstance(part, Text | Reasoning | Opaque | ToolCall)]
    if parts:
        encode_body(join_parts(parts))
    for usage in came:
        if isinstance(usage, Usage):
            assert all(
                type(count) in (int, type(None)) for count in (usage.input_tokens, usage.cached_tokens)
            )
    body = write([sent("go"), Sent("assistant", join_parts(parts), 1), sent("on")])
    json.dumps(body, allow_nan=False).encode("utf-8")
    json.dumps(body, ensure_ascii=False).encode("utf-8")
