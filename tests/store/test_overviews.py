"""What lists need of many sessions and messages at once, and reading a branch in both directions."""

import pytest

from palaver import Invalid, NotFound, Store
from tests.support.factories import NO_ID, a_conversation, ids, say


def numbered(count: int) -> list[str]:
    return [f"message {number}" for number in range(1, count + 1)]


def test_a_branch_is_read_forward_from_any_of_its_messages(store: Store) -> None:
    session = a_conversation(store, *numbered(7))
    all = list(store.messages(session.id))
    first = store.list_messages(session.id, after=all[1].id, limit=3)
    assert ids(first.items) == ids(all[2:5])
    assert [one.parent_id for one in first.items] == ids(all[1:4])
    rest = store.list_messages(session.id, after=first.next_cursor, limit=3)
    assert ids(rest.items) == ids(all[5:])
    assert rest.next_cursor is None


def test_a_page_that_ends_with_the_branch_says_so(store: Store) -> None:
    session = a_conversation(store, *numbered(4))
    all = list(store.messages(session.id))
    page = store.list_messages(session.id, after=all[0].id, limit=3)
    assert (ids(page.items), page.next_cursor) == (ids(all[1:]), None)
    assert store.list_messages(session.id, after=all[-1].id).items == []


def test_what_comes_before_a_message_is_read_by_its_id(store: Store) -> None:
    session = a_conversation(store, *numbered(6))
    all = list(store.messages(session.id))
    page = store.list_messages(session.id, before=all[4].id, limit=3)
    assert ids(page.items) == ids(all[1:4])
    assert ids(store.list_messages(session.id, before=page.next_cursor).items) == ids(all[:1])


def test_forward_reading_follows_the_branch_and_passes_over_the_trash(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three", "four")
    one, two, three, four = store.messages(session.id)
    other = say(store, session.id, "another three", "another four", parent_id=two.id)
    store.trash_message(three.id)
    shown = store.list_messages(session.id, after=one.id, leaf_id=four.id)
    assert ids(shown.items) == [two.id, four.id]
    branch = store.list_messages(session.id, after=two.id, leaf_id=other[1].id)
    assert ids(branch.items) == ids(other)


def test_forward_from_a_message_of_another_branch_or_session_is_refused(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three")
    one, two, _ = store.messages(session.id)
    aside = say(store, session.id, "aside", parent_id=one.id)[0]
    elsewhere = next(store.messages(a_conversation(store, "elsewhere").id))
    with pytest.raises(Invalid, match="not on this branch"):
        store.list_messages(session.id, after=two.id, leaf_id=aside.id)
    for id in (elsewhere.id, NO_ID, "../x"):
        with pytest.raises(NotFound):
            store.list_messages(session.id, after=id)
    for id in (elsewhere.id, NO_ID):
        with pytest.raises(NotFound):
            store.list_messages(session.id, before=id)
    with pytest.raises(Invalid, match="not both"):
        store.list_messages(session.id, after=one.id, before=two.id)


def test_siblings_of_many_messages_are_those_of_each(store: Store) -> None:
    session = a_conversation(store, *numbered(6))
    all = list(store.messages(session.id))
    say(store, session.id, "instead", parent_id=all[1].id)
    say(store, session.id, "or else", parent_id=all[1].id)
    say(store, session.id, "another root", parent_id=None)
    every = [message.id for message in store.tree(session.id)]
    found = store.list_sibling_ids(session.id, [*every, NO_ID, "../x"])
    assert found == {id: siblings for id in every if len(siblings := ids(store.list_siblings(id))) > 1}
    assert len(found) == 5


def test_a_trashed_sibling_is_none(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    one, two = store.messages(session.id)
    other = say(store, session.id, "instead", parent_id=one.id)[0]
    store.trash_message(other.id)
    assert store.list_sibling_ids(session.id, [one.id, two.id, other.id]) == {}


def test_siblings_of_another_session_are_not_told(store: Store, stranger: Store) -> None:
    session = a_conversation(store, "one", "two")
    say(store, session.id, "another root", parent_id=None)
    shown = ids(list(store.tree(session.id)))
    assert store.list_sibling_ids(a_conversation(store, "else").id, shown) == {}
    with pytest.raises(NotFound):
        stranger.list_sibling_ids(session.id, shown)


def test_last_texts_are_the_beginnings_of_the_last_messages(store: Store) -> None:
    short = a_conversation(store, "Hello?", "Yes,\n  I am here.")
    long = a_conversation(store, "word " * 100)
    empty = store.create_session()
    found = store.list_last_texts([short.id, long.id, empty.id, NO_ID, "../x"])
    assert found == {short.id: "Yes, I am here.", long.id: ("word " * 24)[:119].rstrip() + "…"}
    assert store.list_last_texts([short.id], length=5) == {short.id: "Yes,…"}


def test_a_last_text_is_of_the_shown_branch_and_not_of_the_trash_or_a_tool(store: Store) -> None:
    session = a_conversation(store, "one", "two")
    one, two = store.messages(session.id)
    store.record_tool_call(session.id, id="c", name="f", args={}, result={"llmContent": "r"})
    assert store.list_last_texts([session.id]) == {session.id: "two"}
    store.set_head(session.id, two.id)
    store.trash_message(two.id)
    assert store.list_last_texts([session.id]) == {session.id: "one"}
    store.set_head(session.id, None)
    assert store.list_last_texts([session.id]) == {}
    assert one.text == "one"


def test_last_texts_of_a_stranger_are_not_told(store: Store, stranger: Store) -> None:
    session = a_conversation(store, "secret")
    assert stranger.list_last_texts([session.id]) == {}


def test_the_largest_sessions_come_first(store: Store, stranger: Store) -> None:
    small = a_conversation(store, "x" * 100, title="small")
    large = a_conversation(store, "é" * 10_000, title="large")
    empty = store.create_session(title="empty")
    store.trash_session(large.id)
    found = store.list_largest_sessions()
    assert [one.session_id for one in found] == [large.id, small.id, empty.id]
    assert found[0].size >= 20_000
    assert (found[1].title, found[1].message_count, found[2].size) == ("small", 1, 0)
    assert found[1].project_id == small.project_id
    assert store.list_largest_sessions(limit=1) == found[:1]
    assert stranger.list_largest_sessions() == []
