"""What a model is asked, written as the OpenAI protocol has it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from palaver.context.attachments import Image
from palaver.context.prompt import Sent
from palaver.model import Text, ToolCall, ToolResult
from palaver.providers.base import Request
from palaver.providers.fields import mapping
from palaver.providers.outgoing import (
    arguments_of,
    base64_of,
    content_of,
    function_of,
    images_of,
    joined,
    spoken,
    text_blocks,
    thoughts_of,
    to_json,
)

PROTOCOL = "openai"
THOUGHTS = ("reasoning_content", "reasoning")
"""Where servers put a model's thoughts, in their events and in what they are sent."""

_SETTINGS = ("temperature", "top_p", "stop", "seed", "reasoning_effort")
_NO_THOUGHT_WITH_TOOLS = re.compile(r"gpt-(5\.[4-9]|[6-9])(?!.*(pro|astra))")
"""Models that OpenAI serves here with tools only where they do not think beside."""


def to_body(request: Request, provider: str, host: str) -> dict[str, Any]:
    """The body of a request. `provider` is the name thoughts are kept under; some hosts differ from the others."""
    openai = host.endswith("openai.com")
    body: dict[str, Any] = {
        "model": request.model,
        "messages": to_wire(request.messages, provider),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body |= {name: request.settings[name] for name in _SETTINGS if request.settings.get(name) is not None}
    if request.settings.get("max_tokens") is not None:
        # The newer models of OpenAI itself refuse the old name, other servers do not know the new one.
        body["max_completion_tokens" if openai else "max_tokens"] = request.settings["max_tokens"]
    if request.tools:
        body["tools"] = [function_of(tool) for tool in request.tools]
    if request.tools and openai and _NO_THOUGHT_WITH_TOOLS.match(request.model):
        body.setdefault("reasoning_effort", "none")
    if host.endswith("deepseek.com"):
        body["messages"] = [_with_thought(message) for message in body["messages"]]
    return body | dict(request.extra)


def _with_thought(message: dict[str, Any]) -> dict[str, Any]:
    """DeepSeek refuses calls without a thought, also those that another model made."""
    return {"reasoning_content": "", **message} if message.get("tool_calls") else message


def to_wire(messages: Iterable[Sent], provider: str = "") -> list[dict[str, Any]]:
    """Messages as the protocol has them; thoughts go back to the provider that had them."""
    return joined(message for sent in messages for message in _messages(sent, provider))


def _messages(sent: Sent, provider: str) -> Iterator[dict[str, Any]]:
    match sent.role:
        case "tool":
            for part in sent.parts:
                if isinstance(part, ToolResult):
                    yield {"role": "tool", "tool_call_id": part.call_id, "content": content_of(part)}
        case "assistant":
            yield _answer(sent, provider)
        case role:
            yield {"role": role, "content": list(_content(sent)) if images_of(sent) else spoken(sent)}


def _answer(sent: Sent, provider: str) -> dict[str, Any]:
    said = spoken(sent)
    back, reasoning = thoughts_of(sent, PROTOCOL, provider)
    extras = mapping(back.get("calls"))
    calls = [_call(part, extras.get(part.id)) for part in sent.parts if isinstance(part, ToolCall)]
    if not calls:
        return {"role": "assistant", "content": said}
    message = {"role": "assistant", "content": said or None, "tool_calls": calls}
    if back.get("details"):
        message["reasoning_details"] = back["details"]
    elif back.get("field") in THOUGHTS:
        message[back["field"]] = reasoning
    return message


def _content(sent: Sent) -> Iterator[dict[str, Any]]:
    """Texts and images, in their order."""
    for part in sent.parts:
        match part:
            case Image():
                # "high" bounds what an image takes of the window; "auto" means more than that to the newest models.
                url = f"data:{part.mime};base64,{base64_of(part)}"
                yield {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
            case Text(text=said):
                yield from text_blocks(said)
            case _:
                continue


def _call(call: ToolCall, extra: Any) -> dict[str, Any]:
    function = {"name": call.name, "arguments": to_json(arguments_of(call))}
    made = {"id": call.id, "type": "function", "function": function}
    return made | ({"extra_content": extra} if extra else {})
