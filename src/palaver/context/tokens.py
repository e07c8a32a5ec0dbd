"""Counting tokens. One counter everywhere."""

from palaver.model import Message, NewMessage, Part, Reasoning, Text, ToolCall, ToolResult
from palaver.wire import encode

CHARACTERS_PER_TOKEN = 4


def estimate(text: str) -> int:
    """ceil(characters / 4); an empty text is 0."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def count_parts(parts: tuple[Part, ...]) -> int:
    """Tokens of what of these parts is sent to a model; reasoning, events and opaque parts are not."""
    return sum(_count_part(part) for part in parts)


def count(message: Message | NewMessage) -> int:
    """The provider's count of an answer where it reported one, else the estimate of its parts; notes are not sent."""
    if message.role == "note":
        return 0
    if message.role == "assistant" and message.usage is not None and message.usage.output_tokens is not None:
        return message.usage.output_tokens
    return count_parts(message.parts)


def _count_part(part: Part) -> int:
    match part:
        case Text(text=text):
            return estimate(text)
        case ToolCall(name=name, args=args):
            return estimate(name) + estimate(encode(args).decode())
        case ToolResult(llm_content=str() as content):
            return estimate(content)
        case ToolResult(llm_content=content):
            return estimate(encode(content).decode())
        case Reasoning():
            return 0
        case _:
            return 0
