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
    "get_project": lambda store, it: store.get_project(it),
    "update_project": lambda store, it: store.update_project(it, name="Mine"),
    "trash_project": lambda store, it: store.trash_project(it),
    "untrash_project": lambda store, it: store.untrash_project(it),
    "purge_project": lambda store, it: store.purge_project(it),
    "create_session in it": lambda store, it: store.create_session(project_id=it),
    "ensure_session in it": lambda store, it: store.ensure_session(project_id=it),
    "keep_newest of it": lambda store, it: store.keep_newest(0, project_id=it),
    "list_sessions of it": lambda store, it: store.list_sessions(project_id=it),
    "update_session into it": lambda store, it: store.update_session(_own(store), project_id=it),
}
SESSION: dict[str, Call] = {
    "get_session": lambda store, it: store.get_session(it),
    "find_session": lambda store, it: store.find_session(it),
    "update_session": lambda store, it: store.update_session(it, title="Mine"),
    "clear_session": lambda store, it: store.clear_session(it),
    "fork_session": lambda store, it: store.fork_session(it),
    "trash_session": lambda store, it: store.trash_session(it),
    "untrash_session": lambda store, it: store.untrash_session(it),
    "purge_session": lambda store, it: store.purge_session(it),
    "append": lambda store, it: store.append(it, a_question()),
    "append of nothing": lambda store, it: store.append(it),
    "messages": lambda store, it: list(store.messages(it)),
    "list_messages": lambda store, it: store.list_messages(it),
    "tree": lambda store, it: list(store.tree(it)),
    "list_sibling_ids": lambda store, it: store.list_sibling_ids(it, []),
    "set_head": lambda store, it: store.set_head(it, None),
    "record_tool_call": lambda store, it: store.record_tool_call(
        it, id="c", name="f", args={}, result={"llmContent": ""}
    ),
    "open_draft": lambda store, it: store.open_draft(it),
    "begin_turn": lambda store, it: store.begin_turn(it, a_question()),
    "match_history": lambda store, it: store.match_history([a_question()], session_id=it),
    "extend_turn": lambda store, it: store.extend_turn(it, 1),
    "end_turn": lambda store, it: store.end_turn(it, 1),
    "list_turns": lambda store, it: store.list_turns(it),
    "stop_turn": lambda store, it: store.stop_turn(it),
    "answer_turn": lambda store, it: store.answer_turn(it, "r1", "once"),
    "add_checkpoint": lambda store, it: store.add_checkpoint(
        it, from_id=NO_ID, through_id=NO_ID, summary="x"
    ),
    "list_checkpoints": lambda store, it: store.list_checkpoints(it),
    "take_snapshot": lambda store, it: store.take_snapshot(it),
    "list_snapshots": lambda store, it: store.list_snapshots(it),
    "create_session linked to it": lambda store, it: store.create_session(parent_id=it, relation="new"),
}
MESSAGE: dict[str, Call] = {
    "get_message": lambda store, it: store.get_message(it),
    "list_siblings": lambda store, it: store.list_siblings(it),
    "set_in_context": lambda store, it: store.set_in_context(it, False),
    "trash_message": lambda store, it: store.trash_message(it),
    "untrash_message": lambda store, it: store.untrash_message(it),
    "purge_message": lambda store, it: store.purge_message(it),
    "append below it": lambda store, it: store.append(_own(store), a_question(), parent_id=it),
    "begin_turn below it": lambda store, it: store.begin_turn(_own(store), parent_id=it),
    "open_draft below it": lambda store, it: store.open_draft(_own(store), parent_id=it),
    "record_tool_call below it": lambda store, it: store.record_tool_call(
        _own(store), id="c", name="f", args={}, result={"llmContent": ""}, parent_id=it
    ),
    "set_head to it": lambda store, it: store.set_head(_own(store), it),
    "fork_session at it": lambda store, it: store.fork_session(_own(store), leaf_id=it),
    "messages to it": lambda store, it: list(store.messages(_own(store), leaf_id=it)),
    "list_messages to it": lambda store, it: store.list_messages(_own(store), leaf_id=it),
    "list_messages after it": lambda store, it: store.list_messages(_own(store), after=it),
}
DRAFT: dict[str, Call] = {
    "extend_draft": lambda store, it: store.extend_draft(it, Text("x"), offset=0),
    "close_draft": lambda store, it: store.close_draft(it),
    "request_stop": lambda store, it: store.request_stop(it),
}
CHECKPOINT: dict[str, Call] = {"revert_checkpoint": lambda store, it: store.revert_checkpoint(it)}
SNAPSHOT: dict[str, Call] = {
    "get_snapshot": lambda store, it: store.get_snapshot(it),
    "restore_snapshot": lambda store, it: store.restore_snapshot(it),
    "delete_snapshot": lambda store, it: store.delete_snapshot(it),
}
FILE: dict[str, Call] = {"open_file": lambda store, it: store.open_file(it)}
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
    "get_preference",
    "list_largest_sessions",
    "list_last_texts",
    "import_records",
    "list_preferences",
    "list_projects",
    "mark",
    "personal_project",
    "purge_trash",
    "put_file",
    "put_preference",
    "recover_drafts",
    "roles",
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
        return (
            type(error),
            getattr(error, "kind", None),
            getattr(error, "id", "").replace(asked, "ID"),
            str(error).replace(asked, "ID"),
        )
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
@pytest.mark.parametrize("never", [NO_ID, "../x", "x"])
def test_an_id_that_never_existed_is_not_found(store: Store, noun: str, verb: str, never: str) -> None:
    _own(store)
    with pytest.raises(NotFound) as caught:
        BY_NOUN[noun][verb](store, never)
    assert caught.value.id == never
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


@pytest.mark.parametrize("noun", ["project", "session"])
@pytest.mark.parametrize("query", ["marigold", "garden", ""])
def test_a_filter_with_a_strangers_id_narrows_like_one_that_never_existed(
    store: Store, stranger: Store, noun: str, query: str
) -> None:
    things = somebodys_things(store)
    a_conversation(stranger, "marigold")

    def narrowed(it: str) -> Filter:
        return Filter(project_id=it) if noun == "project" else Filter(session_id=it)

    def search(store: Store, it: str) -> object:
        return store.search(query, filter=narrowed(it))

    def browse(store: Store, it: str) -> object:
        return store.list_sessions(filter=narrowed(it))

    for call in (search, browse):
        assert answer(call, stranger, things[noun]) == answer(call, stranger, NO_ID)


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
