"""Checkpoints and snapshots: markers beside the messages, which stay."""

from typing import Any

import msgspec
import pytest

from palaver import Invalid, NotFound, Session, Snapshot, Store, ids
from palaver.context import tokens
from palaver.errors import Conflict
from tests.support.factories import NO_ID, a_conversation, an_answer, say, texts
from tests.support.factories import ids as ids_of


def a_long_talk(store: Store, length: int = 8) -> tuple[Session, list[str]]:
    session = a_conversation(store, *[f"message {n}" for n in range(length)])
    return session, ids_of(list(store.messages(session.id)))


def summarise(store: Store, session: Session, start: str, end: str, **fields: Any) -> str:
    return store.add_checkpoint(
        session.id, from_id=start, through_id=end, **{"summary": "They agreed.", **fields}
    ).id


def active(store: Store, session: Session) -> list[str]:
    return ids_of(store.list_checkpoints(session.id))


def test_a_checkpoint_has_what_it_was_given(store: Store) -> None:
    session, messages = a_long_talk(store)
    wanted = ids.new_id()
    made = store.add_checkpoint(
        session.id,
        from_id=messages[0],
        through_id=messages[3],
        summary="They agreed.",
        kind="rollover",
        level=2,
        token_count=17,
        model="m",
        id=wanted,
    )
    assert (made.id, made.session_id, made.kind, made.level, made.token_count, made.model) == (
        wanted,
        session.id,
        "rollover",
        2,
        17,
        "m",
    )
    assert (made.from_id, made.through_id, made.summary) == (messages[0], messages[3], "They agreed.")
    assert (made.number, made.replaces, made.reverted_at) == (1, (), None)
    assert store.list_checkpoints(session.id) == [made]


def test_tokens_of_a_summary_are_counted_where_none_are_given(store: Store) -> None:
    session, messages = a_long_talk(store)
    made = store.add_checkpoint(session.id, from_id=messages[0], through_id=messages[1], summary="x" * 41)
    assert made.token_count == tokens.estimate("x" * 41)


def test_checkpoints_are_numbered_and_counted(store: Store) -> None:
    session, messages = a_long_talk(store)
    for at in range(3):
        summarise(store, session, messages[2 * at], messages[2 * at + 1])
    assert [item.number for item in store.list_checkpoints(session.id)] == [1, 2, 3]
    assert store.get_session(session.id).compression_count == 3


def test_messages_stay_readable_and_searchable(store: Store) -> None:
    session = a_conversation(store, "marigold", "two", "three")
    before = list(store.messages(session.id))
    summarise(store, session, before[0].id, before[1].id)
    assert list(store.messages(session.id)) == before
    assert before[0].id in {hit.message_id for hit in store.search("marigold").items}
    assert store.get_session(session.id).updated_at == session.updated_at


def test_a_reverted_checkpoint_is_no_longer_active(store: Store) -> None:
    session, messages = a_long_talk(store)
    made = summarise(store, session, messages[0], messages[1])
    assert store.revert_checkpoint(made).reverted_at is not None
    assert active(store, session) == []
    assert ids_of(store.list_checkpoints(session.id, active=False)) == [made]
    assert store.revert_checkpoint(made).id == made


def test_a_checkpoint_replaces_older_ones(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    second = summarise(store, session, messages[2], messages[3])
    merged = summarise(store, session, messages[0], messages[3], kind="merged", replaces=[first, second])
    assert active(store, session) == [merged]
    assert len(store.list_checkpoints(session.id, active=False)) == 3


def test_reverting_brings_back_what_was_replaced(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    second = summarise(store, session, messages[0], messages[1], replaces=[first])
    third = summarise(store, session, messages[0], messages[1], replaces=[second])
    assert active(store, session) == [third]
    store.revert_checkpoint(third)
    assert active(store, session) == [second]
    store.revert_checkpoint(second)
    assert active(store, session) == [first]


def test_reverting_in_the_middle_changes_nothing_that_is_in_use(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    second = summarise(store, session, messages[0], messages[1], replaces=[first])
    third = summarise(store, session, messages[0], messages[1], replaces=[second])
    store.revert_checkpoint(second)
    assert active(store, session) == [third]
    store.revert_checkpoint(third)
    assert active(store, session) == [first]


def test_another_branch_has_its_own_checkpoints(store: Store) -> None:
    session, messages = a_long_talk(store)
    on_main = summarise(store, session, messages[0], messages[5])
    shared = summarise(store, session, messages[0], messages[1])
    (branch,) = store.append(session.id, an_answer("branch"), parent_id=messages[2])
    store.set_head(session.id, branch.id)
    assert active(store, session) == [shared]
    store.set_head(session.id, session.head_id)
    assert active(store, session) == [on_main, shared]


def test_a_replacement_on_another_branch_replaces_nothing_here(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    merged = summarise(store, session, messages[0], messages[5], replaces=[first])
    (branch,) = store.append(session.id, an_answer("branch"), parent_id=messages[2])
    store.set_head(session.id, branch.id)
    assert active(store, session) == [first]
    assert merged


@pytest.mark.parametrize(
    "stretch", [("3", "1"), ("branch", "4"), ("1", "branch"), ("1", "other"), ("other", "other")]
)
def test_what_is_no_stretch_of_one_branch_is_invalid(store: Store, stretch: tuple[str, str]) -> None:
    session, messages = a_long_talk(store)
    (branch,) = store.append(session.id, an_answer("branch"), parent_id=messages[0])
    other = a_conversation(store)
    named = {
        **{f"{at}": message for at, message in enumerate(messages)},
        "branch": branch.id,
        "other": str(other.head_id),
    }
    start, end = (named[name] for name in stretch)
    with pytest.raises((Invalid, NotFound)):
        summarise(store, session, start, end)
    assert store.get_session(session.id).compression_count == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"summary": ""},
        {"summary": "\ud800"},
        {"level": 0},
        {"level": 4},
        {"kind": "odd"},
        {"token_count": -1},
    ],
)
def test_a_bad_checkpoint_is_invalid(store: Store, fields: dict[str, Any]) -> None:
    session, messages = a_long_talk(store)
    with pytest.raises(Invalid):
        summarise(store, session, messages[0], messages[1], **fields)
    assert store.list_checkpoints(session.id, active=False) == []


def test_an_id_in_use_is_a_conflict(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    with pytest.raises(Conflict):
        summarise(store, session, messages[2], messages[3], id=first)


def test_only_checkpoints_of_the_session_are_replaced(store: Store) -> None:
    one, one_messages = a_long_talk(store)
    two, two_messages = a_long_talk(store)
    foreign = summarise(store, one, one_messages[0], one_messages[1])
    with pytest.raises((Invalid, NotFound)):
        summarise(store, two, two_messages[0], two_messages[1], replaces=[foreign])
    assert active(store, one) == [foreign]


def test_unknown_checkpoints_and_snapshots_are_not_found(store: Store) -> None:
    for verb in (store.revert_checkpoint, store.get_snapshot, store.restore_snapshot, store.delete_snapshot):
        with pytest.raises(NotFound):
            verb(NO_ID)


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
