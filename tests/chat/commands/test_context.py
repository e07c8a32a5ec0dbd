"""What of the session goes to the model."""

import pytest

from palaver import Store
from palaver.chat.commands import Context, Statistics, Switched, Weight
from tests.chat.commands.conftest import failed, replied, said
from tests.support.factories import say


def test_context_size_counts_here_and_in_the_next_session(context: Context) -> None:
    said(context, "/context size 8192")
    assert context.session.context_size == 8192
    replied(context, "/model demo", Switched)
    assert context.session.context_size == 8192


def test_context_alone_tells_what_is_sent(context: Context, store: Store) -> None:
    say(store, context.session.id, "x" * 400, "y" * 400)
    store.update_session(context.session.id, system_prompt="z" * 40)
    said(context, "/context size 8192")
    weighed = replied(context, "/context", Weight).weighed
    assert (weighed.window, weighed.limit, weighed.window_source) == (8192, 6963, "session")
    assert (weighed.system_prompt, weighed.messages, weighed.message_count) == (10, 200, 2)
    assert weighed.tokens == weighed.system_prompt + weighed.checkpoints + weighed.messages + weighed.template
    assert weighed.budget == 6963 - 10
    assert weighed.thresholds.warning == 6953 * 70 // 100
    assert weighed.thresholds.rollover == 6963


def test_context_auto_takes_the_window_of_the_server(context: Context) -> None:
    said(context, "/context size 512")
    assert "context window is" in said(context, "/context auto")
    assert context.session.context_size is None
    assert context.manager.take_pending_context_size() is None


def test_context_stats_counts_what_there_is(context: Context, store: Store) -> None:
    first, last = say(store, context.session.id, "x" * 400, "y" * 400)
    store.add_checkpoint(context.session.id, from_id=first.id, through_id=last.id, summary="short")
    store.take_snapshot(context.session.id)
    found = replied(context, "/context stats", Statistics)
    assert (found.checkpoints, found.active, found.snapshots) == (1, 1, 1)
    assert (found.session.message_count, found.weighed.message_count) == (2, 0)
    assert found.weighed.checkpoint_count == 1


@pytest.mark.parametrize(
    "words", ["size", "size none", "size 0", "size -5", "size ²", "size 1 2", "size 99999999999"]
)
def test_a_wrong_size_shows_the_usage(context: Context, words: str) -> None:
    assert failed(context, f"/context {words}") == "Usage: /context size N"
    assert context.session.context_size is None
