"""Projects: where sessions live."""

import pytest

from palaver import Conflict, Invalid, NotFound, Store, ids
from tests.support.factories import a_conversation
from tests.support.factories import ids as ids_of


def test_a_new_project_is_the_actors_and_can_be_read(store: Store) -> None:
    made = store.create_project("Garden", description="Beds and paths")
    assert (made.name, made.description, made.owner_id) == ("Garden", "Beds and paths", "local")
    assert store.get_project(made.id) == made


def test_a_project_may_bring_its_id(store: Store) -> None:
    wanted = ids.new_id()
    assert store.create_project("Garden", id=wanted).id == wanted


def test_an_id_in_use_is_a_conflict(store: Store) -> None:
    taken = store.create_project("Garden").id
    with pytest.raises(Conflict):
        store.create_project("Other", id=taken)
    assert store.get_project(taken).name == "Garden"


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\0b", "a\x1b[31m", "a\ud800", "x" * 10_000_000])
def test_a_name_that_cannot_be_shown_is_invalid(store: Store, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        store.create_project(name)
    assert caught.value.field == "name"
    assert store.list_projects().items == []


def test_the_longest_name_is_kept(store: Store) -> None:
    assert store.create_project("x" * 200).name == "x" * 200


def test_whitespace_in_a_name_is_folded(store: Store) -> None:
    assert store.create_project("  my\n\tgarden ").name == "my garden"


def test_the_personal_project_is_made_once(store: Store) -> None:
    first = store.personal_project()
    assert first.name == "Personal"
    assert store.personal_project() == first
    assert store.list_projects().items == [first]


def test_each_actor_has_a_personal_project_of_their_own(store: Store, stranger: Store) -> None:
    assert store.personal_project().id != stranger.personal_project().id


def test_projects_are_listed_by_name_then_id(store: Store) -> None:
    for name in ("b", "a", "c", "b", "b"):
        store.create_project(name)
    listed = store.list_projects().items
    assert [(item.name, item.id) for item in listed] == sorted((item.name, item.id) for item in listed)
    assert len(listed) == 5


def test_pages_of_projects_join_without_gap_or_repeat(store: Store) -> None:
    for name in ("same", "same", "a", "same", "z", "same", "b"):
        store.create_project(name)
    whole = store.list_projects().items
    collected, cursor = [], None
    while True:
        page = store.list_projects(after=cursor, limit=2)
        collected += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert collected == whole


def test_a_project_is_renamed_and_described(store: Store) -> None:
    made = store.create_project("Garden", description="old")
    assert store.update_project(made.id, name="Park").description == "old"
    changed = store.update_project(made.id, description="new")
    assert (changed.name, changed.description) == ("Park", "new")
    assert store.get_project(made.id) == changed


@pytest.mark.parametrize("name", ["", " ", "a\0b", "x" * 201])
def test_a_bad_new_name_changes_nothing(store: Store, name: str) -> None:
    made = store.create_project("Garden")
    with pytest.raises(Invalid):
        store.update_project(made.id, name=name)
    assert store.get_project(made.id) == made


def test_a_trashed_project_is_listed_only_in_the_trash(store: Store) -> None:
    kept, gone = store.create_project("kept"), store.create_project("gone")
    trashed = store.trash_project(gone.id)
    assert trashed.trashed_at is not None
    assert ids_of(store.list_projects().items) == [kept.id]
    assert ids_of(store.list_projects(trashed=True).items) == [gone.id]


def test_trashing_a_project_takes_its_sessions_along(store: Store) -> None:
    project = store.create_project("Garden")
    session = a_conversation(store, project_id=project.id)
    store.trash_project(project.id)
    assert store.get_session(session.id).trashed_at is not None
    assert store.list_sessions().items == []


def test_untrashing_a_project_brings_back_the_sessions_that_went_with_it(store: Store) -> None:
    project = store.create_project("Garden")
    earlier = a_conversation(store, project_id=project.id)
    session = a_conversation(store, project_id=project.id)
    store.trash_session(earlier.id)
    store.trash_project(project.id)
    assert store.untrash_project(project.id).trashed_at is None
    assert ids_of(store.list_sessions(project_id=project.id).items) == [session.id]
    assert store.get_session(earlier.id).trashed_at is not None


def test_trashing_twice_is_trashing_once(store: Store) -> None:
    project = store.create_project("Garden")
    assert store.trash_project(project.id) == store.trash_project(project.id)


def test_nothing_is_begun_in_a_trashed_project(store: Store) -> None:
    project = store.create_project("Garden")
    store.trash_project(project.id)
    with pytest.raises((NotFound, Conflict, Invalid)):
        store.create_session(project_id=project.id)


def test_a_purged_project_is_gone_with_all_its_sessions(store: Store) -> None:
    project = store.create_project("Garden")
    session = a_conversation(store, "marigold", project_id=project.id)
    (message,) = store.messages(session.id)
    store.purge_project(project.id)
    for verb, gone in (
        (store.get_project, project.id),
        (store.get_session, session.id),
        (store.get_message, message.id),
    ):
        with pytest.raises(NotFound):
            verb(gone)
    assert store.search("marigold").items == []
    assert store.verify().problems == []


def test_purging_a_project_leaves_the_others_alone(store: Store) -> None:
    kept = a_conversation(store, "kept")
    project = store.create_project("Garden")
    a_conversation(store, "gone", project_id=project.id)
    store.purge_project(project.id)
    assert [message.text for message in store.messages(kept.id)] == ["kept"]
