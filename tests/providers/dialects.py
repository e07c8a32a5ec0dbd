"""The three protocols as a scripted server speaks them, so that one test holds for all."""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from palaver.providers.anthropic import AnthropicProvider
from palaver.providers.ollama import OllamaProvider
from palaver.providers.openai import OpenAIProvider
from tests.support import scripted
from tests.support.scripted import DONE, ScriptedServer, Step, event


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """`end` takes the reason in the protocol's own word. `broken` is an event whose JSON is cut, `wrapped` makes an
    event of any JSON."""

    name: str
    provider: type[OpenAIProvider | OllamaProvider | AnthropicProvider]
    content_type: str
    key_header: str
    text: Callable[[str], bytes]
    end: Callable[[str], tuple[bytes, ...]]
    call: Callable[[str, str, str], tuple[bytes, ...]]
    """The steps of an answer that calls one tool: the call's id, the tool's name and what it is given, as JSON."""
    stop: str
    limit: str
    wrapped: Callable[[str], bytes]
    error: bytes
    error_told: tuple[int | None, bool]
    """What an error inside the stream is: its status, and whether it is worth a retry."""

    def whole(self, *contents: str) -> tuple[bytes, ...]:
        """The steps of an answer that comes complete."""
        return (*map(self.text, contents), *self.end(self.stop))

    def will(self, server: ScriptedServer, *steps: Step) -> None:
        """Have the server answer the next request so."""
        server.will(*steps, Content_Type=self.content_type)


def line(data: Any) -> bytes:
    """A line of JSON, as Ollama writes it."""
    text = data if isinstance(data, str) else json.dumps(data)
    return text.encode() + b"\n"


def piece(**message: Any) -> bytes:
    """A line with a piece of Ollama's message."""
    return line(
        {
            "model": "gemma3:4b",
            "created_at": "2026-01-02T03:04:05.678901Z",
            "message": {"role": "assistant", "content": "", **message},
            "done": False,
        }
    )


def last(reason: str = "stop", **fields: Any) -> bytes:
    """Ollama's last line."""
    return line(
        {
            "model": "gemma3:4b",
            "created_at": "2026-01-02T03:04:06.789012Z",
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": reason,
            "total_duration": 4883583458,
            "load_duration": 1334875,
            "prompt_eval_count": 26,
            "prompt_eval_duration": 342546000,
            "eval_count": 282,
            "eval_duration": 4535599000,
            **fields,
        }
    )


def named(type: str, **fields: Any) -> bytes:
    """An event of Anthropic's, which says its name twice."""
    return f"event: {type}\n".encode() + event({"type": type, **fields})


def block_delta(index: int, type: str, **fields: Any) -> bytes:
    return named("content_block_delta", index=index, delta={"type": type, **fields})


def message_end(reason: str = "end_turn", **usage: Any) -> tuple[bytes, bytes]:
    """Anthropic's last two events."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    return (
        named("message_delta", delta=delta, usage={"output_tokens": 15, **usage}),
        named("message_stop"),
    )


def _openai_call(id: str, name: str, arguments: str) -> tuple[bytes, ...]:
    made = {"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return (scripted.delta(tool_calls=[made]), scripted.finish("tool_calls"), DONE)


def _ollama_call(id: str, name: str, arguments: str) -> tuple[bytes, ...]:
    try:
        given = json.loads(arguments)
    except ValueError:
        given = arguments
    return (piece(tool_calls=[{"id": id, "function": {"name": name, "arguments": given}}]), last())


def _anthropic_call(id: str, name: str, arguments: str) -> tuple[bytes, ...]:
    began = {"type": "tool_use", "id": id, "name": name, "input": {}}
    return (
        named("content_block_start", index=0, content_block=began),
        block_delta(0, "input_json_delta", partial_json=arguments),
        named("content_block_stop", index=0),
        *message_end("tool_use"),
    )


DIALECTS = (
    Dialect(
        name="openai",
        provider=OpenAIProvider,
        content_type="text/event-stream",
        key_header="Authorization",
        text=scripted.text,
        end=lambda reason: (scripted.finish(reason), DONE),
        call=_openai_call,
        stop="stop",
        limit="length",
        wrapped=event,
        error=event({"error": {"message": "overloaded", "code": 503}}),
        error_told=(503, True),
    ),
    Dialect(
        name="ollama",
        provider=OllamaProvider,
        content_type="application/x-ndjson",
        key_header="Authorization",
        text=lambda content: piece(content=content),
        end=lambda reason: (last(reason),),
        call=_ollama_call,
        stop="stop",
        limit="length",
        wrapped=line,
        error=line({"error": "overloaded: the runner process has ended"}),
        error_told=(None, True),
    ),
    Dialect(
        name="anthropic",
        provider=AnthropicProvider,
        content_type="text/event-stream",
        key_header="x-api-key",
        text=lambda content: block_delta(0, "text_delta", text=content),
        end=message_end,
        call=_anthropic_call,
        stop="end_turn",
        limit="max_tokens",
        wrapped=event,
        error=named("error", error={"type": "overloaded_error", "message": "overloaded"}),
        error_told=(529, True),
    ),
)
