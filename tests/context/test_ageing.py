"""How checkpoints age by the table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.context.ageing import Step, find_origins, plan_ageing, plan_emergency
from palaver.context.checkpoints import share
from palaver.context.tokens import Plain
from palaver.model import Checkpoint, NewMessage, user
from tests.context.trees import Scale, a_checkpoint, counters, items, turns

PLAIN = Plain()
LIMIT = 10_000


def aged(count: int, *, merged: int = 0) -> tuple[list[NewMessage], list[Checkpoint]]:
    """Checkpoints over neighbouring turns, the first `merged` of them as one."""
    branch = [*turns(count + 1), user("now")]
    every = [
        a_checkpoint(branch, 2 * n, 2 * n + 1, "s" * 2000, number=n + 1, token_count=500)
        for n in range(count)
    ]
    if merged:
        ids = tuple(c.id for c in every[:merged])
        whole = a_checkpoint(
            branch, 0, 2 * merged - 1, "m", kind="merged", level=1, number=99, token_count=9, replaces=ids
        )
        every.append(whole)
    return branch, every


def plan(branch: list[NewMessage], every: list[Checkpoint]) -> list[Step]:
    replaced = {id for checkpoint in every for id in checkpoint.replaces}
    active = [checkpoint for checkpoint in every if checkpoint.id not in replaced]
    return plan_ageing(items(branch, *active), find_origins(active, every), LIMIT)


def told(steps: list[Step]) -> list[tuple[str, int, list[int]]]:
    return [(step.kind, step.level, [c.number for c in step.checkpoints]) for step in steps]


@pytest.mark.parametrize(
    ("further", "expected"),
    [
        (2, []),
        (3, [("summary", 2, [1])]),
        (6, [("summary", 1, [1]), ("summary", 2, [2]), ("summary", 2, [3]), ("summary", 2, [4])]),
    ],
)
def test_checkpoints_age_after_3_and_6_further_ones(
    further: int, expected: list[tuple[str, int, list[int]]]
) -> None:
    assert told(plan(*aged(further + 1))) == expected


def test_after_10_further_ones_a_checkpoint_is_merged() -> None:
    assert told(plan(*aged(10)))[0] == ("summary", 1, [1])
    assert told(plan(*aged(11)))[0] == ("merged", 1, [1])
    assert told(plan(*aged(13)))[0] == ("merged", 1, [1, 2, 3])


def test_what_was_merged_takes_in_the_next() -> None:
    assert told(plan(*aged(13, merged=2)))[0] == ("merged", 1, [99, 3])
    assert all(step.kind != "merged" for step in plan(*aged(12, merged=2)))


def test_an_aged_checkpoint_keeps_its_age() -> None:
    branch, every = aged(5)
    moderate = a_checkpoint(branch, 0, 1, "s", level=2, number=6, token_count=300, replaces=(every[0].id,))
    assert told(plan(branch, [*every, moderate])) == [("summary", 2, [2])]


def test_checkpoints_with_messages_between_them_are_not_merged() -> None:
    branch, every = aged(13)
    steps = told(plan(branch, [every[0], *every[2:]]))
    assert steps[:2] == [("merged", 1, [1]), ("merged", 1, [3])]


def test_in_an_emergency_all_become_compact_and_the_older_half_one() -> None:
    branch, every = aged(5)
    assert told(plan_emergency(items(branch, *every), LIMIT)) == [
        ("merged", 1, [1, 2, 3]),
        ("summary", 1, [4]),
        ("summary", 1, [5]),
    ]


def test_what_is_condensed_is_no_longer_than_its_target() -> None:
    branch, every = aged(6)
    for step in plan_emergency(items(branch, *every), 2000):
        short = step.condensed(PLAIN)
        assert short
        assert PLAIN.count(short) <= step.target < sum(c.token_count for c in step.checkpoints)


def test_all_checkpoints_together_take_a_third_of_the_limit() -> None:
    for limit in (1740, 6963, 27_852, 108_800):
        whole = (
            4 * share(limit, 3) + 3 * share(limit, 2) + 4 * share(limit, 1)
        )  # one of the first is the merged one
        assert whole <= limit * 40 // 100


@settings(max_examples=200)
@given(st.lists(st.text(min_size=1, max_size=300).filter(str.strip), min_size=1, max_size=5), counters)
def test_what_is_condensed_says_something_and_is_no_longer_than_it_was(
    summaries: list[str], counter: Scale
) -> None:
    branch = turns(len(summaries))
    made = [a_checkpoint(branch, 2 * n, 2 * n + 1, text, number=n) for n, text in enumerate(summaries)]
    for target in (1, 16, 100, 1000):
        step = Step("merged", 1, tuple(made), target)
        assert step.condensed(counter).strip()
        assert counter.count(step.condensed(counter)) <= max(target, counter.count(step.summaries))
