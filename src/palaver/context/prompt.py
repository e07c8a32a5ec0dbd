"""What of a branch is sent to the model, what is left out, and why. No I/O: the branch is read only as far as it fits."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from palaver.context.attachments import Image
from palaver.context.tokens import count, count_parts, estimate
from palaver.context.window import prompt_limit
from palaver.errors import ContextOverflow
from palaver.model import (
    Checkpoint,
    File,
    Message,
    NewMessage,
    Part,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

Stored = Message | NewMessage

Branch = Callable[[str | None], Iterable[Stored]]
"""A branch backwards: its messages, newest first, from before the message of this id; None: from its end."""

Reason = Literal["note", "excluded", "empty", "streaming", "orphan_result", "checkpoint", "truncated"]

MARKER = "[Earlier messages are left out here: they do not fit into the context window.]"
SUMMARY_HEADING = "Summary of earlier messages:\n"
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


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """`messages` go to the model in this order and are `tokens` in all, never more than `limit`.

    `budget` is the limit less system prompt and checkpoints, `used` what of it the messages take. `truncated`: messages
    older than the oldest one sent did not fit; `left_out` names what was read and not sent.
    """

    messages: tuple[Sent, ...]
    tokens: int
    used: int
    budget: int
    limit: int
    window: int
    truncated: bool
    left_out: tuple[LeftOut, ...]


def branch_of(messages: Sequence[Stored]) -> Branch:
    """A list of messages, oldest first, as a `Branch`."""

    def backwards(before: str | None) -> Iterator[Stored]:
        ids = [message.id for message in messages]
        end = len(ids) if before is None else ids.index(before) if before in ids else 0
        return reversed(messages[:end])

    return backwards


def build_prompt(
    branch: Branch,
    *,
    window: int,
    reserve: int = 0,
    system_prompt: str | None = None,
    checkpoints: Sequence[Checkpoint] = (),
) -> Prompt:
    """System prompt, the active checkpoints, then the newest messages that fit, in order of time.

    `window` and `reserve` are tokens. Where not all fit, one line says so. The user's newest message is always in.
    Raises `ContextOverflow` where it, the newest message or the system prompt alone is too large.
    """
    limit = prompt_limit(window, reserve)
    head = _system(system_prompt, limit)
    reader = _Reader(branch, {c.through_id: c.from_id for c in checkpoints})
    newest, between, question, older = _split(reader.units(), limit)
    room = limit - _cost(head)
    need = _cost(newest) + _cost(question)
    if need > room:
        raise _overflow("The newest message", need + _cost(head), limit)
    summaries = _newest_that_fit([_summary(c) for c in checkpoints], room - need)
    reader.left_out += [LeftOut(c.id, "truncated") for c in checkpoints[: len(checkpoints) - len(summaries)]]
    budget = room - _cost(summaries)
    chosen = _choose(budget - need, between, older, cut=len(summaries) < len(checkpoints))
    messages = [*chosen.marker, *chosen.before, *question, *chosen.after, *newest]
    sent = (*head, *summaries, *messages)
    return Prompt(
        messages=sent,
        tokens=_cost(sent),
        used=_cost(messages),
        budget=budget,
        limit=limit,
        window=window,
        truncated=chosen.cut,
        left_out=(*reader.left_out, *chosen.left_out),
    )


_Unit = Sequence[Sent]
"""Messages that go together or not at all, oldest first: one alone, or tool calls and their results."""


class _Reader:
    """Makes units of a branch, newest first, and notes what it passes over."""

    def __init__(self, branch: Branch, covered: dict[str, str]) -> None:
        self._branch = branch
        self._covered = covered
        self._results: list[tuple[ToolResult, str]] = []
        self.left_out: list[LeftOut] = []

    def units(self) -> Iterator[_Unit]:
        for message in self._messages():
            reason = _unsendable(message)
            if reason:
                self._leave(message.id, reason)
            elif message.role == "tool":
                results = [p for p in message.parts if isinstance(p, ToolResult)]
                self._results += [(result, message.id) for result in reversed(results)]
            elif message.role == "assistant":
                yield self._with_results(message)
            else:
                self._drop_orphans()
                yield (_sent(message),)
        self._drop_orphans()

    def _messages(self) -> Iterator[Stored]:
        """The branch, with jumps over what checkpoints stand for."""
        before: str | None = None
        jumped = True
        while jumped:
            jumped = False
            for message in self._branch(before):
                if message.id in self._covered:
                    self._drop_orphans()
                    self._leave(message.id, "checkpoint")
                    before, jumped = self._covered.pop(message.id), True
                    break
                yield message

    def _with_results(self, message: Stored) -> _Unit:
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        return (_sent(message), *(self._answer(call) for call in calls))

    def _answer(self, call: ToolCall) -> Sent:
        # The result read last is the one that stands nearest behind the call.
        for n in reversed(range(len(self._results))):
            if self._results[n][0].call_id == call.id:
                return _tool(*self._results.pop(n))
        return _tool(ToolResult(call.id, call.name, INTERRUPTED, is_error=True), None)

    def _drop_orphans(self) -> None:
        for _, message_id in self._results:
            self._leave(message_id, "orphan_result")
        self._results.clear()

    def _leave(self, id: str, reason: Reason) -> None:
        self.left_out.append(LeftOut(id, reason))


class _Choice(msgspec.Struct):
    """What is sent beside the newest message and the question: `before` and `after` the question, oldest first."""

    marker: list[Sent] = []
    before: list[Sent] = []
    after: list[Sent] = []
    left_out: list[LeftOut] = []
    cut: bool = False


def _split(units: Iterator[_Unit], limit: int) -> tuple[_Unit, list[_Unit], _Unit, Iterator[_Unit]]:
    """The newest unit, those between it and the user's newest message, that message (if it is another), and the rest.

    Of what lies between no more is kept than can be sent, and one.
    """
    newest = next(units, ())
    if not newest or newest[0].role == "user":
        return newest, [], (), units
    between: list[_Unit] = []
    kept = 0
    for unit in units:
        if unit[0].role == "user":
            return newest, between, unit, units
        if kept <= limit:
            between.append(unit)
            kept += _cost(unit)
    return newest, between, (), units


def _choose(room: int, between: list[_Unit], older: Iterator[_Unit], *, cut: bool) -> _Choice:
    """The newest units that fit into `room` tokens, and the marker where some do not."""
    after, missed = _take(iter(between), room)
    room -= sum(map(_cost, after))
    before: list[_Unit] = []
    if missed is None:
        before, missed = _take(older, room)
        room -= sum(map(_cost, before))
    choice = _Choice(cut=cut or missed is not None)
    lost = [missed] if missed else []
    if choice.cut:
        marker = Sent("system", (Text(MARKER),), estimate(MARKER))
        while room < marker.tokens and (before or after):
            lost.append((before or after).pop())
            room += _cost(lost[-1])
        choice.marker = [marker] if room >= marker.tokens else []
    choice.before, choice.after = _in_time(before), _in_time(after)
    choice.left_out = [LeftOut(sent.id, "truncated") for unit in lost for sent in unit if sent.id]
    return choice


def _take(units: Iterator[_Unit], room: int) -> tuple[list[_Unit], _Unit | None]:
    """Units as long as they fit, and the first that does not."""
    taken: list[_Unit] = []
    for unit in units:
        if _cost(unit) > room:
            return taken, unit
        taken.append(unit)
        room -= _cost(unit)
    return taken, None


def _in_time(units: list[_Unit]) -> list[Sent]:
    return [sent for unit in reversed(units) for sent in unit]


def _system(text: str | None, limit: int) -> list[Sent]:
    if not text:
        return []
    tokens = estimate(text)
    if tokens > limit:
        raise _overflow("The system prompt", tokens, limit)
    return [Sent("system", (Text(text),), tokens)]


def _summary(checkpoint: Checkpoint) -> Sent:
    text = SUMMARY_HEADING + checkpoint.summary
    return Sent("system", (Text(text),), estimate(text), checkpoint.id)


def _newest_that_fit(summaries: list[Sent], room: int) -> list[Sent]:
    kept, _ = _take(iter([(summary,) for summary in reversed(summaries)]), room)
    return _in_time(kept)


def _unsendable(message: Stored) -> Reason | None:
    if message.role == "note":
        return "note"
    if not message.in_context:
        return "excluded"
    if message.status == "streaming":
        return "streaming"
    return None if any(map(_says_something, message.parts)) else "empty"


def _says_something(part: Part) -> bool:
    return bool(part.text) if isinstance(part, Text) else isinstance(part, ToolCall | ToolResult | File)


def _sent(message: Stored) -> Sent:
    parts = tuple(_as_sent(part) for part in message.parts if _says_something(part))
    extra = count_parts(tuple(_as_sent(part) for part in message.parts if isinstance(part, File)))
    return Sent(message.role, parts, count(message) + extra, message.id)


def _as_sent(part: Part) -> Part:
    """A file is named: its content is not sent."""
    return Text(f"\n[file: {part.name}, {part.mime}, {part.size} bytes]") if isinstance(part, File) else part


def _tool(result: ToolResult, id: str | None) -> Sent:
    return Sent("tool", (result,), count_parts((result,)), id)


def _cost(messages: Iterable[Sent]) -> int:
    return sum(sent.tokens for sent in messages)


def _overflow(what: str, tokens: int, limit: int) -> ContextOverflow:
    return ContextOverflow(
        f"{what} needs {tokens} tokens and {limit} can be sent: shorten it, or set a larger context size",
        tokens=tokens,
        limit=limit,
    )
