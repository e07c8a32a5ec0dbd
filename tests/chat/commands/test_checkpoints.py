"""Checkpoints, looked at and taken out of use."""

import pytest

import palaver
from palaver import Store
from palaver.chat.commands import Checkpoints, Context, OneCheckpoint
from palaver.ids import short
from tests.chat.commands.conftest import failed, replied, said
from tests.support.factories import say


@pytest.fixture
def checkpoint(context: Context, store: Store) -> palaver.Checkpoint:
    first, last, _ = say(store, context.session.id, "question", "answer", "another")
    return store.add_checkpoint(
        context.session.id, from_id=first.id, through_id=last.id, summary="They asked.", model="scripted"
    )


def test_list_shows_all_and_which_are_in_use(
    context: Context, store: Store, checkpoint: palaver.Checkpoint
) -> None:
    newer = store.add_checkpoint(
        context.session.id,
        from_id=checkpoint.from_id,
        through_id=checkpoint.through_id,
        summary="shorter",
        level=2,
        replaces=[checkpoint.id],
    )
    reply = replied(context, "/checkpoint list", Checkpoints)
    assert [known.id for known in reply.checkpoints] == [checkpoint.id, newer.id]
    assert reply.active_ids == {newer.id}
    assert replied(context, "/checkpoint", Checkpoints) == reply


@pytest.mark.parametrize("how", ["number", "hash", "short"])
def test_show_gives_the_summary_and_what_it_stands_for(
    context: Context, checkpoint: palaver.Checkpoint, how: str
) -> None:
    text = {"number": "1", "hash": "#1", "short": short(checkpoint.id)}[how]
    shown = replied(context, f"/checkpoint show {text}", OneCheckpoint)
    assert shown.checkpoint.summary == "They asked."
    assert shown.active
    assert shown.first is not None
    assert shown.last is not None
    assert (shown.first.text, shown.last.text) == ("question", "answer")


def test_revert_sends_the_messages_again(
    context: Context, store: Store, checkpoint: palaver.Checkpoint
) -> None:
    assert "its messages are sent again" in said(context, "/checkpoint revert 1")
    assert store.list_checkpoints(context.session.id) == []
    assert "already" in failed(context, "/checkpoint revert 1")


def test_revert_says_which_one_is_active_again(
    context: Context, store: Store, checkpoint: palaver.Checkpoint
) -> None:
    store.add_checkpoint(
        context.session.id,
        from_id=checkpoint.from_id,
        through_id=checkpoint.through_id,
        summary="shorter",
        level=2,
        replaces=[checkpoint.id],
    )
    assert said(context, "/checkpoint revert 2") == "Checkpoint 2 is reverted: checkpoint 1 is active again."


def test_a_checkpoint_there_is_not_is_told(context: Context, checkpoint: palaver.Checkpoint) -> None:
    assert failed(context, "/checkpoint revert 7777").startswith("Checkpoint not found")
    assert failed(context, "/checkpoint show nothing").startswith("Checkpoint not found")
