"""A branch as a model would be sent it: units that go together or not at all, each with its tokens."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Literal

import msgspec

from palaver.context.attachments import Image
from palaver.context.thoughts import are_wanted, is_thought
from palaver.context.tokens import Counter, count_again, count_parts
from palaver.model import (
    Checkpoint,
    File,
    Message,
    NewMessage,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

Stored = Message | NewMessage

Branch = Callable[[str | None], Iterable[Stored]]
"""A branch backwards: its messages, newest first, from before the message of this id; None: from its end."""

Attach = Callable[[File], Text | Image | None]
"""What of a file is sent; None where it is only named."""

Counts = MutableMapping[tuple[str, str], int]
"""Tokens that were counted before by one counter: of a message, or of the result of one call in a message."""

Places = Mapping[str, tuple[int, int]]
"""Of checkpoints, by id, the positions of the first and the last message that they stand for."""

Reason = Literal[
    "note", "excluded", "empty", "streaming", "orphan_result", "checkpoint", "truncated", "strategy"
]

INTERRUPTED = "interrupted: this call was never answered"


class Sent(msgspec.Struct, frozen=True):
    """One message of a prompt. `id` is that of the message or checkpoint it stands for, None where it was made here."""

    role: Role
    parts: tuple[Part | Image, ...]
    tokens: int
    id: str | None = None


class LeftOut(msgspec.Struct, frozen=True):
    id: str
    reason: Reason


class Unit(msgspec.Struct, frozen=True):
    """Messages that go together or not at all, oldest first: one alone, or tool calls and their results.

    On the branch they lie from `oldest_id` to `newest_id`. `apart`: nothing that is newer belongs to something older.
    """

    messages: tuple[Sent, ...]
    tokens: int
    oldest_id: str
    newest_id: str
    apart: bool = True

    @property
    def role(self) -> Role:
        return self.messages[0].role


def branch_of(messages: Sequence[Stored]) -> Branch:
    """A list of messages, oldest first, as a `Branch`."""

    def backwards(before: str | None) -> Iterator[Stored]:
        ids = [message.id for message in messages]
        end = len(ids) if before is None else ids.index(before) if before in ids else 0
        return reversed(messages[:end])

    return backwards


class Weights:
    """What messages are for one model: their parts as they are sent, and their tokens, each counted once."""

    def __init__(self, counter: Counter, attach: Attach | None = None, counts: Counts | None = None) -> None:
        self.counter = counter
        self._attach = attach
        self._counts: Counts = {} if counts is None else counts

    def text(self, role: Role, text: str, id: str | None = None) -> Sent:
        """A message that consists of this text."""
        return Sent(role, (Text(text),), self.counter.count(text) + self.counter.per_message, id)

    def message(self, message: Stored) -> Sent:
        parts = tuple(self._as_sent(part) for part in _telling(message))
        return Sent(message.role, parts, self._count(message, parts), message.id)

    def result(self, result: ToolResult, id: str | None) -> Sent:
        key = (id or "", result.call_id)
        tokens = self._counts.get(key) if id else None
        if tokens is None:
            tokens = count_parts((result,), self.counter) + self.counter.per_message
            if id:
                self._counts[key] = tokens
        return Sent("tool", (result,), tokens, id)

    def _count(self, message: Stored, parts: tuple[Part | Image, ...]) -> int:
        key = (message.id, "")
        tokens = self._counts.get(key)
        if tokens is None:
            files = [
                sent for part, sent in zip(_telling(message), parts, strict=True) if isinstance(part, File)
            ]
            reasoning = any(isinstance(part, Reasoning) for part in parts)
            tokens = (
                count_again(message, self.counter, reasoning=reasoning)
                + count_parts(files, self.counter)
                + self.counter.per_message
            )
            self._counts[key] = tokens
        return tokens

    def _as_sent(self, part: Part) -> Part | Image:
        if not isinstance(part, File):
            return part
        content = self._attach(part) if self._attach is not None else None
        return content or Text(f"\n[file: {part.name}, {part.mime}, {part.size} bytes]")


class Reader:
    """Reads a branch, newest first: units, and checkpoints in the place of what they stand for. Jumps over the latter:
    `places` tells where they lie.

    `left_out` names what has been read and is not sent.
    """

    def __init__(
        self,
        branch: Branch,
        checkpoints: Iterable[Checkpoint],
        weights: Weights,
        places: Places | None = None,
    ) -> None:
        self._branch = branch
        self._places = places or {}
        self._covered = {checkpoint.through_id: checkpoint for checkpoint in checkpoints}
        self._weights = weights
        self._results: list[tuple[ToolResult, str]] = []
        self.left_out: list[LeftOut] = []

    def read(self) -> Iterator[Unit | Checkpoint]:
        for message in self._messages():
            if isinstance(message, Checkpoint):
                yield message
                continue
            reason = _unsendable(message)
            if reason:
                self._leave(message.id, reason)
            elif message.role == "tool":
                results = [p for p in message.parts if isinstance(p, ToolResult)]
                self._results += [(result, message.id) for result in reversed(results)]
            elif message.role == "assistant":
                yield self._with_results(*_split_results(message))
            else:
                self._drop_orphans()
                sent = self._weights.message(message)
                yield Unit((sent,), sent.tokens, message.id, message.id)
        self._drop_orphans()

    def units(self) -> Iterator[Unit]:
        """The same without the checkpoints."""
        return (item for item in self.read() if isinstance(item, Unit))

    def _messages(self) -> Iterator[Stored | Checkpoint]:
        before: str | None = None
        jumped = True
        while jumped:
            jumped = False
            for message in self._branch(before):
                checkpoint = self._find_summary(message)
                if checkpoint is not None:
                    self._drop_orphans()
                    self._leave(message.id, "checkpoint")
                    yield checkpoint
                    before, jumped = checkpoint.from_id, True
                    break
                yield message

    def _find_summary(self, message: Stored) -> Checkpoint | None:
        """What stands for this message, of which it is the newest that is left: a later one may be in the trash."""
        id = message.id
        if id not in self._covered and isinstance(message, Message):
            within = (
                through_id
                for through_id, checkpoint in self._covered.items()
                if _lies_in(message.position, self._places.get(checkpoint.id))
            )
            id = next(within, id)
        return self._covered.pop(id, None)

    def _with_results(self, message: Stored, own: dict[str, ToolResult]) -> Unit:
        read = [message_id for _, message_id in self._results]
        sent = [self._weights.message(message)]
        used = {message.id}
        for call in (part for part in message.parts if isinstance(part, ToolCall)):
            result, id = (own[call.id], message.id) if call.id in own else self._take_result(call)
            sent.append(self._weights.result(result, id))
            used.add(id or message.id)
        newest_id = next((id for id in read if id in used), message.id)
        return Unit(tuple(sent), cost(sent), message.id, newest_id, apart=not self._results)

    def _take_result(self, call: ToolCall) -> tuple[ToolResult, str | None]:
        # The result read last is the one that stands nearest behind the call.
        for n in reversed(range(len(self._results))):
            if self._results[n][0].call_id == call.id:
                return self._results.pop(n)
        return ToolResult(call.id, call.name, INTERRUPTED, is_error=True), None

    def _drop_orphans(self) -> None:
        for _, message_id in self._results:
            self._leave(message_id, "orphan_result")
        self._results.clear()

    def _leave(self, id: str, reason: Reason) -> None:
        self.left_out.append(LeftOut(id, reason))


def cost(messages: Iterable[Sent]) -> int:
    """Tokens of these messages together."""
    return sum(sent.tokens for sent in messages)


def _lies_in(position: int, place: tuple[int, int] | None) -> bool:
    return place is not None and place[0] <= position <= place[1]


def _unsendable(message: Stored) -> Reason | None:
    if message.role == "note":
        return "note"
    if not message.in_context:
        return "excluded"
    if message.status == "streaming":
        return "streaming"
    if any(map(_says_something, message.parts)):
        alone = message.role == "assistant" and not _telling(_split_results(message)[0])
        return "orphan_result" if alone else None
    return "empty"


def _split_results(message: Stored) -> tuple[Stored, dict[str, ToolResult]]:
    """An answer that broke off while its calls ran holds their results itself."""
    own = {part.call_id: part for part in message.parts if isinstance(part, ToolResult)}
    if not own:
        return message, own
    parts = tuple(part for part in message.parts if not isinstance(part, ToolResult))
    return msgspec.structs.replace(message, parts=parts), own


def _telling(message: Stored) -> list[Part]:
    """What of a message is sent."""
    if len(message.parts) > 1 and are_wanted(message.parts):
        return [part for part in message.parts if _says_something(part) or _is_thought(part)]
    return [part for part in message.parts if _says_something(part)]


def _is_thought(part: Part) -> bool:
    return isinstance(part, Reasoning) or is_thought(part)


def _says_something(part: Part) -> bool:
    return bool(part.text) if isinstance(part, Text) else isinstance(part, ToolCall | ToolResult | File)
