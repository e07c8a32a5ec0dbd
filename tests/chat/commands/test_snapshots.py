"""Snapshots, taken, looked at and gone back to."""

import pytest

import palaver
from palaver import Store
from palaver.chat.commands import Context, Moved, OneSnapshot, Snapshots
from palaver.ids import short
from tests.chat.commands.conftest import failed, replied, said
from tests.support.factories import say, texts


@pytest.fixture
def snapshot(context: Context, store: Store) -> palaver.Snapshot:
    """Of a session in which something is said afterwards."""
    say(store, context.session.id, "question", "answer")
    taken = store.take_snapshot(context.session.id, name="before lunch")
    store.append(context.session.id, palaver.user("later"))
    return taken


def test_create_takes_one_by_name_and_list_shows_it(context: Context, store: Store) -> None:
    say(store, context.session.id, "question")
    told = said(context, "/snapshot create before  lunch")
    [taken] = replied(context, "/snapshot list", Snapshots).snapshots
    assert (taken.name, taken.purpose) == ("before lunch", "manual")
    assert short(taken.id) in told
    assert replied(context, "/snapshot", Snapshots).snapshots == [taken]


def test_show_says_where_it_goes_back_to(context: Context, snapshot: palaver.Snapshot) -> None:
    shown = replied(context, f"/snapshot show {snapshot.id[:-4]}", OneSnapshot)
    assert shown.snapshot == snapshot
    assert shown.head is not None
    assert shown.head.text == "answer"


@pytest.mark.parametrize("how", ["id", "short", "beginning", "name"])
def test_restore_goes_back_and_loses_nothing(
    context: Context, store: Store, snapshot: palaver.Snapshot, how: str
) -> None:
    text = {
        "id": snapshot.id,
        "short": short(snapshot.id).upper(),
        "beginning": snapshot.id[:-3],
        "name": "before lunch",
    }[how]
    told = replied(context, f"/snapshot restore {text}", Moved).text
    assert "before lunch" in told
    assert texts(store, context.session.id) == ["question", "answer"]
    assert "later" in [message.text for message in store.tree(context.session.id)]


def test_a_way_back_says_how_it_is_undone(context: Context, store: Store, snapshot: palaver.Snapshot) -> None:
    told = replied(context, f"/snapshot restore {short(snapshot.id)}", Moved).text
    undo = told.partition("/snapshot restore ")[2].split()[0]
    replied(context, f"/snapshot restore {undo}", Moved)
    assert texts(store, context.session.id) == ["question", "answer", "later"]


def test_rollback_goes_to_the_newest_and_not_forward_again(
    context: Context, store: Store, snapshot: palaver.Snapshot
) -> None:
    for _ in range(2):
        assert "before lunch" in replied(context, "/snapshot rollback", Moved).text
        assert texts(store, context.session.id) == ["question", "answer"]


def test_rollback_without_a_snapshot_fails(context: Context) -> None:
    assert "no snapshot" in failed(context, "/snapshot rollback")


def test_delete_forgets_the_snapshot_alone(
    context: Context, store: Store, snapshot: palaver.Snapshot
) -> None:
    assert "the messages stay" in said(context, f"/snapshot delete {short(snapshot.id)}")
    assert replied(context, "/snapshot list", Snapshots).snapshots == []
    assert texts(store, context.session.id) == ["question", "answer", "later"]


@pytest.mark.parametrize("verb", ["show", "restore", "delete"])
@pytest.mark.parametrize("id", ["ffffffff", "../secret", "%"])
def test_an_id_of_nothing_changes_nothing(
    context: Context, store: Store, snapshot: palaver.Snapshot, verb: str, id: str
) -> None:
    assert failed(context, f"/snapshot {verb} {id}") == f"Snapshot not found: {id}"
    assert store.list_snapshots(context.session.id) == [snapshot]


def test_an_id_that_fits_several_is_refused(
    context: Context, store: Store, snapshot: palaver.Snapshot
) -> None:
    store.take_snapshot(context.session.id)
    assert "fits 2 snapshots" in failed(context, f"/snapshot show {snapshot.id[:6]}")


def test_the_snapshots_of_another_session_are_out_of_reach(
    context: Context, store: Store, snapshot: palaver.Snapshot
) -> None:
    replied(context, "/new", object)
    assert failed(context, f"/snapshot restore {snapshot.id}").startswith("Snapshot not found")
