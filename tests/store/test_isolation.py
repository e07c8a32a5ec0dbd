"""Whose it is, is part of every query: another actor's ids are answered like ids that never existed."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import palaver
from palaver import Filter, NotFound, Store, Text
from palaver.aio import STREAMS, VERBS
from palaver.wire import encode
from tests.support.factories import NO_ID, a_conversation, a_question

Call = Callable[[Store, str], Any]

PROJECT: dict[str, Call] = {
    "get_project": lambda store, id: store.get_project(id),
    "update_project": lambda store, id: store.update_project(id, name="Mine"),
    "trash_project": lambda store, id: store.trash_project(id),
    "untrash_project": lambda store, id: store.untrash_project(id),
    "purge_project": lambda store, id: store.purge_project(id),
    "create_session in it": lambda store, id: store.create_session(project_id=id),
    "ensure_session in it": lambda store, id: store.ensure_session(project_id=id),
    "keep_newest of it": lambda store, id: store.keep_newest(0, project_id=id),
    "list_sessions of it": lambda store, id: store.list_sessions(project_id=id),
    "update_session into it": lambda store, id: store.update_session(_own(store), project_id=id),
}
SESSION: dict[str, Call] = {
    "get_session": lambda store, id: store.get_session(id),
    "find_session": lambda store, id: store.find_session(id),
    "update_session": lambda store, id: store.update_session(id, title="Mine"),
    "clear_session": lambda store, id: store.clear_session(id),
    "fork_session": lambda store, id: store.fork_session(id),
    "trash_session": lambda store, id: store.trash_session(id),
    "untrash_session": lambda store, id: store.untrash_session(id),
    "purge_session": lambda store, id: store.purge_session(id),
    "append": lambda store, id: store.append(id, a_question()),
    "append of nothing": lambda store, id: store.append(id),
    "messages": lambda store, id: list(store.messages(id)),
    "list_messages": lambda store, id: store.list_messages(id),
    "tree": lambda store, id: list(store.tree(id)),
    "set_head": lambda store, id: store.set_head(id, None),
    "record_tool_call": lambda store, id: store.record_tool_call(
        id, id="c", name="f", args={}, result={"llmContent": ""}
    ),
    "open_draft": lambda store, id: store.open_draft(id),
    "add_checkpoint": lambda store, id: store.add_checkpoint(
        id, from_id=NO_ID, through_id=NO_ID, summary="x"
    ),
    "list_checkpoints": lambda store, id: store.list_checkpoints(id),
    "take_snapshot": lambda store, id: store.take_snapshot(id),
    "list_snapshots": lambda store, id: store.list_snapshots(id),
    "create_session linked to it": lambda store, id: store.create_session(parent_id=id, relation="new"),
}
MESSAGE: dict[str, Call] = {
    "get_message": lambda store, id: store.get_message(id),
    "list_siblings": lambda store, id: store.list_siblings(id),
    "set_in_context": lambda store, id: store.set_in_context(id, False),
    "trash_message": lambda store, id: store.trash_message(id),
    "untrash_message": lambda store, id: store.untrash_message(id),
    "purge_message": lambda store, id: store.purge_message(id),
    "append below it": lambda store, id: store.append(_own(store), a_question(), parent_id=id),
    "open_draft below it": lambda store, id: store.open_draft(_own(store), parent_id=id),
    "record_tool_call below it": lambda store, id: store.record_tool_call(
        _own(store), id="c", name="f", args={}, result={"llmContent": ""}, parent_id=id
    ),
    "set_head to it": lambda store, id: store.set_head(_own(store), id),
    "fork_session at it": lambda store, id: store.fork_session(_own(store), leaf_id=id),
    "messages to it": lambda store, id: list(store.messages(_own(store), leaf_id=id)),
    "list_messages to it": lambda store, id: store.list_messages(_own(store), leaf_id=id),
}
DRAFT: dict[str, Call] = {
    "extend_draft": lambda store, id: store.extend_draft(id, Text("x"), offset=0),
    "close_draft": lambda store, id: store.close_draft(id),
    "request_stop": lambda store, id: store.request_stop(id),
}
CHECKPOINT: dict[str, Call] = {"revert_checkpoint": lambda store, id: store.revert_checkpoint(id)}
SNAPSHOT: dict[str, Call] = {
    "get_snapshot": lambda store, id: store.get_snapshot(id),
    "restore_snapshot": lambda store, id: store.restore_snapshot(id),
    "delete_snapshot": lambda store, id: store.delete_snapshot(id),
}
FILE: dict[str, Call] = {"open_file": lambda store, id: store.open_file(id)}
BY_NOUN = {
    "project": PROJECT,
    "session": SESSION,
    "message": MESSAGE,
    "draft": DRAFT,
    "checkpoint": CHECKPOINT,
    "snapshot": SNAPSHOT,
    "file": FILE,
}
CASES = [(noun, verb) for noun, verbs in BY_NOUN.items() for verb in verbs]

WITHOUT_IDS = {
    "backup",
    "changes",
    "create_project",
    "import_records",
    "list_projects",
    "mark",
    "personal_project",
    "purge_trash",
    "put_file",
    "recover_drafts",
    "search",
    "stats",
    "verify",
}


def _own(store: Store) -> str:
    """A session of the actor's own, to bring the foreign id into."""
    return store.ensure_session().id


def somebodys_things(store: Store) -> dict[str, str]:
    """One of everything, owned by the store's actor; ids by noun."""
    project = store.create_project("Garden")
    session = a_conversation(store, "marigold", "rose", project_id=project.id)
    first, last = store.messages(session.id)
    return {
        "project": project.id,
        "session": session.id,
        "message": first.id,
        "checkpoint": store.add_checkpoint(session.id, from_id=first.id, through_id=last.id, summary="x").id,
        "snapshot": store.take_snapshot(session.id).id,
        "draft": store.open_draft(session.id).id,
        "file": store.put_file(b"marigold", name="bed.txt").digest,
    }


def everything(store: Store, things: dict[str, str]) -> bytes:
    """All that the owner can see, to compare."""
    session = things["session"]
    return encode(
        [
            store.get_project(things["project"]),
            store.get_session(session),
            list(store.tree(session)),
            store.list_checkpoints(session, active=False),
            store.list_snapshots(session),
            store.list_sessions(filter=Filter(empty=True, state="any")),
            store.extend_draft(things["draft"], offset=0),
        ]
    )


def answer(call: Call, store: Store, asked: str) -> tuple[Any, ...]:
    """What the actor gets to know: the outcome with the asked-for id taken out."""
    try:
        outcome = call(store, asked)
    except palaver.PalaverError as error:
        assert not isinstance(error, NotFound) or error.id == asked
        return type(error), getattr(error, "kind", None), str(error).replace(asked, "ID")
    return ("no error", encode(outcome))


@pytest.mark.parametrize(("noun", "verb"), CASES)
def test_a_strangers_id_is_answered_like_one_that_never_existed(
    store: Store, stranger: Store, noun: str, verb: str
) -> None:
    things = somebodys_things(store)
    never = "0" * 64 if noun == "file" else NO_ID
    before = everything(store, things)
    _own(stranger)
    call = BY_NOUN[noun][verb]
    assert answer(call, stranger, things[noun]) == answer(call, stranger, never)
    assert everything(store, things) == before


@pytest.mark.parametrize(
    ("noun", "verb"), [case for case in CASES if case[1] not in ("find_session", "list_sessions of it")]
)
@pytest.mark.parametrize("id", [NO_ID, "../x", "x"])
def test_an_id_that_never_existed_is_not_found(store: Store, noun: str, verb: str, id: str) -> None:
    _own(store)
    with pytest.raises(NotFound) as caught:
        BY_NOUN[noun][verb](store, id)
    assert caught.value.id == id
    assert caught.value.kind in (noun, "message", "content")


def test_every_verb_is_looked_at() -> None:
    looked_at = {verb.split()[0] for verbs in BY_NOUN.values() for verb in verbs}
    assert looked_at | WITHOUT_IDS == {*VERBS, *STREAMS}


def test_lists_counts_and_searches_hold_only_ones_own(store: Store, stranger: Store) -> None:
    somebodys_things(store)
    anything = Filter(empty=True, state="any")
    assert stranger.list_projects().items == []
    assert stranger.list_sessions(filter=anything).items == []
    assert stranger.search("marigold", filter=anything).items == []
    assert stranger.search("garden").items == []
    assert stranger.changes().items == []
    stats = stranger.stats()
    assert (stats.projects, stats.sessions, stats.messages, stats.tokens, stats.files) == (0, 0, 0, 0, 0)


def test_a_stranger_ends_nobodys_draft_and_purges_nobodys_trash(store: Store, stranger: Store) -> None:
    session, kept = a_conversation(store), a_conversation(store)
    store.trash_session(session.id)
    draft = store.open_draft(kept.id)
    stranger.purge_trash(older_than=timedelta(0))
    stranger.recover_drafts()
    stranger.keep_newest(0)
    assert store.get_session(session.id).trashed_at is not None
    assert store.get_message(draft.id).status == "streaming"
    assert store.get_session(kept.id).trashed_at is None


@pytest.mark.parametrize("field", ["project_id", "session_id"])
def test_a_filter_with_a_strangers_id_narrows_to_nothing(store: Store, stranger: Store, field: str) -> None:
    things = somebodys_things(store)
    a_conversation(stranger, "marigold")
    foreign, never = ({field: id} for id in (things[field.removesuffix("_id")], NO_ID))
    for query in ("marigold", "garden", ""):
        found = answer(lambda store, id: store.search(query, filter=Filter(**foreign)), stranger, "")
        assert found == answer(lambda store, id: store.search(query, filter=Filter(**never)), stranger, "")
    listed = answer(lambda store, id: store.list_sessions(filter=Filter(**foreign)), stranger, "")
    assert listed == answer(lambda store, id: store.list_sessions(filter=Filter(**never)), stranger, "")


def test_the_actor_is_part_of_the_handle(store: Store) -> None:
    assert (store.actor, store.as_actor("ann").actor) == ("local", "ann")
    assert store.as_actor("ann").as_actor("local").list_projects() == store.list_projects()


def test_strangers_write_side_by_side(store: Store, stranger: Store) -> None:
    mine, theirs = a_conversation(store, "mine"), a_conversation(stranger, "theirs")
    assert [item.id for item in store.list_sessions().items] == [mine.id]
    assert [item.id for item in stranger.list_sessions().items] == [theirs.id]
    assert store.verify().problems == []


def test_every_verb_says_in_its_name_what_its_id_is_of() -> None:
    for name in VERBS:
        parameters = inspect.signature(getattr(Store, name)).parameters
        assert not {"uuid", "key", "ref"} & set(parameters), name
