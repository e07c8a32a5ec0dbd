"""Branches: the tree, the head, copies."""

from collections.abc import Callable

import pytest

from palaver import Busy, Invalid, Message, NotFound, Store
from tests.support.factories import NO_ID, a_conversation, a_question, an_answer, ids, say, texts


def a_tree(store: Store) -> tuple[str, dict[str, Message]]:
    """A session with the branches one-two-three (the head's) and one-four, and the root five."""
    session = store.create_session()
    one, two, three = say(store, session.id, "one", "two", "three")
    (four,) = store.append(session.id, an_answer("four"), parent_id=one.id)
    (five,) = store.append(session.id, a_question("five"), parent_id=None)
    return session.id, {message.text: message for message in (one, two, three, four, five)}


def test_a_branch_is_read_from_its_root_to_its_leaf(store: Store) -> None:
    session, named = a_tree(store)
    assert texts(store, session) == ["one", "two", "three"]
    assert texts(store, session, leaf_id=named["four"].id) == ["one", "four"]
    assert texts(store, session, leaf_id=named["two"].id) == ["one", "two"]
    assert texts(store, session, leaf_id=named["five"].id) == ["five"]
    assert texts(store, session, leaf_id=None) == []


def test_a_page_of_a_branch_is_the_same_branch(store: Store) -> None:
    session, named = a_tree(store)
    for leaf in (*ids(list(named.values())), None):
        page = store.list_messages(session, leaf_id=leaf)
        assert page.items == list(store.messages(session, leaf_id=leaf))


def test_the_tree_is_every_message_by_position(store: Store) -> None:
    session, named = a_tree(store)
    assert list(store.tree(session)) == list(named.values())


def test_the_shown_branch_follows_the_head(store: Store) -> None:
    session, named = a_tree(store)
    assert store.set_head(session, named["four"].id).head_id == named["four"].id
    assert texts(store, session) == ["one", "four"]
    assert store.set_head(session, None).head_id is None
    assert texts(store, session) == []


def test_the_head_goes_down_to_the_newest_message_below(store: Store) -> None:
    session = store.create_session().id
    (root,) = store.append(session, a_question("root"))
    store.append(session, an_answer("old"), a_question("older leaf"))
    _, fork, *_ = store.append(session, an_answer("new"), a_question("fork"), parent_id=root.id)
    (leaf,) = store.append(session, an_answer("newest leaf"), parent_id=fork.id)
    store.set_head(session, root.id)
    assert store.set_head(session, root.id, to_end=True).head_id == leaf.id
    assert texts(store, session) == ["root", "new", "fork", "newest leaf"]
    assert store.set_head(session, leaf.id, to_end=True).head_id == leaf.id
    assert store.set_head(session, None, to_end=True).head_id is None


def test_moving_the_head_deletes_nothing_and_is_no_content(store: Store) -> None:
    session, named = a_tree(store)
    before = store.get_session(session)
    store.set_head(session, named["one"].id)
    store.set_head(session, named["three"].id)
    after = store.get_session(session)
    assert (after.updated_at, after.message_count, after.token_count) == (
        before.updated_at,
        before.message_count,
        before.token_count,
    )
    assert len(list(store.tree(session))) == 5


LEAF_TAKERS: dict[str, Callable[[Store, str, str], object]] = {
    "messages": lambda store, session, leaf: list(store.messages(session, leaf_id=leaf)),
    "list_messages": lambda store, session, leaf: store.list_messages(session, leaf_id=leaf),
    "fork_session": lambda store, session, leaf: store.fork_session(session, leaf_id=leaf),
    "set_head": lambda store, session, leaf: store.set_head(session, leaf),
}


@pytest.mark.parametrize("verb", LEAF_TAKERS)
def test_a_leaf_of_another_session_is_not_found(store: Store, verb: str) -> None:
    leaf = a_conversation(store).head_id
    session = a_conversation(store)
    assert leaf
    with pytest.raises(NotFound) as caught:
        LEAF_TAKERS[verb](store, session.id, leaf)
    assert (caught.value.kind, caught.value.id) == ("message", leaf)


def test_siblings_are_the_messages_below_one_parent(store: Store) -> None:
    session, named = a_tree(store)
    assert ids(store.list_siblings(named["two"].id)) == [named["two"].id, named["four"].id]
    assert ids(store.list_siblings(named["five"].id)) == [named["one"].id, named["five"].id]
    assert ids(store.list_siblings(named["three"].id)) == [named["three"].id]
    store.trash_message(named["four"].id)
    assert ids(store.list_siblings(named["two"].id)) == [named["two"].id]
    assert session


def test_the_newest_page_comes_first_and_leads_back_in_time(store: Store) -> None:
    session = a_conversation(store, *[f"{n}" for n in range(25)])
    pages, before = [], None
    while True:
        page = store.list_messages(session.id, before=before, limit=10)
        pages.append([message.text for message in page.items])
        before = page.next_cursor
        if before is None:
            break
    expected = [[f"{n}" for n in range(a, b)] for a, b in ((15, 25), (5, 15), (0, 5))]
    assert pages == expected


def test_a_cursor_into_a_branch_stays_good_while_it_grows(store: Store) -> None:
    session = a_conversation(store, *[f"{n}" for n in range(10)])
    first = store.list_messages(session.id, limit=4)
    say(store, session.id, "later")
    second = store.list_messages(session.id, before=first.next_cursor, limit=4)
    assert [message.text for message in second.items] == ["2", "3", "4", "5"]


def test_a_page_that_holds_all_has_no_cursor(store: Store) -> None:
    session = a_conversation(store, *[f"{n}" for n in range(4)])
    assert store.list_messages(session.id, limit=4).next_cursor is None


@pytest.mark.parametrize("cursor", ["x", "../x", "\0", "9" * 1000, "\ud800", NO_ID])
def test_a_cursor_that_is_none_is_refused(store: Store, cursor: str) -> None:
    session = a_conversation(store)
    with pytest.raises((Invalid, NotFound)):
        store.list_messages(session.id, before=cursor)


def test_a_page_passes_over_trashed_messages(store: Store) -> None:
    session = a_conversation(store, *[f"{n}" for n in range(10)])
    everything = list(store.messages(session.id))
    for message in everything[::3]:
        store.trash_message(message.id)
    page = store.list_messages(session.id, limit=4)
    assert [message.text for message in page.items] == ["4", "5", "7", "8"]
    rest = store.list_messages(session.id, limit=4, before=page.next_cursor)
    assert [message.text for message in rest.items] == ["1", "2"]
    assert rest.next_cursor is None


def test_a_long_branch_is_read_whole(store: Store) -> None:
    session = store.create_session()
    for start in range(0, 3_000, 500):
        store.append(session.id, *[a_question(f"{n}") for n in range(start, start + 500)])
    assert texts(store, session.id) == [f"{n}" for n in range(3_000)]


def test_a_branch_of_many_branches_is_read_whole(store: Store) -> None:
    session = store.create_session()
    for n in range(200):
        (kept,) = store.append(session.id, a_question(f"kept {n}"))
        store.append(session.id, an_answer(f"other {n}"), parent_id=kept.parent_id)
    assert texts(store, session.id) == [f"kept {n}" for n in range(200)]


def test_reading_while_somebody_writes_gives_the_branch_as_it_was_or_grew(store: Store) -> None:
    session = a_conversation(store, *[f"{n}" for n in range(1_000)])
    reading = store.messages(session.id)
    seen = [next(reading).text]
    say(store, session.id, "later")
    seen += [message.text for message in reading]
    assert seen[:1_000] == [f"{n}" for n in range(1_000)]
    assert seen[1_000:] in ([], ["later"])


def test_a_reading_given_up_holds_nothing(store: Store) -> None:
    session = a_conversation(store, *[f"{n}" for n in range(1_000)])
    for _ in range(50):
        next(store.messages(session.id))
    assert len(say(store, session.id, "still writable")) == 1


def test_two_readings_do_not_disturb_each_other(store: Store) -> None:
    session = a_conversation(store, *[f"{n}" for n in range(600)])
    pairs = list(zip(store.messages(session.id), store.messages(session.id), strict=True))
    assert len(pairs) == 600
    assert all(left == right for left, right in pairs)


def test_clearing_moves_the_head_to_nothing_and_keeps_the_old_branch(store: Store) -> None:
    session = a_conversation(store, "one", "two", title="Kept")
    cleared = store.clear_session(session.id)
    assert (cleared.head_id, cleared.title, cleared.token_count) == (None, "Kept", 0)
    (root,) = store.append(session.id, a_question("new"))
    assert (root.parent_id, texts(store, session.id)) == (None, ["new"])
    assert texts(store, session.id, leaf_id=session.head_id) == ["one", "two"]


def test_a_session_with_a_running_turn_is_not_cleared(store: Store) -> None:
    session = a_conversation(store)
    store.open_draft(session.id)
    with pytest.raises(Busy):
        store.clear_session(session.id)


def test_a_fork_begins_as_a_copy_of_the_branch(store: Store) -> None:
    session, named = a_tree(store)
    store.update_session(session, model="m", system_prompt="s", settings={"temperature": 1})
    fork = store.fork_session(session)
    assert texts(store, fork.id) == ["one", "two", "three"]
    assert (fork.relation, fork.parent_id) == ("fork", session)
    assert (fork.model, fork.system_prompt, fork.settings) == ("m", "s", {"temperature": 1})
    assert fork.message_count == 3
    assert set(ids(list(store.messages(fork.id)))).isdisjoint(ids(list(named.values())))
    assert store.verify().problems == []


def test_a_fork_may_begin_at_any_leaf(store: Store) -> None:
    session, named = a_tree(store)
    assert texts(store, store.fork_session(session, leaf_id=named["four"].id).id) == ["one", "four"]
    assert texts(store, store.fork_session(session, leaf_id=None).id) == []


def test_a_fork_and_its_origin_go_their_own_ways(store: Store) -> None:
    session, _ = a_tree(store)
    fork = store.fork_session(session, title="Copy")
    say(store, fork.id, "only here")
    say(store, session, "only there")
    assert texts(store, fork.id) == ["one", "two", "three", "only here"]
    assert texts(store, session) == ["one", "two", "three", "only there"]
    assert fork.title == "Copy"
    store.purge_session(session)
    assert texts(store, fork.id) == ["one", "two", "three", "only here"]
    assert store.verify().problems == []


def test_a_fork_of_a_fork_is_searchable(store: Store) -> None:
    session = a_conversation(store, "marigold")
    fork = store.fork_session(store.fork_session(session.id).id)
    assert fork.id in {hit.session_id for hit in store.search("marigold").items}


def test_a_trashed_message_is_not_copied_into_a_fork(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three")
    _, two, _ = store.messages(session.id)
    store.trash_message(two.id)
    assert texts(store, store.fork_session(session.id).id) == ["one", "three"]


def test_a_message_is_kept_out_of_the_context_and_taken_in_again(store: Store) -> None:
    session = a_conversation(store, "one")
    (message,) = store.messages(session.id)
    excluded = store.set_in_context(message.id, False)
    assert not excluded.in_context
    assert excluded.digest == message.digest
    assert store.get_message(message.id) == excluded
    assert store.set_in_context(message.id, True) == message
    assert store.verify().problems == []
