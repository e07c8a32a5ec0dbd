"""Snapshots: a session's state by names and ids, to go back to."""

from typing import Any

import msgspec
import pytest

import palaver
from palaver import Busy, Invalid, NotFound, Session, Snapshot, Store
from palaver.model import PURPOSES, Purpose
from tests.store.test_checkpoints import a_long_talk, active, summarise
from tests.support.factories import a_conversation, say, texts
from tests.support.factories import ids as ids_of

AUTOMATIC: list[Purpose] = [purpose for purpose in PURPOSES if purpose != "manual"]


def to_go_back_to(store: Store, session: Session) -> list[str]:
    """Newest first, without those a restore has taken on its way."""
    return [item.id for item in store.list_snapshots(session.id) if item.purpose != "rollback"]


def test_a_snapshot_names_the_state_of_a_session(store: Store) -> None:
    session, messages = a_long_talk(store)
    store.update_session(session.id, settings={"temperature": 1})
    made = summarise(store, session, messages[0], messages[1])
    snapshot = store.take_snapshot(session.id, name="before", purpose="emergency")
    assert (snapshot.name, snapshot.purpose, snapshot.session_id) == ("before", "emergency", session.id)
    assert (snapshot.head_id, snapshot.checkpoint_ids) == (session.head_id, (made,))
    assert snapshot.settings == {"temperature": 1}
    assert snapshot.token_count == session.token_count
    assert store.get_snapshot(snapshot.id) == snapshot
    assert store.list_snapshots(session.id) == [snapshot]


def test_a_snapshot_without_a_name_gets_one(store: Store) -> None:
    session, _ = a_long_talk(store)
    assert store.take_snapshot(session.id).name.strip()


def test_restoring_moves_back_and_deletes_nothing(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    store.update_session(session.id, settings={"temperature": 1})
    snapshot = store.take_snapshot(session.id)
    later = say(store, session.id, "later")
    second = summarise(store, session, messages[2], messages[3])
    store.revert_checkpoint(first)
    store.update_session(session.id, settings={"temperature": 2})
    restored = store.restore_snapshot(snapshot.id)
    assert (restored.head_id, restored.settings) == (session.head_id, {"temperature": 1})
    assert active(store, session) == [first]
    assert store.get_message(later[0].id) == later[0]
    assert {first, second} == set(ids_of(store.list_checkpoints(session.id, active=False)))
    assert store.verify().problems == []


def test_after_restoring_the_conversation_goes_on_from_there(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    snapshot = store.take_snapshot(session.id)
    say(store, session.id, "three")
    store.restore_snapshot(snapshot.id)
    say(store, session.id, "other three")
    assert texts(store, session.id) == ["one", "two", "other three"]


def test_a_restored_set_replaces_what_was_merged_since(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    snapshot = store.take_snapshot(session.id)
    summarise(store, session, messages[0], messages[3], replaces=[first])
    store.restore_snapshot(snapshot.id)
    assert active(store, session) == [first]


def test_a_snapshot_of_an_empty_session_restores_to_nothing(store: Store) -> None:
    session = store.create_session()
    snapshot = store.take_snapshot(session.id)
    say(store, session.id, "one")
    assert store.restore_snapshot(snapshot.id).head_id is None
    assert texts(store, session.id) == []


def test_snapshots_are_listed_newest_first_with_their_purpose(store: Store) -> None:
    session, _ = a_long_talk(store)
    made = [
        store.take_snapshot(session.id, purpose=purpose) for purpose in ("manual", "recovery", "emergency")
    ]
    assert store.list_snapshots(session.id) == made[::-1]


def test_snapshots_of_other_sessions_are_not_listed(store: Store) -> None:
    one, two = a_conversation(store), a_conversation(store)
    store.take_snapshot(one.id)
    assert store.list_snapshots(two.id) == []


def test_a_deleted_snapshot_is_gone_and_its_messages_stay(store: Store) -> None:
    session, messages = a_long_talk(store)
    snapshot = store.take_snapshot(session.id)
    store.delete_snapshot(snapshot.id)
    with pytest.raises(NotFound):
        store.get_snapshot(snapshot.id)
    assert ids_of(list(store.messages(session.id))) == messages


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "a\0b"}, {"name": "\ud800"}, {"purpose": "odd"}])
def test_a_bad_snapshot_is_invalid(store: Store, fields: dict[str, Any]) -> None:
    session, _ = a_long_talk(store)
    with pytest.raises(Invalid):
        store.take_snapshot(session.id, **fields)
    assert store.list_snapshots(session.id) == []


def test_a_snapshot_goes_with_its_session(store: Store) -> None:
    session, messages = a_long_talk(store)
    snapshot, made = store.take_snapshot(session.id), summarise(store, session, messages[0], messages[1])
    store.purge_session(session.id)
    with pytest.raises(NotFound):
        store.get_snapshot(snapshot.id)
    with pytest.raises(NotFound):
        store.revert_checkpoint(made)


def test_a_snapshot_does_not_change(store: Store) -> None:
    session, _ = a_long_talk(store)
    snapshot = store.take_snapshot(session.id)
    say(store, session.id, "later")
    store.update_session(session.id, settings={"temperature": 9})
    assert msgspec.structs.asdict(store.get_snapshot(snapshot.id)) == msgspec.structs.asdict(snapshot)
    assert isinstance(snapshot, Snapshot)


@pytest.mark.parametrize("purpose", AUTOMATIC)
def test_the_newest_five_automatic_snapshots_are_kept(store: Store, purpose: Purpose) -> None:
    session, _ = a_long_talk(store)
    made = [store.take_snapshot(session.id, purpose=purpose).id for _ in range(8)]
    assert ids_of(store.list_snapshots(session.id)) == made[:2:-1]
    assert store.verify().problems == []


def test_automatic_snapshots_of_all_purposes_are_five_together(store: Store) -> None:
    session, _ = a_long_talk(store)
    made = [store.take_snapshot(session.id, purpose=purpose).id for purpose in AUTOMATIC * 3]
    assert ids_of(store.list_snapshots(session.id)) == made[:3:-1]


def test_manual_snapshots_stay_until_they_are_deleted(store: Store) -> None:
    session, _ = a_long_talk(store)
    manual = [store.take_snapshot(session.id).id for _ in range(7)]
    for _ in range(7):
        store.take_snapshot(session.id, purpose="recovery")
    kept = store.list_snapshots(session.id)
    assert [item.id for item in kept if item.purpose == "manual"] == manual[::-1]
    assert len(kept) == 12
    store.delete_snapshot(manual[0])
    assert len(store.list_snapshots(session.id)) == 11


def test_automatic_snapshots_are_counted_by_session(store: Store) -> None:
    one, two = a_conversation(store), a_conversation(store)
    kept = store.take_snapshot(one.id, purpose="recovery")
    for _ in range(6):
        store.take_snapshot(two.id, purpose="recovery")
    assert store.list_snapshots(one.id) == [kept]


def test_clearing_takes_a_snapshot_that_brings_the_branch_back(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    store.clear_session(session.id)
    (taken,) = store.list_snapshots(session.id)
    assert (taken.purpose, taken.head_id) == ("recovery", session.head_id)
    say(store, session.id, "another")
    store.restore_snapshot(taken.id)
    assert texts(store, session.id) == ["one", "two"]


def test_clearing_what_is_empty_takes_no_snapshot(store: Store) -> None:
    session = store.create_session()
    store.clear_session(session.id)
    assert store.list_snapshots(session.id) == []


def test_a_refused_clearing_leaves_no_snapshot(store: Store) -> None:
    session = a_conversation(store)
    store.open_draft(session.id)
    with pytest.raises(Busy):
        store.clear_session(session.id)
    assert store.list_snapshots(session.id) == []


def test_a_restore_can_be_undone(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    before = store.take_snapshot(session.id)
    say(store, session.id, "later")
    aged = summarise(store, session, messages[0], messages[1], level=2, replaces=[first])
    last = summarise(store, session, messages[0], messages[1], level=1, replaces=[aged])
    store.update_session(session.id, settings={"temperature": 2})
    left = store.get_session(session.id)
    store.restore_snapshot(before.id)
    assert active(store, session) == [first]
    taken = store.list_snapshots(session.id)[0]
    assert (taken.purpose, taken.checkpoint_ids) == ("rollback", (last,))
    back = store.restore_snapshot(taken.id)
    assert (back.head_id, back.settings, back.token_count) == (left.head_id, left.settings, left.token_count)
    assert active(store, session) == [last]
    assert store.verify().problems == []


def test_restoring_adds_no_checkpoint(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    before = store.take_snapshot(session.id)
    aged = summarise(store, session, messages[0], messages[1], level=2, replaces=[first])
    for _ in range(4):
        store.restore_snapshot(before.id)
    assert ids_of(store.list_checkpoints(session.id, active=False)) == [first, aged]
    assert store.get_session(session.id).compression_count == 1


def test_restoring_what_is_as_it_was_changes_nothing(store: Store) -> None:
    session, _ = a_long_talk(store)
    kept, mark = store.take_snapshot(session.id), store.mark()
    assert store.restore_snapshot(kept.id) == store.get_session(session.id) == session
    assert store.list_snapshots(session.id) == [kept]
    assert store.changes(mark).items == []


def test_going_back_and_forth_between_two_states_takes_one_snapshot(store: Store) -> None:
    session = a_conversation(store, "one")
    before = store.take_snapshot(session.id)
    say(store, session.id, "two")
    store.restore_snapshot(before.id)
    after = store.list_snapshots(session.id)[0]
    for _ in range(4):
        store.restore_snapshot(after.id)
        assert texts(store, session.id) == ["one", "two"]
        store.restore_snapshot(before.id)
        assert texts(store, session.id) == ["one"]
    assert store.list_snapshots(session.id) == [after, before]


def test_rolling_back_to_the_newest_again_stays_there(store: Store) -> None:
    session = a_conversation(store, "one")
    store.take_snapshot(session.id)
    for text in ("two", "three", "four"):
        say(store, session.id, text)
        for _ in range(3):
            store.restore_snapshot(to_go_back_to(store, session)[0])
            assert texts(store, session.id) == ["one"]


def test_what_is_gone_back_to_often_is_not_pruned(store: Store) -> None:
    session = a_conversation(store, "one")
    kept = store.take_snapshot(session.id, purpose="recovery")
    for n in range(8):
        say(store, session.id, f"{n}")
        store.restore_snapshot(kept.id)
    left = store.list_snapshots(session.id)
    assert kept in left
    assert len(left) == 5
    assert [store.get_message(str(item.head_id)).text for item in left[:-1]] == ["7", "6", "5", "4"]


def test_a_restore_leaves_the_checkpoints_of_other_branches(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    kept = store.take_snapshot(session.id)
    (side,) = store.append(session.id, palaver.user("side"), parent_id=messages[2])
    store.set_head(session.id, side.id)
    other = summarise(store, session, messages[0], side.id, replaces=[first])
    store.restore_snapshot(kept.id)
    assert active(store, session) == [first]
    store.set_head(session.id, side.id)
    assert active(store, session) == [other]


def test_what_was_aged_and_merged_since_gives_way_to_what_is_restored(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    kept = store.take_snapshot(session.id)
    newest = first
    for level in (2, 1, 1, 1):
        newest = summarise(store, session, messages[0], messages[1], level=level, replaces=[newest])
    store.restore_snapshot(kept.id)
    assert active(store, session) == [first]
    assert store.verify().problems == []


def test_no_snapshot_is_part_of_the_conversation(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    store.take_snapshot(session.id, name="marigold")
    assert texts(store, session.id) == ["one", "two"]
    assert store.search("marigold").items == []
    assert store.get_session(session.id).message_count == 2
