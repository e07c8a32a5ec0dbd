"""Trash: what is destroyed can be brought back, until it is purged; purged means gone."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from palaver import Busy, Conflict, Filter, Invalid, NotFound, Store
from palaver.model import Time
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, a_question, an_answer, ids, say, texts

NOW = timedelta(0)


def test_a_trashed_message_is_passed_over_and_its_children_shown_after_its_parent(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three")
    _, two, three = store.messages(session.id)
    trashed = store.trash_message(two.id)
    assert trashed.trashed_at is not None
    assert texts(store, session.id) == ["one", "three"]
    assert store.get_message(three.id).parent_id == two.id
    assert [message.text for message in store.tree(session.id)] == ["one", "two", "three"]


def test_a_message_comes_back_out_of_the_trash(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three")
    before = list(store.messages(session.id))
    store.trash_message(before[1].id)
    assert store.untrash_message(before[1].id) == before[1]
    assert list(store.messages(session.id)) == before


def test_counts_leave_out_trashed_messages(store: Store) -> None:
    session = a_conversation(store, "x" * 40, "y" * 400)
    _, answer = store.messages(session.id)
    store.trash_message(answer.id)
    after = store.get_session(session.id)
    assert (after.message_count, after.token_count) == (1, 10)
    store.untrash_message(answer.id)
    assert store.get_session(session.id).message_count == 2


def test_the_head_may_be_trashed_and_the_conversation_goes_on(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    _, two = store.messages(session.id)
    store.trash_message(two.id)
    say(store, session.id, "three")
    assert texts(store, session.id) == ["one", "three"]


def test_trashing_a_message_twice_is_trashing_it_once(store: Store) -> None:
    session = a_conversation(store)
    (message,) = store.messages(session.id)
    assert store.trash_message(message.id) == store.trash_message(message.id)
    assert store.get_session(session.id).message_count == 0
    assert store.untrash_message(message.id) == store.untrash_message(message.id)
    assert store.get_session(session.id).message_count == 1


def test_trashed_messages_are_found_only_in_the_trash(store: Store) -> None:
    session = a_conversation(store, "marigold", "rose")
    message, _ = store.messages(session.id)
    store.trash_message(message.id)
    assert store.search("marigold").items == [] or store.search("marigold").items[0].message_id is None
    store.untrash_message(message.id)
    assert message.id in {hit.message_id for hit in store.search("marigold").items}


def test_a_purged_message_leaves_an_empty_row(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three")
    _, two, three = store.messages(session.id)
    store.trash_message(two.id)
    store.purge_message(two.id)
    row = list(store.tree(session.id))[1]
    assert (row.id, row.position, row.parent_id, row.digest) == (two.id, 2, two.parent_id, two.digest)
    assert row.purged_at is not None
    assert (row.parts, row.text, row.metadata, row.error, row.origin) == ((), "", {}, None, None)
    assert texts(store, session.id) == ["one", "three"]
    assert store.get_message(three.id) == three
    assert store.verify().problems == []


def test_a_purged_message_does_not_come_back(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    _, two = store.messages(session.id)
    store.purge_message(two.id)
    with pytest.raises(Conflict):
        store.untrash_message(two.id)
    assert texts(store, session.id) == ["one"]
    assert store.get_session(session.id).message_count == 1


def test_positions_of_purged_messages_are_not_used_again(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    _, two = store.messages(session.id)
    store.purge_message(two.id)
    (three,) = say(store, session.id, "three")
    assert three.position == 3


def test_purging_a_message_revokes_the_checkpoint_that_quotes_it(store: Store) -> None:
    session = a_conversation(store, "marigold one", "two", "three", "four")
    one, two, *_ = store.messages(session.id)
    made = store.add_checkpoint(session.id, from_id=one.id, through_id=two.id, summary="of the marigold")
    store.purge_message(one.id)
    assert store.list_checkpoints(session.id) == []
    assert all("marigold" not in item.summary for item in store.list_checkpoints(session.id, active=False))
    assert made.reverted_at is None
    assert store.verify().problems == []


def test_the_title_made_from_a_purged_message_goes_with_it(store: Store) -> None:
    session = a_conversation(store, "marigold")
    (message,) = store.messages(session.id)
    assert store.get_session(session.id).title == "marigold"
    store.purge_message(message.id)
    assert "marigold" not in store.get_session(session.id).title
    assert store.search("marigold").items == []


def test_a_trashed_session_is_hidden_and_comes_back_as_it_was(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    trashed = store.trash_session(session.id)
    assert trashed.trashed_at is not None
    assert store.list_sessions().items == []
    assert texts(store, session.id) == ["one", "two"]
    back = store.untrash_session(session.id)
    assert (back.trashed_at, back.updated_at, back.head_id) == (None, session.updated_at, session.head_id)
    assert ids(store.list_sessions().items) == [session.id]


def test_nothing_is_said_in_a_trashed_session(store: Store) -> None:
    session = a_conversation(store, "one")
    store.trash_session(session.id)
    with pytest.raises(Conflict, match="trash"):
        say(store, session.id, "two")
    assert texts(store, session.id) == ["one"]


def test_a_purged_session_is_gone(store: Store) -> None:
    session = a_conversation(store, "marigold", "two")
    first, _ = store.messages(session.id)
    store.purge_session(session.id)
    for gone in (
        lambda: store.get_session(session.id),
        lambda: list(store.messages(session.id)),
        lambda: list(store.tree(session.id)),
        lambda: store.get_message(first.id),
        lambda: store.untrash_session(session.id),
        lambda: store.append(session.id, a_question()),
    ):
        with pytest.raises(NotFound):
            gone()
    assert store.find_session(session.id) is None
    assert store.search("marigold").items == []
    assert store.verify().problems == []


def test_ids_of_the_purged_may_come_again(store: Store) -> None:
    session = a_conversation(store, "one")
    store.purge_session(session.id)
    assert store.create_session(id=session.id).message_count == 0
    assert texts(store, session.id) == []


@pytest.mark.parametrize("verb", ["trash_session", "purge_session"])
def test_a_session_with_a_running_turn_stays(store: Store, verb: str) -> None:
    session = a_conversation(store, "one")
    draft = store.open_draft(session.id)
    with pytest.raises(Busy):
        getattr(store, verb)(session.id)
    store.close_draft(draft.id)
    getattr(store, verb)(session.id)


def a_trash_of_everything(store: Store) -> Callable[[], list[bool]]:
    """A trashed session, message and project; returns which of them are still there."""
    session, kept = a_conversation(store, "session"), a_conversation(store, "a", "message")
    project = store.create_project("Garden")
    _, message = store.messages(kept.id)
    store.trash_session(session.id)
    store.trash_message(message.id)
    store.trash_project(project.id)

    def left() -> list[bool]:
        return [
            bool(store.find_session(session.id)),
            next(item for item in store.tree(kept.id) if item.id == message.id).purged_at is None,
            project.id in ids(store.list_projects(trashed=True).items),
        ]

    return left


def test_the_trash_is_purged_of_what_is_older(store: Store) -> None:
    left = a_trash_of_everything(store)
    assert store.purge_trash() == 0
    assert left() == [True, True, True]
    assert store.purge_trash(older_than=NOW) == 3
    assert left() == [False, False, False]
    assert store.purge_trash(older_than=NOW) == 0
    assert store.verify().problems == []


def test_the_trash_may_be_purged_up_to_a_date(store: Store) -> None:
    left = a_trash_of_everything(store)
    assert store.purge_trash(older_than=Time.of(Time.current() - timedelta(hours=1))) == 0
    assert store.purge_trash(older_than=Time.of(Time.current() + timedelta(seconds=1))) == 3
    assert not any(left())


def test_purging_the_trash_leaves_what_others_threw_away(store: Store, stranger: Store) -> None:
    session = a_conversation(store)
    store.trash_session(session.id)
    assert stranger.purge_trash(older_than=NOW) == 0
    assert store.get_session(session.id).trashed_at is not None


def test_keep_newest_trashes_the_rest(store: Store) -> None:
    made = [a_conversation(store, f"{n}").id for n in range(5)]
    assert set(store.keep_newest(3)) == set(made[:2])
    assert ids(store.list_sessions().items) == made[:1:-1]
    assert all(store.get_session(gone).trashed_at for gone in made[:2])
    assert store.keep_newest(3) == []


def test_keep_newest_spares_the_pinned_and_the_running(store: Store) -> None:
    pinned, running, *others = (a_conversation(store, f"{n}").id for n in range(5))
    store.update_session(pinned, pinned=True)
    store.open_draft(running)
    assert set(store.keep_newest(1)) == set(others[:2])
    assert {pinned, running, others[2]} == set(ids(store.list_sessions().items))


def test_keep_newest_looks_at_content_and_not_at_creation(store: Store) -> None:
    made = [a_conversation(store, f"{n}").id for n in range(4)]
    say(store, made[0], "later")
    store.keep_newest(2)
    assert set(ids(store.list_sessions().items)) == {made[0], made[3]}


def test_keep_newest_may_look_at_one_project(store: Store) -> None:
    outside = a_conversation(store)
    project = store.create_project("Garden")
    inside = [a_conversation(store, project_id=project.id).id for _ in range(3)]
    assert set(store.keep_newest(1, project_id=project.id)) == set(inside[:2])
    assert store.get_session(outside.id).trashed_at is None


def test_keep_newest_leaves_archived_and_strangers_sessions(store: Store, stranger: Store) -> None:
    archived, theirs = a_conversation(store), a_conversation(stranger)
    store.update_session(archived.id, archived=True)
    assert store.keep_newest(0) == []
    assert stranger.get_session(theirs.id).trashed_at is None


def test_keeping_fewer_than_none_is_invalid(store: Store) -> None:
    with pytest.raises(Invalid):
        store.keep_newest(-1)


def test_a_limit_of_open_sessions_is_kept_by_itself(open_store: OpenStore) -> None:
    store = open_store(max_sessions=3)
    made = [a_conversation(store, f"{n}").id for n in range(6)]
    assert ids(store.list_sessions().items) == made[:2:-1]
    assert len(store.list_sessions(filter=Filter(state="trash")).items) == 3


def test_without_a_limit_every_session_stays(store: Store) -> None:
    made = [a_conversation(store, f"{n}").id for n in range(60)]
    assert len(store.list_sessions(limit=200).items) == len(made)


def test_branches_of_a_purged_message_stay_readable(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three")
    one, two, _ = store.messages(session.id)
    (other,) = store.append(session.id, an_answer("other"), parent_id=one.id)
    store.purge_message(one.id)
    assert texts(store, session.id) == ["two", "three"]
    assert texts(store, session.id, leaf_id=other.id) == ["other"]
    assert ids(store.list_siblings(two.id)) == [two.id, other.id]
