"""Which messages a checkpoint stands for, and how long its summary may be."""

from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.context.checkpoints import (
    Stretch,
    chunks,
    extract,
    find_rollover,
    find_stretch,
    introduce,
    minimum,
    rollover_target,
    target,
)
from palaver.context.tokens import Plain
from palaver.context.units import Unit
from palaver.model import Checkpoint, NewMessage, assistant, note, system, user
from tests.context.trees import a_call, a_checkpoint, a_result, branches, items, spans, turns

PLAIN = Plain()


def find(
    branch: list[NewMessage],
    *checkpoints: Checkpoint,
    keep: int = 100,
    fewest: int = 20,
    most: int = 100_000,
) -> Stretch | None:
    return find_stretch(items(branch, *checkpoints), keep=keep, fewest=fewest, most=most)


def numbers(branch: list[NewMessage], stretch: Stretch | None) -> tuple[int, int] | None:
    """The places of the first and the last message of a stretch."""
    ids = [message.id for message in branch]
    return (ids.index(stretch.from_id), ids.index(stretch.through_id)) if stretch else None


# Which stretch


def test_what_is_older_than_the_newest_half_is_summarised_up_to_a_question() -> None:
    branch = turns(10)
    assert numbers(branch, find(branch, keep=100)) == (0, 9)  # five turns of 20 are kept
    assert numbers(branch, find(branch, keep=101)) == (0, 7)  # what is begun is kept whole


def test_less_than_the_minimum_is_not_worth_a_checkpoint() -> None:
    branch = turns(10)
    assert find(branch, keep=100, fewest=100) is not None
    assert find(branch, keep=100, fewest=101) is None


def test_the_minimum_is_500_tokens_and_less_on_a_small_window() -> None:
    assert [minimum(limit) for limit in (100_000, 4000, 1740)] == [500, 500, 217]


def test_the_current_turn_is_never_cut_into() -> None:
    steps = [message for n in range(40) for message in (a_call(f"c{n}"), a_result(f"c{n}", "x" * 40))]
    branch = [*turns(3), user("do it"), *steps]
    assert numbers(branch, find(branch, keep=10)) == (0, 5)


def test_a_call_is_never_parted_from_its_result() -> None:
    steps = [message for n in range(40) for message in (a_call(f"c{n}"), a_result(f"c{n}", "x" * 40))]
    branch = [user("do it"), *steps, user("and now?")]
    place = numbers(branch, find(branch, keep=60))
    assert place is not None
    assert branch[place[1]].role == "tool"


def test_a_checkpoint_follows_the_one_before_it() -> None:
    branch = turns(20)
    assert numbers(branch, find(branch, a_checkpoint(branch, 0, 9))) == (10, 29)


def test_after_a_checkpoint_was_reverted_the_largest_stretch_comes_first() -> None:
    branch = turns(30)
    outer = [a_checkpoint(branch, 0, 5, number=1), a_checkpoint(branch, 40, 45, number=2)]
    assert numbers(branch, find(branch, *outer)) == (6, 39)


def test_notes_and_excluded_messages_do_not_count() -> None:
    branch = [note("x" * 4000), *turns(5), user("x" * 4000, in_context=False), *turns(5)]
    stretch = find(branch)
    assert stretch is not None
    assert (stretch.messages, stretch.tokens) == (10, 100)


@settings(max_examples=300)
@given(branches, st.integers(0, 300), st.integers(1, 200), st.data())
def test_a_stretch_never_holds_what_is_kept(
    branch: list[NewMessage], keep: int, fewest: int, data: st.DataObject
) -> None:
    made = [a_checkpoint(branch, *span, number=n) for n, span in enumerate(data.draw(spans(len(branch))))]
    units = [item for item in items(branch, *made) if isinstance(item, Unit)]
    stretch = find(branch, *made, keep=keep, fewest=fewest)
    if stretch is None:
        return
    place = {message.id: number for number, message in enumerate(branch)}
    begin, end = place[stretch.from_id], place[stretch.through_id]
    inside = [unit for unit in units if begin <= place[unit.oldest_id] <= end]
    assert all(begin <= place[unit.newest_id] <= end for unit in inside)
    newer = [unit for unit in units if place[unit.oldest_id] > end]
    assert sum(unit.tokens for unit in newer) >= keep
    assert any(unit.role == "user" for unit in newer)
    assert stretch.tokens == sum(unit.tokens for unit in inside) >= fewest
    assert not any(begin <= place[c.from_id] <= end for c in made)


# What the model is told


def test_what_is_told_comes_in_pieces_that_each_fit() -> None:
    branch = [*turns(20, tokens=30), user("the last")]
    stretch = find(branch, keep=1)
    assert stretch is not None
    pieces = chunks(stretch, 100, PLAIN)
    assert len(pieces) > 5
    assert all(PLAIN.count(piece) <= 100 for piece in pieces)
    assert [f"User: q{n}" in "\n\n".join(pieces) for n in range(20)] == [True] * 20


def test_one_message_larger_than_a_piece_is_told_without_its_middle() -> None:
    branch = [user("begin " + "x" * 10_000 + " end"), assistant("ok"), user("next")]
    stretch = find(branch, keep=1)
    assert stretch is not None
    [piece] = chunks(stretch, 100, PLAIN)
    assert PLAIN.count(piece) <= 100
    assert piece.startswith("User: begin")
    assert " end" in piece


def test_of_a_huge_stretch_the_oldest_part_is_extracted() -> None:
    branch = [*turns(200), user("the last")]
    branch[0] = user("We decided to call it Palaver.")
    stretch = find(branch, keep=1, most=600)
    assert stretch is not None
    assert numbers(branch, stretch) == (0, 399)
    assert sum(item.tokens for item in stretch.items if isinstance(item, Unit)) <= 600
    assert "Palaver" in introduce(stretch, [], 100, PLAIN)
    assert stretch.messages == 400
    summary = extract(stretch, 60, PLAIN)
    assert summary.startswith("Extract of 400 messages, made without a model.")
    assert "Palaver" in summary
    assert PLAIN.count(summary) <= 60


def test_a_summary_takes_at_most_60_percent_of_what_it_replaces() -> None:
    assert target(100_000, 3, 1000) == 600
    assert target(100_000, 3, 100_000) == 2000
    assert target(1740, 3, 1000) == 87
    assert rollover_target(100_000, 50_000) == 400
    assert rollover_target(1000, 50_000) == 250
    assert rollover_target(100_000, 100) == 60


def test_what_is_told_in_full_needs_no_introduction() -> None:
    stretch = find([*turns(5), user("the last")], keep=1)
    assert stretch is not None
    assert introduce(stretch, [], 100, PLAIN) == ""
    assert "Palaver" in introduce(stretch, ["User: We decided to call it Palaver."], 100, PLAIN)


# Rollover


def roll(branch: list[NewMessage], *checkpoints: Checkpoint, room: int = 10_000) -> Stretch | None:
    return find_rollover(items(branch, *checkpoints), room=room, most=100_000)


def test_a_rollover_keeps_the_last_10_questions_with_their_answers() -> None:
    branch = [*turns(20), user("now")]
    assert numbers(branch, roll(branch)) == (0, 21)


def test_a_rollover_keeps_fewer_where_they_do_not_fit() -> None:
    branch = [*turns(20), user("now")]
    assert numbers(branch, roll(branch, room=65)) == (0, 33)
    assert numbers(branch, roll(branch, room=0)) == (0, 39)


def test_a_rollover_takes_the_checkpoints_along() -> None:
    branch = [*turns(20), user("now")]
    made = [a_checkpoint(branch, 0, 9, number=1, token_count=50), a_checkpoint(branch, 10, 15, number=2)]
    stretch = roll(branch, *made)
    assert numbers(branch, stretch) == (0, 21)
    assert stretch is not None
    assert stretch.replaces == (made[0].id, made[1].id)
    assert stretch.messages == 6


def test_a_rollover_alone_is_not_rolled_over_again() -> None:
    branch = [*turns(20), user("now")]
    assert roll(branch, a_checkpoint(branch, 0, 39, kind="rollover", token_count=400), room=0) is None


def test_a_current_turn_that_is_too_large_is_kept() -> None:
    branch = [*turns(5), user("do"), *(m for n in range(50) for m in (a_call(f"c{n}"), a_result(f"c{n}")))]
    assert numbers(branch, roll(branch, room=10)) == (0, 9)


@settings(max_examples=300)
@given(branches, st.integers(0, 300), st.data())
def test_a_rollover_never_takes_the_current_turn(
    branch: list[NewMessage], room: int, data: st.DataObject
) -> None:
    made = [a_checkpoint(branch, *span, number=n) for n, span in enumerate(data.draw(spans(len(branch))))]
    units = [item for item in items(branch, *made) if isinstance(item, Unit)]
    stretch = roll(branch, *made, room=room)
    if stretch is None:
        return
    place = {message.id: number for number, message in enumerate(branch)}
    end = place[stretch.through_id]
    kept = [unit for unit in units if place[unit.oldest_id] > end]
    assert kept
    assert any(unit.role == "user" for unit in kept)
    assert sum(unit.role == "user" for unit in kept) <= 10
    assert all(place[unit.newest_id] <= end for unit in units if unit not in kept)
    assert place[stretch.from_id] == min(
        [place[unit.oldest_id] for unit in units if unit not in kept]
        + [place[c.from_id] for c in made if place[c.through_id] <= end]
    )


def test_a_system_message_at_the_beginning_is_rolled_over_too() -> None:
    branch = [system("x" * 200), *turns(12), user("now")]
    assert numbers(branch, roll(branch)) == (0, 6)
