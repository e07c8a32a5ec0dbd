"""A branch as ranges of positions: it mostly goes on from the position before, so a handful of ranges name it."""

from palaver.storage.rows import SessionPlace, SessionRow
from palaver.storage.transaction import POSITION_MASK, Reading


def ranges(
    tx: Reading, row: SessionRow | SessionPlace, leaf: int, *, least: int | None = None
) -> list[tuple[int, int]]:
    """Ranges (low, high) of refs, newest first, of the branch that ends at position `leaf`.

    With `least`, only as many of the newest ranges as hold that many positions.
    """
    if least is None:
        return tx.rows("list_ranges", low=row.ref(1), high=row.ref(leaf)) if leaf > 0 else []
    found: list[tuple[int, int]] = []
    held = 0
    while leaf > 0 and held < least:
        low, before = _range_start(tx, row, leaf)
        found.append((row.ref(low), row.ref(leaf)))
        held += leaf - low + 1
        leaf = before
    return found


def _range_start(tx: Reading, row: SessionRow | SessionPlace, leaf: int) -> tuple[int, int]:
    """Where the range that ends at `leaf` begins, and the position its first message has as parent."""
    jump = tx.row("find_jump", low=row.ref(1), high=row.ref(leaf))
    if jump is None or jump[0] is None:
        return 1, 0
    start = jump[0] & POSITION_MASK
    found = tx.row("find_message_at", ref=jump[0])
    return start, found[2] if found and found[2] < start else 0


def holds(found: list[tuple[int, int]], ref: int) -> bool:
    return any(low <= ref <= high for low, high in found)


def token_count(tx: Reading, row: SessionRow | SessionPlace, leaf: int) -> int:
    """Tokens of the branch that ends at `leaf`."""
    total = 0
    for low, high in ranges(tx, row, leaf):
        found = tx.row("sum_tokens", low=low, high=high)
        total += found[0] if found else 0
    return total
