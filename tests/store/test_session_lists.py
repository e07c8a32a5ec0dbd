"""Lists of sessions: order, pages, filters."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import palaver
from palaver import Filter, Invalid, Session, Store
from palaver.ids import new_id
from palaver.model import Time
from palaver.store import SessionEnd
from palaver.wire import parse_time
from tests.support.factories import a_conversation, a_question, say
from tests.support.factories import ids as ids_of


def pages(store: Store, **fields: Any) -> Iterator[list[Session]]:
    cursor = None
    while True:
        page = store.list_sessions(after=cursor, **fields)
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def listed(store: Store, **fields: Any) -> set[str]:
    return set(ids_of(store.list_sessions(filter=Filter(**fields)).items))


def at_one_moment(store: Store, count: int) -> list[str]:
    """Empty sessions whose `updated_at` is the same, long ago."""
    project, moment = store.personal_project().id, parse_time("2020-01-01T00:00:00Z")
    made = [
        Session(
            id=new_id(),
            project_id=project,
            title=f"{n}",
            title_source="user",
            created_at=moment,
            updated_at=moment,
        )
        for n in range(count)
    ]
    store.import_records([*made, *map(SessionEnd, made)])
    return ids_of(made)


def test_sessions_are_listed_newest_content_first(store: Store) -> None:
    made = [a_conversation(store, f"number {n}").id for n in range(5)]
    store.append(made[2], a_question())
    listed_ids = ids_of(store.list_sessions().items)
    assert listed_ids == [made[2], made[4], made[3], made[1], made[0]]


def test_sessions_of_one_moment_are_listed_by_greatest_id(store: Store) -> None:
    made = at_one_moment(store, 4)
    assert ids_of(store.list_sessions(filter=Filter(empty=True)).items) == sorted(made, reverse=True)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_join_without_gap_or_repeat_also_among_ties(store: Store, limit: int) -> None:
    at_one_moment(store, 5)
    for n in range(2):
        a_conversation(store, f"later {n}")
    every = Filter(empty=True)
    whole = store.list_sessions(filter=every).items
    parts = list(pages(store, limit=limit, filter=every))
    assert [item for part in parts for item in part] == whole
    assert len(whole) == 7
    assert all(len(part) == limit for part in parts[:-1])


def test_the_last_page_has_no_cursor(store: Store) -> None:
    for n in range(4):
        a_conversation(store, f"number {n}")
    assert store.list_sessions(limit=4).next_cursor is None
    assert store.list_sessions(limit=3).next_cursor is not None


def test_what_is_written_while_paging_repeats_nothing(store: Store) -> None:
    made = [a_conversation(store, f"number {n}").id for n in range(6)]
    first = store.list_sessions(limit=3)
    a_conversation(store, "one more")
    second = store.list_sessions(limit=10, after=first.next_cursor)
    assert ids_of([*first.items, *second.items]) == list(reversed(made))


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_of_nothing_is_invalid(store: Store, limit: int) -> None:
    with pytest.raises(Invalid) as caught:
        store.list_sessions(limit=limit)
    assert caught.value.field == "limit"


@pytest.mark.parametrize("cursor", ["x", "../x", "\0", "AAAA", "9" * 1000, "\ud800"])
def test_a_cursor_that_is_none_is_invalid(store: Store, cursor: str) -> None:
    a_conversation(store)
    with pytest.raises(Invalid):
        store.list_sessions(after=cursor)


def test_empty_archived_and_trashed_sessions_are_listed_only_when_asked_for(store: Store) -> None:
    open_one, archived, trashed = (a_conversation(store) for _ in range(3))
    empty = store.create_session()
    store.update_session(archived.id, archived=True)
    store.trash_session(trashed.id)
    assert ids_of(store.list_sessions().items) == [open_one.id]
    assert listed(store, state="open") == {open_one.id}
    assert listed(store, state="archived") == {archived.id}
    assert listed(store, state="trash") == {trashed.id}
    assert listed(store, state="any") == {open_one.id, archived.id, trashed.id, empty.id}
    assert listed(store, empty=True) == {open_one.id, empty.id}


def test_a_session_of_notes_alone_is_empty(store: Store) -> None:
    session = store.create_session()
    store.append(session.id, palaver.note("Started."))
    assert listed(store) == set()
    assert listed(store, empty=True) == {session.id}
    say(store, session.id, "Hello?")
    assert listed(store) == {session.id}


def test_a_list_is_narrowed_by_what_the_filter_names(store: Store) -> None:
    one = a_conversation(store, model="a", provider="p")
    two = a_conversation(store, model="b", provider="p")
    three = a_conversation(store, model="b", provider="q")
    store.update_session(two.id, pinned=True, tags=["x", "y"])
    store.update_session(three.id, tags=["x"])
    assert listed(store, model="b") == {two.id, three.id}
    assert listed(store, provider="p") == {one.id, two.id}
    assert listed(store, model="b", provider="p") == {two.id}
    assert listed(store, pinned=True) == {two.id}
    assert listed(store, pinned=False) == {one.id, three.id}
    assert listed(store, tags=("x",)) == {two.id, three.id}
    assert listed(store, tags=("x", "y")) == {two.id}
    assert listed(store, tags=("z",)) == set()


def test_a_list_is_narrowed_to_a_project(store: Store) -> None:
    a_conversation(store)
    project = store.create_project("Garden")
    inside = a_conversation(store, project_id=project.id)
    assert ids_of(store.list_sessions(project_id=project.id).items) == [inside.id]
    assert listed(store, project_id=project.id) == {inside.id}


def test_dates_of_a_list_are_exclusive(store: Store) -> None:
    made = a_conversation(store)
    hair = timedelta(milliseconds=1)
    assert listed(store, after=made.updated_at) == set()
    assert listed(store, before=made.updated_at) == set()
    assert listed(store, after=Time.of(made.updated_at - hair)) == {made.id}
    assert listed(store, before=Time.of(made.updated_at + hair)) == {made.id}


def test_a_filtered_list_pages_too(store: Store) -> None:
    made = [a_conversation(store, f"n {n}", model="ab"[n % 2]).id for n in range(9)]
    parts = list(pages(store, limit=2, filter=Filter(model="a")))
    assert [item.id for part in parts for item in part] == made[::2][::-1]


def test_the_head_of_a_list_knows_counts(store: Store) -> None:
    session = a_conversation(store, "one two three", "four")
    say(store, session.id, "five")
    (item,) = store.list_sessions().items
    assert (item.message_count, item.token_count) == (3, 4 + 1 + 1)


def test_a_list_that_is_asked_again_shows_every_change(store: Store) -> None:
    session, other = a_conversation(store, "one"), a_conversation(store, "two")

    def check() -> None:
        asked = {item.id: item for item in store.list_sessions().items}
        assert asked == {each.id: store.get_session(each.id) for each in (session, other)}

    check()
    say(store, session.id, "more")
    check()
    store.update_session(session.id, title="Another", tags=["x"], pinned=True, model="m")
    check()
    store.update_session(session.id, settings={"temperature": 1}, metadata={"a": 1})
    check()
    store.clear_session(session.id)
    store.update_session(session.id, title="Another", settings={}, metadata={})
    say(store, session.id, "anew")
    check()


def test_what_is_done_to_a_listed_session_is_not_in_the_next_list(store: Store) -> None:
    a_conversation(store, "one")
    (first,) = store.list_sessions().items
    first.settings["temperature"] = 2
    first.metadata["mine"] = True
    (again,) = store.list_sessions().items
    assert (again.settings, again.metadata) == ({}, {})
