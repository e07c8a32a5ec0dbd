"""What of a branch is sent to the model, what is left out, and why. No I/O: the branch is read only as far as it fits."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from palaver.context.tokens import Counter, Plain
from palaver.context.tools import Tool
from palaver.context.units import (
    INTERRUPTED,
    Attach,
    Branch,
    Counts,
    LeftOut,
    Places,
    Reader,
    Reason,
    Sent,
    Stored,
    Unit,
    Weights,
    branch_of,
    cost,
)
from palaver.context.window import prompt_limit
from palaver.errors import ContextOverflow
from palaver.model import Checkpoint
from palaver.wire import encode

__all__ = [
    "INTERRUPTED",
    "MARKER",
    "SUMMARY_HEADING",
    "Branch",
    "LeftOut",
    "Prompt",
    "Reason",
    "Sent",
    "Stored",
    "Strategy",
    "branch_of",
    "build_prompt",
    "count_tools",
    "summary_message",
]

Strategy = Literal["summarise", "truncate"]

MARKER = "[Earlier messages are left out here: they do not fit into the context window.]"
SUMMARY_HEADING = "Summary of earlier messages:\n"
_PLAIN = Plain()


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """`messages` go to the model in this order and are `tokens` in all, never more than `limit`.

    `tokens` holds what the model's template adds to a prompt and what tool definitions take (`tools`) beside the sum of
    the messages; the two are `overhead`. `budget` is the limit less overhead, system prompt and checkpoints, `used` what
    of it the messages take. `truncated`: messages older than the oldest one sent did not fit; `left_out` names what was
    read and not sent.
    """

    messages: tuple[Sent, ...]
    tokens: int
    used: int
    budget: int
    limit: int
    window: int
    truncated: bool
    left_out: tuple[LeftOut, ...]
    overhead: int = 0
    tools: int = 0


def build_prompt(
    branch: Branch,
    *,
    window: int,
    reserve: int = 0,
    system_prompt: str | None = None,
    checkpoints: Sequence[Checkpoint] = (),
    tools: Sequence[Tool] = (),
    strategy: Strategy = "summarise",
    counter: Counter = _PLAIN,
    attach: Attach | None = None,
    counts: Counts | None = None,
    places: Places | None = None,
) -> Prompt:
    """System prompt, the active checkpoints, then the newest messages that fit, in order of time.

    `window` and `reserve` are tokens, as `counter` counts them for the model; `counts` keeps what it has counted, and
    belongs to it. `places` tells where the checkpoints lie, which are in order of time. Where not all fit, one line says
    so. The user's newest message is always in. With the strategy "truncate" no checkpoint is sent: only the newest
    messages that fit are.
    Raises `ContextOverflow` where that message, the newest one, the tools or the system prompt alone is too large.
    """
    weights = Weights(counter, attach, counts)
    limit = prompt_limit(window, reserve)
    for_tools = count_tools(tools, counter)
    overhead = counter.per_prompt + for_tools
    head = [weights.text("system", system_prompt)] if system_prompt else []
    _check_head(head, for_tools, overhead, limit)
    active = checkpoints if strategy == "summarise" else ()
    reader = Reader(branch, active, weights, places)
    newest, between, question, older = _split(reader.units(), limit)
    room = limit - overhead - cost(head)
    need = _weight((newest, question))
    if need > room:
        raise _overflow("The newest message", need + cost(head) + overhead, limit)
    summaries = _newest_that_fit([summary_message(c, weights) for c in active], room - need)
    reader.left_out += [LeftOut(c.id, "strategy") for c in checkpoints if strategy != "summarise"]
    reader.left_out += [LeftOut(c.id, "truncated") for c in active[: len(active) - len(summaries)]]
    budget = room - cost(summaries)
    marker = weights.text("system", MARKER)
    chosen = _choose(budget - need, between, older, marker, cut=len(summaries) < len(active))
    messages = [*chosen.marker, *chosen.before, *_sent(question), *chosen.after, *_sent(newest)]
    sent = (*head, *summaries, *messages)
    return Prompt(
        messages=sent,
        tokens=cost(sent) + overhead,
        used=cost(messages),
        budget=budget,
        limit=limit,
        window=window,
        truncated=chosen.cut,
        left_out=(*reader.left_out, *chosen.left_out),
        overhead=overhead,
        tools=for_tools,
    )


def count_tools(tools: Iterable[Tool], counter: Counter) -> int:
    """What the definitions of these tools take of a prompt."""
    return sum(counter.count(encode(tool).decode()) + counter.per_message for tool in tools)


def summary_message(checkpoint: Checkpoint, weights: Weights) -> Sent:
    """A checkpoint as it is sent."""
    return weights.text("system", SUMMARY_HEADING + checkpoint.summary, checkpoint.id)


class _Choice(msgspec.Struct):
    """What is sent beside the newest message and the question: `before` and `after` the question, oldest first."""

    marker: list[Sent] = []
    before: list[Sent] = []
    after: list[Sent] = []
    left_out: list[LeftOut] = []
    cut: bool = False


def _split(units: Iterator[Unit], limit: int) -> tuple[Unit | None, list[Unit], Unit | None, Iterator[Unit]]:
    """The newest unit, those between it and the user's newest message, that message (if it is another), and the rest.

    Of what lies between no more is kept than can be sent, and one.
    """
    newest = next(units, None)
    if newest is None or newest.role == "user":
        return newest, [], None, units
    between: list[Unit] = []
    kept = 0
    for unit in units:
        if unit.role == "user":
            return newest, between, unit, units
        if kept <= limit:
            between.append(unit)
            kept += unit.tokens
    return newest, between, None, units


def _choose(room: int, between: list[Unit], older: Iterator[Unit], marker: Sent, *, cut: bool) -> _Choice:
    """The newest units that fit into `room` tokens, and the marker where some do not."""
    after, missed = _take(iter(between), room)
    room -= _weight(after)
    before: list[Unit] = []
    if missed is None:
        before, missed = _take(older, room)
        room -= _weight(before)
    choice = _Choice(cut=cut or missed is not None)
    lost = [missed] if missed else []
    if choice.cut:
        while room < marker.tokens and (before or after):
            lost.append((before or after).pop())
            room += lost[-1].tokens
        choice.marker = [marker] if room >= marker.tokens else []
    choice.before, choice.after = _in_time(before), _in_time(after)
    choice.left_out = [LeftOut(sent.id, "truncated") for unit in lost for sent in unit.messages if sent.id]
    return choice


def _take(units: Iterator[Unit], room: int) -> tuple[list[Unit], Unit | None]:
    """Units as long as they fit, and the first that does not."""
    taken: list[Unit] = []
    for unit in units:
        if unit.tokens > room:
            return taken, unit
        taken.append(unit)
        room -= unit.tokens
    return taken, None


def _newest_that_fit(summaries: list[Sent], room: int) -> list[Sent]:
    kept = len(summaries)
    while kept and summaries[kept - 1].tokens <= room:
        kept -= 1
        room -= summaries[kept].tokens
    return summaries[kept:]


def _in_time(units: list[Unit]) -> list[Sent]:
    return [sent for unit in reversed(units) for sent in unit.messages]


def _sent(unit: Unit | None) -> tuple[Sent, ...]:
    return unit.messages if unit else ()


def _weight(units: Iterable[Unit | None]) -> int:
    return sum(unit.tokens for unit in units if unit)


def _check_head(head: list[Sent], tools: int, overhead: int, limit: int) -> None:
    if overhead and overhead - tools + cost(head) <= limit < overhead + cost(head):
        raise _overflow("The definitions of the tools and the system prompt", overhead + cost(head), limit)
    if overhead + cost(head) > limit:
        raise _overflow("The system prompt", overhead + cost(head), limit)


def _overflow(what: str, tokens: int, limit: int) -> ContextOverflow:
    need = "need" if what.startswith("The definitions") else "needs"
    return ContextOverflow(
        f"{what} {need} {tokens} tokens and {limit} can be sent: shorten it, or set a larger context size",
        tokens=tokens,
        limit=limit,
    )
