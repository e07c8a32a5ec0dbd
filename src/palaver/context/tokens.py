"""Counting tokens. One counter everywhere."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from palaver.context.attachments import Image
from palaver.model import Message, NewMessage, Part, Reasoning, Text, ToolCall, ToolResult
from palaver.wire import encode

CHARACTERS_PER_TOKEN = 4
_MOST_CHARACTERS = 16


class Counter(Protocol):
    """Counts the tokens of one model. Safe from any thread, and the same for the same text as long as it lives."""

    @property
    def per_message(self) -> int:
        """What the model's template adds to each message."""

    @property
    def per_prompt(self) -> int:
        """What it adds once to a prompt."""

    def count(self, text: str) -> int:
        """Tokens of a text; an empty one is 0."""


class Plain:
    """Knows nothing of the model: ceil(characters / 4), and nothing for the template."""

    per_message = 0
    per_prompt = 0

    def count(self, text: str) -> int:
        return estimate(text)


def estimate(text: str) -> int:
    """ceil(characters / 4); an empty text is 0."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


_PLAIN = Plain()


def count_parts(parts: Iterable[Part | Image], counter: Counter = _PLAIN) -> int:
    """Tokens of what of these parts is sent to a model; reasoning, events and opaque parts are not."""
    return sum(_count_part(part, counter) for part in parts)


def count(message: Message | NewMessage, counter: Counter = _PLAIN) -> int:
    """The provider's count of an answer where it reported one, else the counter's of its parts; notes are not sent."""
    if message.role == "note":
        return 0
    if message.role == "assistant" and message.usage is not None and message.usage.output_tokens is not None:
        return message.usage.output_tokens
    return count_parts(message.parts, counter)


def count_again(message: Message | NewMessage, counter: Counter, *, reasoning: bool) -> int:
    """What a message takes when it is sent: the provider's count of an answer, where that holds nothing else.

    `reasoning` says whether the answer's reasoning is sent again; most models want it once.
    """
    thoughts = [part.text for part in message.parts if isinstance(part, Reasoning)]
    texts = [*list_texts(message.parts), *(thoughts if reasoning else ())]
    told = _told(message, reasoning=reasoning, shown=bool(thoughts))
    # A count that leaves this many characters for a token is none.
    if told is not None and told * _MOST_CHARACTERS >= sum(map(len, texts)):
        return told
    return sum(map(counter.count, texts))


def _told(message: Message | NewMessage, *, reasoning: bool, shown: bool) -> int | None:
    usage = message.usage
    if message.role != "assistant" or usage is None or usage.output_tokens is None:
        return None
    if reasoning:
        return usage.output_tokens
    if usage.reasoning_tokens is None:
        return None if shown else usage.output_tokens
    return usage.output_tokens - usage.reasoning_tokens


def list_texts(parts: Iterable[Part | Image]) -> Iterator[str]:
    """The texts in these parts that are sent to a model."""
    for part in parts:
        yield from _texts(part)


def _texts(part: Part | Image) -> tuple[str, ...]:
    match part:
        case Text(text=text):
            return (text,)
        case ToolCall(name=name, args=args):
            return name, encode(args).decode()
        case ToolResult(llm_content=str() as content):
            return (content,)
        case ToolResult(llm_content=content):
            return (encode(content).decode(),)
        case _:
            return ()


def _count_part(part: Part | Image, counter: Counter) -> int:
    match part:
        case Image(tokens=tokens):
            return tokens
        case Text(text=text):
            return counter.count(text)
        case _:
            return sum(map(counter.count, _texts(part)))
