"""Answers in the words of the OpenAI protocol: in chunks, and all chunks as one answer."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from palaver.formats.foreign import canonical
from palaver.model import Reasoning, Text, ToolCall, Usage
from palaver.providers.base import Delta, Finish

Chunk = dict[str, Any]


class Chunks:
    """Makes chunks of what a provider of another protocol says."""

    def __init__(self, id: str, model: str) -> None:
        self._head = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._begun = False
        self._calls = 0

    def read(self, delta: Delta) -> Iterator[Chunk]:
        if not self._begun:
            self._begun = True
            yield self._choice({"role": "assistant", "content": ""})
        match delta:
            case Text(text=text):
                yield self._choice({"content": text})
            case Reasoning(text=text):
                yield self._choice({"reasoning_content": text})
            case ToolCall():
                yield self._choice({"tool_calls": [self._call(delta)]})
            case Finish(reason=reason):
                yield self.end(reason)
            case Usage():
                yield self._head | {"choices": [], "usage": usage_of(delta)}
            case _:
                return

    def end(self, reason: str) -> Chunk:
        return self._choice({}, reason)

    def _choice(self, delta: dict[str, Any], reason: str | None = None) -> Chunk:
        return self._head | {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    def _call(self, call: ToolCall) -> dict[str, Any]:
        index, self._calls = self._calls, self._calls + 1
        arguments = call.args if isinstance(call.args, str) else canonical(call.args).decode()
        function = {"name": call.name, "arguments": arguments}
        return {"index": index, "id": call.id, "type": "function", "function": function}


def usage_of(usage: Usage) -> dict[str, Any]:
    told = usage.input_tokens or 0, usage.output_tokens or 0
    return {"prompt_tokens": told[0], "completion_tokens": told[1], "total_tokens": sum(told)}


def is_last(chunk: Chunk) -> bool:
    """Whether the model says in it why it ends."""
    return any(choice.get("finish_reason") for choice in _choices(chunk))


def without_usage(chunk: Chunk) -> Chunk | None:
    """The chunk as who has not asked for the usage gets it; None where it holds nothing else."""
    if chunk.get("usage") is not None and not chunk.get("choices"):
        return None
    return {name: value for name, value in chunk.items() if name != "usage"}


class Whole:
    """All chunks of an answer in one."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: Chunk) -> None:
        self._head |= {
            name: value for name, value in chunk.items() if name != "choices" and value is not None
        }
        for choice in _choices(chunk):
            index = choice.get("index") or 0
            into = self._choices.setdefault(index, {"index": index, "message": {"role": "assistant"}})
            for name, value in choice.items():
                if name == "delta" and isinstance(value, dict):
                    _merge(into["message"], value)
                elif name == "logprobs":
                    _merge(into, {name: value})
                elif name != "index" and value is not None:
                    into[name] = value

    def answer(self) -> dict[str, Any]:
        return self._head | {
            "object": "chat.completion",
            "choices": [_finished(self._choices[index]) for index in sorted(self._choices)],
        }


def _choices(chunk: Chunk) -> list[dict[str, Any]]:
    found = chunk.get("choices")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Texts go on, lists of numbered things by their number, other lists at their end; anything else is the newest."""
    for name, value in more.items():
        known = into.get(name)
        if value is None:
            into.setdefault(name, None)
        elif isinstance(value, str) and isinstance(known, str) and name not in _ONCE:
            into[name] = known + value
        elif isinstance(value, dict) and isinstance(known, dict):
            _merge(known, value)
        elif isinstance(value, list):
            into[name] = _merged(known if isinstance(known, list) else [], value)
        else:
            into[name] = value


_ONCE = ("role", "id", "type")
_IN_PLACE_OF_TEXT = ("tool_calls", "function_call", "refusal", "audio")


def _merged(known: list[Any], more: list[Any]) -> list[Any]:
    made = list(known)
    for one in more:
        index = one.get("index") if isinstance(one, dict) else None
        same = next((each for each in made if index is not None and each.get("index") == index), None)
        if same is None:
            made.append(msgspec.json.decode(msgspec.json.encode(one)))
        else:
            _merge(same, one)
    return made


def _finished(choice: dict[str, Any]) -> dict[str, Any]:
    message = {"content": None, **choice["message"]}
    for call in message.get("tool_calls") or []:
        call.pop("index", None)
    if any(message.get(name) for name in _IN_PLACE_OF_TEXT):
        message["content"] = message["content"] or None
    else:
        message["content"] = message["content"] or ""
    return {"finish_reason": None, **choice, "message": message}
