"""What the audits of the recording service asked for, each a test by its own name.

That a round trip of random sessions loses nothing is shown in tests/formats.
"""

from datetime import timedelta

import pytest

import palaver
from palaver import SessionManager, Store
from palaver.chat.commands import Context, Switched, run_command
from palaver.chat.engine import Engine
from palaver.chat.modes import change_mode, list_changes
from palaver.settings import ModeSettings
from tests.chat.conftest import MakeEngine
from tests.conftest import OpenStore
from tests.support.factories import a_conversation

PLANNING = ModeSettings(name="planning", system_prompt="Plan first.")


def all_texts(store: Store, session_id: str) -> list[str]:
    return [message.text for message in store.messages(session_id) if message.role != "note"]


def test_a_model_swap_makes_a_new_id_and_mixes_no_data(store: Store) -> None:
    before = a_conversation(store, "asked of one", model="one")
    manager = SessionManager(store)
    after = manager.create_session("two")
    store.append(after.id, palaver.user("asked of two"))
    assert after.id != before.id
    assert all_texts(store, before.id)[0] == "asked of one"
    assert all_texts(store, after.id) == ["asked of two"]
    assert {message.model for message in store.messages(after.id)} <= {None, "two"}


def test_snapshots_are_separated_per_session_and_model(store: Store) -> None:
    before = a_conversation(store, "asked of one", model="one")
    manager = SessionManager(store)
    kept = store.take_snapshot(before.id, name="of one")
    after = manager.create_session("two")
    own = store.take_snapshot(after.id, name="of two")
    assert [snapshot.id for snapshot in store.list_snapshots(before.id)] == [kept.id]
    assert [snapshot.id for snapshot in store.list_snapshots(after.id)] == [own.id]
    assert (own.session_id, kept.session_id) == (after.id, before.id)


def test_checkpoints_are_empty_after_a_swap(store: Store) -> None:
    before = a_conversation(store, "asked of one", model="one")
    [first, *_] = store.messages(before.id)
    store.add_checkpoint(before.id, from_id=first.id, through_id=first.id, summary="A question.")
    after = SessionManager(store).create_session("two")
    assert store.list_checkpoints(after.id, active=False) == []
    assert len(store.list_checkpoints(before.id)) == 1


def test_new_keeps_the_chat_that_was_there(store: Store, make_engine: MakeEngine) -> None:
    before = a_conversation(store, "kept", model="scripted", provider="scripted")
    manager = SessionManager(store)
    reply = run_command(Context(store, make_engine(store), manager), "/new")
    assert isinstance(reply, Switched)
    assert reply.session.id != before.id
    assert all_texts(store, before.id)[0] == "kept"


def test_clear_keeps_the_id_and_the_system_prompt(store: Store, engine: Engine) -> None:
    session = a_conversation(
        store, "cleared", model="scripted", provider="scripted", system_prompt="Be brief."
    )
    manager = SessionManager(store)
    run_command(Context(store, engine, manager), "/clear")
    now = store.get_session(session.id)
    assert manager.current_session.id == session.id
    assert all_texts(store, session.id) == []
    assert now.system_prompt == "Be brief."
    assert now.message_count == session.message_count


def test_a_chosen_8k_stays_8k_over_a_swap(store: Store) -> None:
    manager = SessionManager(store, "one", context_size=4096)
    manager.set_pending_context_size(8192)
    assert manager.create_session("two").context_size == 8192
    assert manager.create_session("two").context_size == 8192


def test_the_last_activity_never_goes_back(store: Store) -> None:
    session = a_conversation(store, "now")
    newest = store.get_session(session.id).updated_at
    old = palaver.user("from long ago", created_at=newest - timedelta(days=400))
    store.append(session.id, old)
    assert store.get_session(session.id).updated_at >= newest


def test_the_limit_of_sessions_is_enforced_automatically(open_database: OpenStore) -> None:
    store = open_database(max_sessions=2)
    for number in range(4):
        a_conversation(store, f"session {number}")
    assert len(store.list_sessions().items) == 2


def test_the_compression_count_grows_by_one_a_compression(store: Store) -> None:
    session = a_conversation(store, "a question")
    [first, *_] = store.messages(session.id)
    made = store.add_checkpoint(session.id, from_id=first.id, through_id=first.id, summary="A long question.")
    assert store.get_session(session.id).compression_count == 1
    store.add_checkpoint(
        session.id, from_id=first.id, through_id=first.id, summary="A question.", level=2, replaces=[made.id]
    )
    assert store.get_session(session.id).compression_count == 1


@pytest.mark.parametrize("trigger", ["auto", "manual", "tool", "explicit"])
def test_a_change_of_mode_takes_a_snapshot_however_it_came(store: Store, trigger: str) -> None:
    session = a_conversation(store, "a question", "an answer")
    before = store.get_session(session.id).head_id
    change_mode(store, session, PLANNING, trigger=trigger)
    assert [snapshot.head_id for snapshot in store.list_snapshots(session.id)] == [before]
    assert [(change.after, change.trigger) for change in list_changes(store, session.id)] == [
        ("planning", trigger)
    ]


def test_a_change_of_mode_takes_no_snapshot_of_an_empty_chat(store: Store) -> None:
    session = store.create_session()
    change_mode(store, session, PLANNING)
    assert store.list_snapshots(session.id) == []
