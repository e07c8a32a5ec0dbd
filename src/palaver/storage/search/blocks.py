"""Which changes are worth a look: of each block of them it is kept when what they say was said, and of what kinds it is."""

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from palaver.storage.search.index import Problem, watermark
from palaver.storage.search.scope import Scope
from palaver.storage.transaction import Reading

BLOCK_BITS = 10

_TOOL, _FILE = 256, 512
_MOST_RUNS = 256

Run = tuple[int, int]
"""The first and the last of changes that follow each other."""


def runs(tx: Reading, scope: Scope, high: int) -> list[Run]:
    """Where through the change `high` anything can be that fits, newest first."""
    asked = scope.parameters
    roles = msgspec.json.decode(asked["roles"] or "[]")
    wanted = {
        "before": asked["before"],
        "after": asked["after"],
        "all_kinds": _TOOL * bool(asked["has_tool"]) + _FILE * bool(asked["has_file"]),
        "any_kinds": sum(1 << role for role in roles),
    }
    if not any(wanted.values()):
        return [(1, high)]
    found = _joined(block for (block,) in tx.rows("block_list", high=high >> BLOCK_BITS, **wanted))
    return [
        (max(low << BLOCK_BITS, 1), min((top << BLOCK_BITS) + (1 << BLOCK_BITS) - 1, high))
        for low, top in _few(found)
    ]


def check(tx: Reading) -> list[Problem]:
    """Prove that no block says less than what is in it."""
    found = tx.row("block_differences", after=0, through=watermark(tx)[0])
    if not found or not found[0]:
        return []
    what = "what is kept of blocks of changes does not fit the messages; verify with repair makes it anew"
    return [("blocks_differ", "text_block", what)]


def _joined(blocks: Iterable[int]) -> list[Run]:
    """Blocks in falling order, those that follow each other as one."""
    groups = groupby(enumerate(blocks), lambda each: each[0] + each[1])
    return [(numbers[-1], numbers[0]) for numbers in ([block for _, block in group] for _, group in groups)]


def _few(found: list[Run]) -> list[Run]:
    """Not more than can be gone through one by one: the smallest gaps between them are closed."""
    width = 1
    while len(found) > _MOST_RUNS:
        found = list(_without_gaps(found, width))
        width *= 2
    return found


def _without_gaps(found: list[Run], width: int) -> Iterator[Run]:
    low, top = found[0]
    for next_low, next_top in found[1:]:
        if low - next_top - 1 > width:
            yield low, top
            top = next_top
        low = next_low
    yield low, top
