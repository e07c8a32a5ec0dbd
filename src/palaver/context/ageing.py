"""How checkpoints age by the table, and what becomes of them in an emergency. No I/O."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Literal

import msgspec

from palaver.context.checkpoints import COMPACT, DETAILED, MODERATE, Item, share
from palaver.context.extract import condense
from palaver.context.tokens import Counter
from palaver.model import Checkpoint

MODERATE_AFTER, COMPACT_AFTER, MERGED_AFTER = 3, 6, 10
"""Further checkpoints after which one ages."""


class Step(msgspec.Struct, frozen=True):
    """`checkpoints`, neighbours in order of time, become one of this kind and level with at most `target` tokens."""

    kind: Literal["summary", "merged"]
    level: int
    checkpoints: tuple[Checkpoint, ...]
    target: int

    @property
    def summaries(self) -> str:
        return "\n\n".join(checkpoint.summary for checkpoint in self.checkpoints)

    def condensed(self, counter: Counter) -> str:
        """Their summaries in a shorter form, without a model; as they are where they fit."""
        whole = self.summaries
        if counter.count(whole) <= self.target:
            return whole
        each = max(1, self.target // len(self.checkpoints) - 2)
        parts = (condense(checkpoint.summary, each, counter) for checkpoint in self.checkpoints)
        short = condense("\n\n".join(filter(None, parts)), self.target, counter)
        return short or condense(whole, self.target, counter) or self.checkpoints[-1].summary


Origins = Mapping[str, frozenset[int]]
"""Of checkpoints, by id, the numbers of those that they go back to and that replace nothing."""


def find_origins(checkpoints: Iterable[Checkpoint], every: Iterable[Checkpoint]) -> dict[str, frozenset[int]]:
    """The origins of `checkpoints`, found among `every` of the session's, of all times."""
    known = {checkpoint.id: checkpoint for checkpoint in every}
    return {checkpoint.id: _origins(checkpoint, known) for checkpoint in checkpoints}


def plan_ageing(items: Iterable[Item], origins: Origins, limit: int) -> list[Step]:
    """What is due by the table: moderate after 3 further checkpoints, compact after 6, merged after 10.

    `items` are the branch, newest first. "Further" are those that replace nothing.
    """
    branch = list(items)
    ages = _ages(branch, origins)
    steps: list[Step] = []
    for run in _neighbours(branch):
        for due, group in groupby(run, lambda c: c.kind != "summary" or ages[c.id] >= MERGED_AFTER):
            members = list(group)
            if not due:
                aged = ((c, _level_at(ages[c.id])) for c in members)
                steps += [_shorten(c, level, limit) for c, level in aged if level < c.level]
            elif any(c.kind == "summary" for c in members):
                steps.append(_merge(members, limit))
    return steps


def plan_emergency(items: Iterable[Item], limit: int) -> list[Step]:
    """All checkpoints compact, the older half of neighbours merged."""
    steps: list[Step] = []
    for run in _neighbours(items):
        older = run[: (len(run) + 1) // 2] if len(run) > 1 else []
        if len(older) > 1:
            steps.append(_merge(older, limit))
        rest = run[len(older) :] if len(older) > 1 else run
        steps += [_shorten(c, COMPACT, limit) for c in rest if c.level > COMPACT]
    return steps


def _neighbours(items: Iterable[Item]) -> list[list[Checkpoint]]:
    """Checkpoints between which no message is sent, each run in order of time; `items` are newest first."""
    runs: list[list[Checkpoint]] = [[]]
    for item in items:
        if isinstance(item, Checkpoint):
            runs[-1].append(item)
        elif runs[-1]:
            runs.append([])
    return [run[::-1] for run in reversed(runs) if run]


def _ages(items: Iterable[Item], origins: Origins) -> dict[str, int]:
    """How many checkpoints that replace nothing came to the branch after each of those on it."""
    found = {item.id: origins[item.id] for item in items if isinstance(item, Checkpoint)}
    numbers = [number for own in found.values() for number in own]
    return {id: sum(number > max(own) for number in numbers) for id, own in found.items()}


def _origins(checkpoint: Checkpoint, known: Mapping[str, Checkpoint]) -> frozenset[int]:
    numbers: set[int] = set()
    seen: set[str] = set()
    pending = [checkpoint]
    while pending:
        one = pending.pop()
        if one.id in seen:
            continue
        seen.add(one.id)
        older = [known[id] for id in one.replaces if id in known]
        pending += older
        if not older:
            numbers.add(one.number)
    return frozenset(numbers)


def _level_at(age: int) -> int:
    return COMPACT if age >= COMPACT_AFTER else MODERATE if age >= MODERATE_AFTER else DETAILED


def _merge(checkpoints: Sequence[Checkpoint], limit: int) -> Step:
    return Step("merged", COMPACT, tuple(checkpoints), share(limit, DETAILED))


def _shorten(checkpoint: Checkpoint, level: int, limit: int) -> Step:
    return Step("summary", level, (checkpoint,), share(limit, level))
