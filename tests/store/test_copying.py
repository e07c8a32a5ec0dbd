"""One store copied into another, whichever databases they live in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import palaver
from palaver import Filter, Invalid, Session, Store
from palaver.storage import copy
from palaver.wire import to_builtins
from tests.conftest import OpenStore
from tests.support.factories import a_conversation, texts
from tests.support.people import a_person, accounts_of
from tests.support.postgres import Databases
from tests.support.sound import fill_store


@pytest.fixture
def store(open_database: OpenStore) -> Store:
    return open_database()


@pytest.fixture(params=["to sqlite", "to postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "to sqlite":
        with palaver.open_store(tmp_path / "target.db") as opened:
            yield opened
        return
    databases: Databases = request.getfixturevalue("postgres_databases")
    with databases.fresh() as url, palaver.open_store(url) as opened:
        yield opened


def everything(store: Store) -> dict[str, Any]:
    """What anybody could read of it. Times of sessions are told to the millisecond, so that is how they are kept."""
    system = store.as_actor("system")
    sessions = [*all_sessions(system)]
    return {
        "projects": to_builtins(system.list_projects().items + system.list_projects(trashed=True).items),
        "sessions": {session.id: to_builtins(session) for session in sessions},
        "messages": {session.id: to_builtins([*system.tree(session.id)]) for session in sessions},
        "checkpoints": {
            session.id: to_builtins(system.list_checkpoints(session.id, active=False)) for session in sessions
        },
        "snapshots": {session.id: to_builtins(system.list_snapshots(session.id)) for session in sessions},
        "preferences": store.list_preferences(),
        "files": [
            system.open_file(part.digest).read()
            for session in sessions
            for message in system.tree(session.id)
            for part in message.parts
            if isinstance(part, palaver.File)
        ],
    }


def all_sessions(store: Store) -> Iterator[Session]:
    after = None
    while True:
        page = store.list_sessions(filter=Filter(state="any", empty=True), after=after, limit=2)
        yield from page.items
        after = page.next_cursor
        if after is None:
            return


def test_everything_arrives_as_it_is(store: Store, target: Store) -> None:
    fill_store(store)
    store.trash_session(a_conversation(store, "trashed").id)
    store.trash_project(store.create_project("Cellar").id)
    neighbour = store.as_actor("neighbour")
    a_conversation(neighbour, "over the fence")
    before = everything(store)
    report = copy(store, target)
    assert (report.differing, report.present) == ([], {})
    assert report.verified == sum(map(len, before["messages"].values()))
    assert everything(target) == before
    assert everything(store) == before
    assert texts(target.as_actor("neighbour"), neighbour.list_sessions().items[0].id) == ["over the fence"]
    assert target.verify().problems == []
    assert target.search("message").items


def test_copying_again_changes_nothing(store: Store, target: Store) -> None:
    fill_store(store)
    copy(store, target)
    before, mark = everything(target), target.mark()
    report = copy(store, target)
    assert (report.added, report.differing) == ({}, [])
    assert everything(target) == before
    assert target.mark() == mark


def test_what_came_since_comes_with_the_next_copy(store: Store, target: Store) -> None:
    session = a_conversation(store, "one", "two")
    copy(store, target)
    store.append(session.id, palaver.user("three"))
    a_conversation(store, "another")
    report = copy(store, target)
    assert (report.added, report.differing) == ({"session": 1, "message": 2}, [])
    assert texts(target, session.id) == ["one", "two", "three"]


def test_a_copy_that_was_cut_off_is_finished_by_the_next(store: Store, target: Store) -> None:
    fill_store(store)

    def stop(done: int, total: int) -> None:
        raise RuntimeError(f"{done} of {total}")

    with pytest.raises(RuntimeError):
        copy(store, target, progress=stop)
    assert copy(store, target).differing == []
    assert everything(target) == everything(store)


def test_progress_ends_with_all(store: Store, target: Store) -> None:
    fill_store(store)
    seen: list[tuple[int, int]] = []
    copy(store, target, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1][0] <= seen[-1][1]


def test_a_session_that_went_on_in_the_target_stays_and_is_named(store: Store, target: Store) -> None:
    session = a_conversation(store, "one")
    copy(store, target)
    target.append(session.id, palaver.user("there"))
    store.append(session.id, palaver.user("here"))
    report = copy(store, target)
    assert report.differing_count == 1
    assert session.id in report.differing[0]
    assert texts(target, session.id) == ["one", "there"]


def test_what_belongs_to_one_can_be_given_to_another(store: Store, target: Store) -> None:
    session = a_conversation(store, "one")
    copy(store, target, owners={"local": "ann"})
    assert texts(target.as_actor("ann"), session.id) == ["one"]
    assert target.list_sessions().items == []


def test_the_personal_project_is_one(store: Store, target: Store) -> None:
    mine, session = target.personal_project(), a_conversation(store, "one")
    copy(store, target)
    assert [project.id for project in target.list_projects().items] == [mine.id]
    assert target.get_session(session.id).project_id == mine.id


def test_accounts_come_with_their_tokens_and_projects(store: Store, target: Store) -> None:
    accounts = accounts_of(store)
    ann = a_person(store, accounts, "Ann", password="marigolds bloom late")
    ben = a_person(store, accounts, "Ben")
    project = ann.store.create_project("Garden")
    session = a_conversation(ann.store, "one", project_id=project.id)
    ann.accounts.put_member(project.id, ben.id, "viewer")
    token = ann.accounts.create_token("laptop", scope="write")
    for _ in range(2):
        assert copy(store, target).differing == []
    there = accounts_of(target)
    assert there.identify_token(token.secret).actor == ann.id
    assert texts(target.as_actor(ben.id), session.id) == ["one"]
    with pytest.raises(palaver.Forbidden):
        target.as_actor(ben.id).append(session.id, palaver.user("two"))


def test_a_draft_that_is_written_meanwhile_arrives_as_far_as_it_had_come(store: Store, target: Store) -> None:
    session = a_conversation(store, "one")
    draft = store.open_draft(session.id)
    store.extend_draft(draft.id, palaver.Text("so far"), offset=0)
    assert copy(store, target).differing == []
    assert (target.get_message(draft.id).status, target.get_message(draft.id).text) == (
        "interrupted",
        "so far",
    )
    assert store.get_message(draft.id).status == "streaming"


def test_a_store_is_not_copied_into_itself(store: Store) -> None:
    with pytest.raises(Invalid):
        copy(store, store.as_actor("ann"))
