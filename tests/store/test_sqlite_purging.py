"""Purged means gone: no byte of what was purged is left in the database, its WAL, its index or its mirrors."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import palaver
from palaver import Reasoning, Store, Text, ToolCall
from tests.support.factories import a_conversation, say
from tests.support.files import holders

WORD = "qzxvmarker"
"""Begins like no other word, so that no index can hold it as the rest of another."""

Plant = Callable[[Store, str], object]


def _by_draft(store: Store, session: str) -> None:
    draft = store.open_draft(session)
    store.extend_draft(draft.id, Text(f"streamed {WORD} "), offset=0)
    store.close_draft(draft.id)


def _replaced_draft(store: Store, session: str) -> None:
    draft = store.open_draft(session)
    store.extend_draft(draft.id, Text(f"streamed {WORD} "), offset=0)
    store.close_draft(draft.id, parts=[Text("clean")])


def _renamed(store: Store, session: str) -> None:
    store.update_session(session, title=f"once {WORD}")
    store.search("once")
    store.update_session(session, title="clean")


def _file(store: Store, session: str) -> None:
    file = store.put_file(f"content {WORD} ".encode() * 3_000, name=f"{WORD}.txt")
    store.append(session, palaver.user("look", parts=(file,)))


def _checkpoint(store: Store, session: str) -> None:
    (message,) = say(store, session, "to be summarised")
    store.add_checkpoint(session, from_id=message.id, through_id=message.id, summary=f"about {WORD}")


PLANTS: dict[str, Plant] = {
    "a short text": lambda store, session: say(store, session, f"the {WORD} here"),
    "a long text": lambda store, session: say(store, session, f"filler and {WORD} " * 2_000),
    "many texts": lambda store, session: say(store, session, *[f"{n} {WORD} {n}" for n in range(300)]),
    "a title from the first question": lambda store, session: say(store, session, f"{WORD}?"),
    "an earlier title": _renamed,
    "reasoning": lambda store, session: store.append(
        session, palaver.assistant("", parts=(Reasoning(f"hm {WORD}"),))
    ),
    "a tool call": lambda store, session: store.append(
        session, palaver.assistant("", parts=(ToolCall(WORD, WORD, {WORD: WORD}),))
    ),
    "metadata and error": lambda store, session: store.append(
        session, palaver.user("x", metadata={"a": WORD}, error=WORD)
    ),
    "a draft": _by_draft,
    "a draft whose text was replaced": _replaced_draft,
    "a file": _file,
    "a checkpoint": _checkpoint,
    "a snapshot": lambda store, session: store.take_snapshot(session, name=WORD),
    "a tag": lambda store, session: store.update_session(session, tags=[WORD]),
    "settings": lambda store, session: store.update_session(
        session, settings={"a": WORD}, metadata={"b": WORD}
    ),
    "a system prompt": lambda store, session: store.update_session(session, system_prompt=f"You are {WORD}."),
}
WAYS: dict[str, Callable[[Store, str, str], object]] = {
    "purge_session": lambda store, project, session: store.purge_session(session),
    "purge_project": lambda store, project, session: store.purge_project(project),
    "the trash": lambda store, project, session: (
        store.trash_session(session),
        store.purge_trash(older_than=timedelta(0)),
    ),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    mirror = f"ollm:{tmp_path / 'mirror'}"
    with palaver.open_store(str(tmp_path / "palaver.db"), mirror=mirror) as store:
        a_conversation(store, "what stays", "stays")
        yield store


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left_of(store: Store, tmp_path: Path, plant: str, way: str) -> None:
    project = store.create_project("Garden")
    session = store.create_session(project_id=project.id)
    PLANTS[plant](store, session.id)
    store.search(WORD)
    say(store, session.id, "and so on")
    assert holders(tmp_path, WORD)
    WAYS[way](store, project.id, session.id)
    assert holders(tmp_path, WORD) == []
    assert store.verify().problems == []
    store.close()
    assert holders(tmp_path, WORD) == []


@pytest.mark.parametrize(
    "plant", ["a short text", "a long text", "reasoning", "a tool call", "metadata and error", "a draft"]
)
def test_nothing_is_left_of_a_purged_message_with(store: Store, tmp_path: Path, plant: str) -> None:
    session = a_conversation(store, "before", title="Title")
    PLANTS[plant](store, session.id)
    *_, message = store.messages(session.id)
    say(store, session.id, "after")
    assert holders(tmp_path, WORD)
    store.purge_message(message.id)
    assert holders(tmp_path, WORD) == []
    assert [item.text for item in store.messages(session.id)] == ["before", "after"]


def test_a_purge_leaves_the_same_word_of_others(store: Store) -> None:
    kept, gone = a_conversation(store, f"kept {WORD}"), a_conversation(store, f"gone {WORD}")
    store.purge_session(gone.id)
    assert {hit.session_id for hit in store.search(WORD).items} == {kept.id}


def test_a_purge_is_complete_also_while_somebody_reads(store: Store, tmp_path: Path) -> None:
    kept = a_conversation(store, *[f"{n}" for n in range(500)])
    gone = a_conversation(store, f"gone {WORD}")
    reading = store.messages(kept.id)
    next(reading)
    store.purge_session(gone.id)
    assert len(list(reading)) == 499
    store.verify()
    assert holders(tmp_path, WORD) == []


def test_a_purged_project_takes_its_name_along(store: Store, tmp_path: Path) -> None:
    project = store.create_project(f"{WORD} garden", description=WORD)
    assert holders(tmp_path, WORD)
    store.purge_project(project.id)
    assert holders(tmp_path, WORD) == []
