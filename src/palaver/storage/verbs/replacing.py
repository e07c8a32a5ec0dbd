"""Which checkpoints are in use: what replaces what, and what of it lies on the branch that is shown.

In front are those that are neither reverted nor, directly or through others, replaced by one that is not. They are
marked as such in their rows, so that a turn reads the dozen that are in use and not the hundreds they have replaced.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from palaver.ids import from_bytes
from palaver.storage.rows import SessionRow, readable, shown_id
from palaver.storage.transaction import Reading, Row, Writing
from palaver.storage.verbs import branch

KEY, ID, FROM, THROUGH, REPLACES, REVERTED = 0, 1, 3, 4, 10, 12
"""Places in the query fragment `checkpoint_columns`."""


class Link(NamedTuple):
    """What of a checkpoint decides on its use."""

    key: int
    id: bytes
    through: int
    replaces: str | None
    reverted_at: int | None
    front: int


def links(tx: Reading, row: SessionRow) -> list[Link]:
    return [Link(*columns) for columns in tx.rows("list_checkpoint_links", session=row.key)]


def active(tx: Reading, row: SessionRow, leaf: int) -> list[Row]:
    """Those on the branch that ends at the position `leaf`, neither reverted nor replaced by another of them; by number."""
    front = tx.rows("list_front_checkpoints", session=row.key)
    if not front:
        return []
    shown = branch.ranges(tx, row, leaf)
    alive = [columns for columns in front if branch.holds(shown, row.ref(columns[THROUGH]))]
    if len(alive) == len(front) or not any(columns[REPLACES] for columns in front if columns not in alive):
        return alive
    return _active_behind(tx, row, shown)  # one of another branch is in front of what may be in use here


def _active_behind(tx: Reading, row: SessionRow, shown: list[tuple[int, int]]) -> list[Row]:
    every = links(tx, row)
    alive = [
        link for link in every if link.reverted_at is None and branch.holds(shown, row.ref(link.through))
    ]
    hidden = _replaced(every, alive)
    found = (
        tx.row("find_checkpoint_by_key", key=link.key, session=row.key)
        for link in alive
        if from_bytes(link.id) not in hidden
    )
    return [columns for columns in found if columns]


def put_in_front(tx: Writing, row: SessionRow, key: int, replaced: list[Link]) -> None:
    """A new one is in front of what it replaces."""
    if any(link.reverted_at is not None for link in replaced):
        refresh(tx, row)  # behind a reverted one may be another that was in front until now
        return
    tx.run("set_checkpoint_front", key=key, session=row.key, front=1)
    for link in replaced:
        tx.run("set_checkpoint_front", key=link.key, session=row.key, front=0)


def refresh(tx: Writing, row: SessionRow) -> None:
    """Mark anew which are in front; due when one was reverted, brought back, deleted or brought in."""
    for link, front in expected(links(tx, row)):
        if link.front != front:
            tx.run("set_checkpoint_front", key=link.key, session=row.key, front=front)


def expected(every: list[Link]) -> list[tuple[Link, int]]:
    """Each with 1 where it is in front, else 0."""
    hidden = _replaced(every, (link for link in every if link.reverted_at is None))
    return [(link, int(link.reverted_at is None and from_bytes(link.id) not in hidden)) for link in every]


def _replaced(every: list[Link], by: Iterable[Link]) -> set[str]:
    """The ids that are replaced by one of `by`, be it through others in between."""
    replaces = {from_bytes(link.id): replaced_ids(link.id, link.replaces) for link in every if link.replaces}
    found: set[str] = set()
    pending = [id for link in by if link.replaces for id in replaced_ids(link.id, link.replaces)]
    while pending:
        id = pending.pop()
        if id not in found:
            found.add(id)
            pending += replaces.get(id, ())
    return found


def replaced_ids(id: bytes, replaces: str | None) -> list[str]:
    """Raises `Corrupt` for what is no list of ids."""
    with readable(f"checkpoint {shown_id(id)}"):
        return list(json.loads(replaces)) if replaces else []
