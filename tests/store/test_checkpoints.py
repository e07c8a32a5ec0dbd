"""Checkpoints: markers beside the messages, which stay."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palaver import Invalid, NotFound, Session, Store, ids
from palaver.context import tokens
from palaver.errors import Conflict
from tests.support.factories import NO_ID, a_conversation, an_answer
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


def test_ageing_and_merging_are_no_compressions(store: Store) -> None:
    session, messages = a_long_talk(store)
    first = summarise(store, session, messages[0], messages[1])
    second = summarise(store, session, messages[2], messages[3])
    aged = summarise(store, session, messages[0], messages[1], level=2, replaces=[first])
    summarise(store, session, messages[0], messages[3], level=1, kind="merged", replaces=[aged, second])
    assert store.get_session(session.id).compression_count == 2
    assert store.verify().problems == []


def test_a_reverted_or_purged_compression_stays_counted(store: Store) -> None:
    session, messages = a_long_talk(store)
    store.revert_checkpoint(summarise(store, session, messages[0], messages[1]))
    summarise(store, session, messages[2], messages[3])
    store.purge_message(messages[2])
    assert store.get_session(session.id).compression_count == 2
    assert store.verify().problems == []


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
    assert ids_of(store.list_checkpoints(session.id, leaf_id=session.head_id)) == [on_main, shared]
    assert store.list_checkpoints(session.id, leaf_id=None) == []
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


def in_use(store: Store, session_id: str) -> list[str]:
    """By the definition: on the branch, not reverted, not replaced by another such one, be it through others."""
    shown = {message.id for message in store.messages(session_id)}
    every = store.list_checkpoints(session_id, active=False)
    replaces = {item.id: item.replaces for item in every}

    def behind(id: str) -> set[str]:
        return {id}.union(*(behind(older) for older in replaces[id]))

    alive = [item for item in every if item.reverted_at is None and item.through_id in shown]
    hidden = {id for item in alive for older in item.replaces for id in behind(older)}
    return [item.id for item in alive if item.id not in hidden]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_in_use_is_what_nothing_in_use_replaces(store: Store, data: st.DataObject) -> None:
    session, messages = a_long_talk(store, 6)
    (side,) = store.append(session.id, an_answer("side"), parent_id=messages[2])
    leaves = [messages[5], messages[3], side.id]
    made: list[str] = []
    for _ in range(data.draw(st.integers(1, 12))):
        match data.draw(st.sampled_from(["add", "replace", "replace", "revert", "head", "restore"])):
            case "add":
                end = data.draw(st.sampled_from([messages[1], messages[4], side.id]))
                made.append(summarise(store, session, messages[0], end))
            case "replace" if made:
                older = data.draw(st.lists(st.sampled_from(made), min_size=1, max_size=3, unique=True))
                end = data.draw(st.sampled_from([messages[1], messages[4], side.id]))
                made.append(summarise(store, session, messages[0], end, replaces=older))
            case "revert" if made:
                store.revert_checkpoint(data.draw(st.sampled_from(made)))
            case "restore":
                kept, before = store.take_snapshot(session.id), active(store, session)
                if made:
                    store.revert_checkpoint(data.draw(st.sampled_from(made)))
                    older = data.draw(st.lists(st.sampled_from(made), min_size=1, max_size=2, unique=True))
                    made.append(summarise(store, session, messages[0], messages[1], replaces=older))
                store.restore_snapshot(kept.id)
                assert active(store, session) == before
            case _:
                store.set_head(session.id, data.draw(st.sampled_from(leaves)))
        assert active(store, session) == in_use(store, session.id)
    assert store.verify().problems == []
