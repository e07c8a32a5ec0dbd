"""Sessions: made, found, changed."""

from typing import Any

import pytest

from palaver import Conflict, Filter, Invalid, NotFound, Store, ids
from tests.support.factories import NO_ID, a_conversation, a_question


def test_a_new_session_is_empty_and_has_what_it_was_given(store: Store) -> None:
    made = store.create_session(
        model="gemma3:4b",
        provider="ollama",
        context_size=8192,
        system_prompt="Be brief.",
        settings={"temperature": 0.5, "unknown": {"kept": [1, None]}},
    )
    assert (made.model, made.provider, made.context_size) == ("gemma3:4b", "ollama", 8192)
    assert (made.system_prompt, made.settings) == (
        "Be brief.",
        {"temperature": 0.5, "unknown": {"kept": [1, None]}},
    )
    assert (made.head_id, made.message_count, made.token_count, made.compression_count) == (None, 0, 0, 0)
    assert store.get_session(made.id) == made


def test_a_session_without_a_project_is_in_the_personal_one(store: Store) -> None:
    assert store.create_session().project_id == store.personal_project().id


def test_a_session_may_bring_its_id(store: Store) -> None:
    wanted = ids.new_id()
    assert store.create_session(id=wanted).id == wanted


def test_an_id_in_use_is_a_conflict(store: Store) -> None:
    taken = a_conversation(store, "first")
    with pytest.raises(Conflict):
        store.create_session(id=taken.id)
    assert store.get_session(taken.id) == taken


def test_a_linked_session_names_its_parent_and_their_relation(store: Store) -> None:
    parent = store.create_session()
    child = store.create_session(parent_id=parent.id, relation="model_swap")
    assert (child.parent_id, child.relation) == (parent.id, "model_swap")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"id": "../x"}, "id"),
        ({"id": ""}, "id"),
        ({"title": ""}, "title"),
        ({"title": " \t "}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "a\ud800"}, "title"),
        ({"title": "x" * 10_000_000}, "title"),
        ({"model": "a\0b"}, "model"),
        ({"model": "x" * 1_000_000}, "model"),
        ({"provider": "a\x07b"}, "provider"),
        ({"context_size": 0}, "context_size"),
        ({"context_size": -1}, "context_size"),
        ({"context_size": 2**70}, "context_size"),
        ({"system_prompt": "a\ud800"}, "system_prompt"),
        ({"settings": {"a": "\ud800"}}, "settings"),
        ({"settings": {"a": object()}}, "settings"),
        ({"settings": {"a": float("nan")}}, "settings"),
        ({"relation": "cousin"}, "relation"),
    ],
)
def test_what_a_session_cannot_have_is_invalid_and_named(
    store: Store, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(Invalid) as caught:
        store.create_session(**fields)
    assert caught.value.field == named
    assert store.list_sessions(filter=Filter(empty=True, state="any")).items == []


def test_a_nul_in_a_system_prompt_comes_back(store: Store) -> None:
    made = store.create_session(system_prompt="a\0b")
    assert store.get_session(made.id).system_prompt == "a\0b"


@pytest.mark.parametrize(
    "id", [NO_ID, "../x", "", "x", "'; DROP TABLE session; --", "\0", "\ud800", "x" * 1_000_000]
)
def test_a_session_that_never_existed_is_not_found(store: Store, id: str) -> None:
    with pytest.raises(NotFound) as caught:
        store.get_session(id)
    assert (caught.value.kind, caught.value.id) == ("session", id)


def test_a_message_to_an_unknown_session_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match=f"Session not found: {NO_ID}"):
        store.append(NO_ID, a_question())


def test_a_session_is_found_by_its_id_a_beginning_or_an_ending(store: Store) -> None:
    made = store.create_session(id="01234567-89ab-7cde-8f01-23456789abcd")
    for text in (made.id, made.id.replace("-", ""), "0123456", "01234567-89a", "89abcd", "6789ABCD"):
        assert store.find_session(text) == made, text


def test_a_beginning_of_several_sessions_is_invalid_and_names_them(store: Store) -> None:
    first = store.create_session(id="01234567-89ab-7cde-8f01-000000000001")
    second = store.create_session(id="01234567-89ab-7cde-8f01-000000000002")
    with pytest.raises(Invalid) as caught:
        store.find_session("01234567")
    assert all(
        session.id in str(caught.value) or session.id[-8:] in str(caught.value) for session in (first, second)
    )
    assert store.find_session("000002") == second


@pytest.mark.parametrize(
    "text", ["", "0", "01234", "zzzzzzzz", "../x", "%", "______", "\0", NO_ID, "x" * 100_000]
)
def test_a_text_that_fits_no_session_finds_none(store: Store, text: str) -> None:
    store.create_session()
    assert store.find_session(text) is None


def test_a_field_that_is_not_given_stays(store: Store) -> None:
    made = store.create_session(model="m", provider="p", context_size=4096, system_prompt="s")
    changed = store.update_session(made.id, pinned=True)
    assert changed.pinned
    assert (changed.model, changed.provider, changed.context_size, changed.system_prompt) == (
        "m",
        "p",
        4096,
        "s",
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"title": "Beds"}, {"title": "Beds", "title_source": "user"}),
        ({"model": "n"}, {"model": "n"}),
        ({"model": None}, {"model": None}),
        ({"provider": "q"}, {"provider": "q"}),
        ({"context_size": 8192}, {"context_size": 8192}),
        ({"context_size": None}, {"context_size": None}),
        ({"system_prompt": None}, {"system_prompt": None}),
        ({"settings": {"top_p": 1}}, {"settings": {"top_p": 1}}),
        ({"tags": ["b", "a"]}, {"tags": ("b", "a")}),
        ({"pinned": True}, {"pinned": True}),
        ({"metadata": {"a": [1]}}, {"metadata": {"a": [1]}}),
    ],
)
def test_each_field_can_be_changed(store: Store, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    made = store.create_session(
        model="m", provider="p", context_size=4096, system_prompt="s", settings={"temperature": 1}
    )
    changed = store.update_session(made.id, **fields)
    assert {name: getattr(changed, name) for name in expected} == expected
    assert store.get_session(made.id) == changed


@pytest.mark.parametrize(
    "fields",
    [
        {"title": ""},
        {"title": "a\0b"},
        {"tags": [""]},
        {"tags": ["a\x07b"]},
        {"tags": ["x" * 101]},
        {"tags": [f"t{n}" for n in range(101)]},
        {"context_size": 0},
        {"settings": {"a": "\udfff"}},
        {"metadata": {"\ud800": 1}},
        {"title": "good", "tags": ["bad\0"]},
    ],
)
def test_a_bad_change_changes_nothing(store: Store, fields: dict[str, Any]) -> None:
    made = store.create_session(title="Before")
    with pytest.raises(Invalid):
        store.update_session(made.id, **fields)
    assert store.get_session(made.id) == made


def test_a_session_is_archived_and_taken_out_again(store: Store) -> None:
    made = a_conversation(store)
    archived = store.update_session(made.id, archived=True)
    assert archived.archived_at is not None
    assert store.list_sessions().items == []
    assert store.update_session(made.id, archived=False).archived_at is None


def test_a_session_moves_to_another_project_with_its_messages(store: Store) -> None:
    made = a_conversation(store, "marigold")
    project = store.create_project("Garden")
    assert store.update_session(made.id, project_id=project.id).project_id == project.id
    assert [item.id for item in store.list_sessions(project_id=project.id).items] == [made.id]
    assert {hit.project_id for hit in store.search("marigold").items} == {project.id}


def test_every_change_counts_the_revision_up(store: Store) -> None:
    made = store.create_session()
    first = store.update_session(made.id, pinned=True)
    second = store.update_session(made.id, pinned=False)
    assert made.revision < first.revision < second.revision


def test_whoever_was_slower_gets_a_conflict(store: Store) -> None:
    made = store.create_session()
    faster = store.update_session(made.id, title="faster", expected_revision=made.revision)
    with pytest.raises(Conflict):
        store.update_session(made.id, title="slower", expected_revision=made.revision)
    assert store.get_session(made.id) == faster


def test_a_rename_a_pin_or_a_tag_does_not_move_updated_at(store: Store) -> None:
    made = a_conversation(store)
    changed = store.update_session(
        made.id, title="New", pinned=True, tags=["a"], archived=True, metadata={"a": 1}
    )
    assert changed.updated_at == made.updated_at


def test_a_message_moves_updated_at(store: Store) -> None:
    made = a_conversation(store)
    (message,) = store.append(made.id, a_question())
    after = store.get_session(made.id)
    assert after.updated_at >= made.updated_at
    assert after.updated_at >= message.created_at


def test_ensure_session_makes_one_where_there_is_none(store: Store) -> None:
    made = store.ensure_session(model="m", provider="p")
    assert (made.model, made.provider, made.message_count) == ("m", "p", 0)


def test_ensure_session_gives_the_same_again(store: Store) -> None:
    assert store.ensure_session().id == store.ensure_session().id


def test_ensure_session_prefers_the_most_recent_with_content(store: Store) -> None:
    older = a_conversation(store, "older")
    newer = a_conversation(store, "newer")
    store.create_session()
    assert store.ensure_session().id == newer.id
    store.append(older.id, a_question())
    assert store.ensure_session().id == older.id


def test_ensure_session_passes_over_archived_and_trashed_ones(store: Store) -> None:
    archived, trashed = a_conversation(store), a_conversation(store)
    store.update_session(archived.id, archived=True)
    store.trash_session(trashed.id)
    assert store.ensure_session().id not in (archived.id, trashed.id)


def test_ensure_session_stays_in_its_project(store: Store) -> None:
    a_conversation(store)
    project = store.create_project("Garden")
    assert store.ensure_session(project_id=project.id).project_id == project.id
