"""What every export does: writes what was chosen, whole or not at all."""

import io
from pathlib import Path

import pytest

from palaver import Invalid, NotFound, Store, Unavailable
from palaver.formats import FORMATS, take_out
from tests.formats.files import parsed, taken
from tests.support.factories import NO_ID, a_conversation, say

WRITABLE = [name for name, each in FORMATS.items() if each.write]


@pytest.mark.parametrize("format", WRITABLE)
def test_an_unknown_session_is_not_found_and_no_file_appears(
    store: Store, tmp_path: Path, format: str
) -> None:
    path = tmp_path / "out"
    with pytest.raises(NotFound):
        take_out(store, path, format=format, session_ids=[NO_ID])
    assert not path.exists()
    assert list(tmp_path.glob(".*.tmp")) == []


@pytest.mark.parametrize("format", WRITABLE)
def test_a_file_holds_what_a_stream_gets(store: Store, tmp_path: Path, format: str) -> None:
    session = a_conversation(store, "Hello?", "Hi.")
    assert take_out(store, tmp_path / "out", format=format, session_ids=[session.id]) == 1
    assert b"Hello?" in (tmp_path / "out").read_bytes()


@pytest.mark.parametrize("format", WRITABLE)
def test_a_folder_gets_one_file_for_each_session(store: Store, tmp_path: Path, format: str) -> None:
    sessions = {a_conversation(store).id, a_conversation(store).id}
    assert take_out(store, tmp_path, format=format) == 2
    assert {path.name.split(".")[0] for path in tmp_path.iterdir() if "palaver" not in path.name} == sessions


def test_a_format_that_does_not_exist_is_named_with_those_that_do(store: Store) -> None:
    with pytest.raises(Invalid, match="enteract, html, markdown"):
        take_out(store, io.BytesIO(), format="word")


def test_a_place_that_cannot_be_written_says_so(store: Store, tmp_path: Path) -> None:
    a_conversation(store)
    with pytest.raises(Unavailable, match="missing"):
        take_out(store, tmp_path / "missing" / "out.jsonl")


def test_only_the_project_named_is_written(store: Store) -> None:
    project = store.create_project("Work")
    inside = a_conversation(store, "inside", project_id=project.id)
    a_conversation(store, "outside")
    written = taken(store, project_id=project.id)
    assert inside.id.encode() in written
    assert b"outside" not in written
    assert written.count(b'{"type":"project"') == 1


def test_only_the_sessions_named_are_written_in_that_order(store: Store) -> None:
    first, second, _ = (a_conversation(store, str(number)) for number in range(3))
    chats = parsed(store, "enteract", session_ids=[second.id, first.id])
    assert [chat["id"] for chat in chats] == [second.id, first.id]


@pytest.mark.parametrize("format", ["enteract", "markdown", "html", "openai"])
def test_what_is_in_the_trash_is_left_out(store: Store, format: str) -> None:
    session = a_conversation(store, "One", "secret")
    store.trash_message(list(store.messages(session.id))[1].id)
    store.trash_session(a_conversation(store, "hidden").id)
    written = taken(store, format)
    assert b"One" in written
    assert b"secret" not in written
    assert b"hidden" not in written


def test_only_the_branch_that_is_shown_is_written(store: Store) -> None:
    session = a_conversation(store, "One", "Two")
    say(store, session.id, "Another", parent_id=None)
    store.set_head(session.id, list(store.tree(session.id))[-1].id)
    (chat,) = parsed(store, "enteract")
    assert [message["text"] for message in chat["history"]] == ["Another"]


def test_an_answer_that_is_still_written_is_left_out(store: Store) -> None:
    session = a_conversation(store, "One")
    store.open_draft(session.id)
    (chat,) = parsed(store, "enteract")
    assert [message["text"] for message in chat["history"]] == ["One"]


def test_archived_and_empty_sessions_are_written(store: Store) -> None:
    store.update_session(a_conversation(store).id, archived=True)
    store.create_session()
    assert len(parsed(store, "enteract")) == 2


def test_more_sessions_than_a_page_holds_are_all_written(store: Store) -> None:
    for _ in range(230):
        store.create_session()
    assert len(parsed(store, "enteract")) == 230
