"""What a search is narrowed to, in the tail as in the index."""

from collections.abc import Callable

import pytest

import palaver
from palaver import Filter, Store
from tests.search.conftest import Settle, on_both

pytestmark = on_both

Ids = dict[str, str]


def garden(store: Store) -> Ids:
    """Messages that all hold the word rose, by where they stand."""
    project = store.create_project("My garden")
    here = store.create_session(title="Here", model="a:1", provider="ollama")
    there = store.create_session(title="There", model="b:2", provider="openai", project_id=project.id)
    store.update_session(there.id, tags=["Beds", "june"], pinned=True)
    picture = store.put_file(b"picture", name="rose.png")
    (question,) = store.append(here.id, palaver.user("rose asked"))
    (first,) = store.append(here.id, palaver.assistant("rose first"))
    (second,) = store.append(here.id, palaver.assistant("rose second"), parent_id=question.id)
    call, result = store.record_tool_call(
        there.id, id="1", name="dig", args={"at": "rose"}, result={"llmContent": "rose"}
    )
    (drawn,) = store.append(there.id, palaver.user("rose", parts=[picture]))
    (trashed,) = store.append(there.id, palaver.user("rose trashed"))
    store.trash_message(trashed.id)
    named = {
        "asked": question,
        "first": first,
        "second": second,
        "call": call,
        "result": result,
        "drawn": drawn,
        "trashed": trashed,
    }
    return {name: message.id for name, message in named.items()} | {"here": here.id, "there": there.id}


def names(store: Store, ids: Ids, query: str, filter: Filter | None = None) -> set[str]:
    by_id = {id: name for name, id in ids.items()}
    page = store.search(query, filter=filter, limit=200)
    return {by_id[str(hit.message_id)] for hit in page.items if hit.message_id}


HERE = {"asked", "first", "second"}
THERE = {"call", "result", "drawn"}


@pytest.mark.parametrize("words", ["rose ", ""])
@pytest.mark.parametrize(
    ("narrowing", "expected"),
    [
        ("in:any", HERE | THERE | {"trashed"}),
        ("in:trash", {"trashed"}),
        ("has:tool", {"call", "result"}),
        ("has:file", {"drawn"}),
        ("has:tool has:file", set()),
        ("role:user", {"asked", "drawn"}),
        ("role:user role:tool", {"asked", "drawn", "result"}),
        ("tag:beds", THERE),
        ("tag:beds tag:june", THERE),
        ("tag:beds tag:july", set()),
        ("model:b", THERE),
        ('project:"my garden"', THERE),
        ("project:elsewhere", set()),
        ("branch:shown", {"asked", "first"} | THERE),
        ("after:2020", HERE | THERE),
        ("before:2020", set()),
    ],
)
def test_filters_in_the_query_narrow(
    store: Store, settle: Settle, words: str, narrowing: str, expected: set[str]
) -> None:
    ids = garden(store)
    settle(store)
    assert names(store, ids, words + narrowing) == expected


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (Filter(provider="openai"), THERE),
        (Filter(pinned=True), THERE),
        (Filter(pinned=False), HERE),
        (Filter(model="a"), set()),
        (Filter(model="a:1"), HERE),
        (Filter(tags=("Beds", "june")), THERE),
        (Filter(session_id="01234567-89ab-7cde-8f01-23456789abcd"), set()),
    ],
)
def test_a_filter_beside_the_query_narrows(
    store: Store, settle: Settle, filter: Filter, expected: set[str]
) -> None:
    ids = garden(store)
    settle(store)
    assert names(store, ids, "rose ", filter) == expected


@pytest.mark.parametrize("cut", [slice(None), slice(None, 13), slice(-8, None), slice(-6, None)])
def test_a_session_may_be_named_by_the_beginning_or_ending_of_its_id(
    store: Store, settle: Settle, cut: slice
) -> None:
    ids = garden(store)
    settle(store)
    found = names(store, ids, f"rose session:{ids['there'][cut]}")
    assert found >= THERE
    assert cut.start is None or found == THERE


def test_another_branch_is_shown_after_the_head_was_moved(store: Store, settle: Settle) -> None:
    ids = garden(store)
    settle(store)
    store.set_head(ids["here"], ids["second"])
    assert names(store, ids, "rose branch:shown") == {"asked", "second"} | THERE


def test_a_cleared_session_shows_no_branch(store: Store, settle: Settle) -> None:
    ids = garden(store)
    settle(store)
    store.clear_session(ids["here"])
    assert names(store, ids, "rose branch:shown") == THERE


@pytest.mark.parametrize(
    "change",
    [
        lambda store, ids: store.purge_session(ids["there"]),
        lambda store, ids: [store.trash_message(ids[name]) for name in THERE],
        lambda store, ids: store.purge_project(store.get_session(ids["there"]).project_id),
    ],
    ids=["purged session", "trashed messages", "purged project"],
)
def test_what_is_gone_is_not_found(
    store: Store, settle: Settle, change: Callable[[Store, Ids], object]
) -> None:
    ids = garden(store)
    settle(store)
    change(store, ids)
    assert names(store, ids, "rose") == HERE


def test_nobody_finds_what_is_somebody_elses(store: Store, settle: Settle) -> None:
    ids = garden(store)
    settle(store)
    stranger = store.as_actor("stranger")
    for query in ("rose", "ose", "in:any", f"session:{ids['here']}", "project:garden rose", "here"):
        assert stranger.search(query).items == []


def test_maintenance_finds_everything(store: Store, settle: Settle) -> None:
    ids = garden(store)
    settle(store)
    assert names(store.as_actor("system"), ids, "rose") == HERE | THERE
