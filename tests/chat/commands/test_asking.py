"""Asking again, in other words, with files, and going to other versions."""

import threading
from pathlib import Path

import pytest

import palaver
from palaver import Store
from palaver.chat.commands import Attachments, Context, Editing, Forked, Moved, Started
from palaver.chat.engine import Engine
from tests.chat.commands.conftest import failed, replied
from tests.support.factories import say, texts
from tests.support.scripted import ScriptedServer, Wait, whole


def test_retry_asks_the_last_question_again(context: Context, store: Store, server: ScriptedServer) -> None:
    assert "Nothing was asked" in failed(context, "/retry")
    server.will(*whole("second try"))
    say(store, context.session.id, "question", "first try")
    store.append(context.session.id, palaver.note("by the way"))
    replied(context, "/retry", Started).turn.wait(5)
    assert texts(store, context.session.id) == ["question", "second try"]


def test_retry_while_an_answer_is_written_is_refused(
    context: Context, engine: Engine, server: ScriptedServer
) -> None:
    server.will(Wait(threading.Event()))
    engine.start_turn(context.session.id, "question")
    assert "being written" in failed(context, "/retry")


def test_edit_asks_in_other_words_and_keeps_the_first_ones(
    context: Context, store: Store, server: ScriptedServer
) -> None:
    first, _ = say(store, context.session.id, "question", "answer")
    server.will(*whole("another answer"))
    replied(context, "/edit a better\nquestion", Started).turn.wait(5)
    assert texts(store, context.session.id) == ["a better\nquestion", "another answer"]
    assert [m.text for m in store.list_siblings(first.id)] == ["question", "a better\nquestion"]


def test_edit_keeps_the_files_of_the_question(context: Context, store: Store, server: ScriptedServer) -> None:
    file = store.put_file(b"content", name="notes.txt", mime="text/plain")
    store.append(context.session.id, palaver.user("read it", parts=(file,)), palaver.assistant("done"))
    server.will(*whole("again"))
    replied(context, "/edit read it well", Started).turn.wait(5)
    question = next(iter(store.messages(context.session.id)))
    assert file in question.parts


def test_edit_without_text_offers_the_question_for_editing(context: Context, store: Store) -> None:
    assert "Nothing was asked" in failed(context, "/edit")
    question, _ = say(store, context.session.id, "question", "answer")
    assert replied(context, "/edit", Editing).message.id == question.id
    assert "/retry" in failed(context, "/edit question")
    assert texts(store, context.session.id) == ["question", "answer"]


def test_branch_lists_the_versions_at_the_last_fork_and_goes_to_one(context: Context, store: Store) -> None:
    session_id = context.session.id
    question, first = say(store, session_id, "question", "first")
    store.append(session_id, palaver.user("more of the first"))
    [second] = store.append(session_id, palaver.assistant("second"), parent_id=question.id)
    store.set_head(session_id, second.id)
    fork = replied(context, "/branch", Forked)
    assert [message.id for message in fork.siblings] == [first.id, second.id]
    assert fork.current_id == second.id
    replied(context, "/branch 1", Moved)
    assert texts(store, session_id) == ["question", "first", "more of the first"]
    assert replied(context, "/branch", Forked).current_id == first.id


def test_branch_goes_to_the_end_that_was_written_to_last(context: Context, store: Store) -> None:
    session_id = context.session.id
    question, first = say(store, session_id, "question", "first")
    store.append(session_id, palaver.user("old end"), parent_id=first.id)
    store.append(session_id, palaver.user("new end"), parent_id=first.id)
    [second] = store.append(session_id, palaver.assistant("second"), parent_id=question.id)
    store.set_head(session_id, second.id)
    replied(context, "/branch 1", Moved)
    assert texts(store, session_id) == ["question", "first", "new end"]


@pytest.mark.parametrize(
    ("words", "why"), [("3", "1 to 2"), ("0", "1 to 2"), ("2", "already"), ("x", "Usage"), ("-1", "Usage")]
)
def test_a_version_there_is_not_changes_nothing(context: Context, store: Store, words: str, why: str) -> None:
    question, _ = say(store, context.session.id, "question", "first")
    [second] = store.append(context.session.id, palaver.assistant("second"), parent_id=question.id)
    store.set_head(context.session.id, second.id)
    assert why in failed(context, f"/branch {words}")
    assert texts(store, context.session.id) == ["question", "second"]


def test_without_a_fork_branch_says_how_one_comes(context: Context, store: Store) -> None:
    say(store, context.session.id, "question", "answer")
    assert "/edit and /retry" in failed(context, "/branch")


def test_after_clear_branch_leads_back(context: Context, store: Store) -> None:
    say(store, context.session.id, "question", "answer")
    store.clear_session(context.session.id)
    assert replied(context, "/branch", Forked).current_id == ""
    replied(context, "/branch 1", Moved)
    assert texts(store, context.session.id) == ["question", "answer"]


def test_attach_stores_files_for_the_next_question(context: Context, tmp_path: Path) -> None:
    (tmp_path / "a file.txt").write_text("some text")
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    reply = replied(context, f"/attach '{tmp_path}/a file.txt' {tmp_path}/b.png", Attachments)
    assert [(file.name, file.mime, file.size) for file in reply.files] == [
        ("a file.txt", "text/plain", 9),
        ("b.png", "image/png", 4),
    ]
    assert replied(context, "/attach", Attachments).files == reply.files
    assert context.store.open_file(reply.files[0].digest).read() == b"some text"


def test_what_cannot_be_attached_is_named_and_the_rest_is_taken(context: Context, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    reply = replied(context, f"/attach {tmp_path}/missing {tmp_path} {tmp_path}/there", Attachments)
    assert [file.name for file in reply.files] == ["there"]
    assert [why.partition(": ")[0] for why in reply.missed] == [f"{tmp_path}/missing", str(tmp_path)]


def test_attach_none_drops_the_files(context: Context, tmp_path: Path) -> None:
    assert failed(context, "/attach none") == "No file is attached."
    (tmp_path / "file").write_text("x")
    replied(context, f"/attach {tmp_path}/file", Attachments)
    assert replied(context, "/attach none", Attachments).files == ()
    assert replied(context, "/attach", Attachments).files == []
