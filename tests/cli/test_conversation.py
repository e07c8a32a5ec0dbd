"""`palaver chat` on a terminal, typed into."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import palaver
from palaver.ids import short
from tests.cli.processes import call
from tests.cli.terminal import Terminal

LONG = " ".join(f"word{number}" for number in range(60))


@pytest.fixture
def terminal(database: Path) -> Iterator[Terminal]:
    with Terminal(database, "chat", rows=40) as terminal:
        yield terminal


def newest(database: Path) -> tuple[palaver.Session, list[palaver.Message]]:
    with palaver.open_store(str(database)) as store:
        session = store.list_sessions().items[0]
        return session, list(store.messages(session.id))


def leave(terminal: Terminal) -> None:
    terminal.expect("› ")
    terminal.type("\x04")
    assert terminal.end() == 0


def test_it_says_where_it_is_and_that_only_the_demo_was_found(terminal: Terminal) -> None:
    greeting = terminal.expect("› ")
    assert greeting.startswith("New Chat · ")
    assert "demo · demo" in greeting
    assert "No model was found" in greeting


def test_it_says_that_the_model_of_a_session_is_not_there(database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        session = store.create_session(model="gemma3:4b", provider="ollama")
    with Terminal(database, "chat", "--session", session.id) as terminal:
        terminal.expect("gemma3:4b of ollama is not there now")
        terminal.say("hello")
        terminal.expect("no provider")
        leave(terminal)


def test_a_question_is_answered_recorded_and_gives_the_title(terminal: Terminal, database: Path) -> None:
    terminal.say("What is the capital of France?")
    terminal.expect("This session is now called “What is the capital of France?”")
    leave(terminal)
    session, (question, answer) = newest(database)
    assert session.title == "What is the capital of France?"
    assert (question.text, answer.status) == ("What is the capital of France?", "complete")


def test_ctrl_c_stops_the_answer_keeps_it_and_goes_on(terminal: Terminal, database: Path) -> None:
    terminal.say(LONG)
    terminal.expect("You said:")
    terminal.type("\x03")
    terminal.expect("Stopped; what came is kept.")
    leave(terminal)
    _, (_, answer) = newest(database)
    assert answer.status == "cancelled"
    assert "You said:" in answer.text


def test_ctrl_c_on_an_empty_line_says_how_to_leave(terminal: Terminal) -> None:
    terminal.expect("› ")
    terminal.type("\x03")
    terminal.expect("Ctrl+D or /quit leaves")
    terminal.say("/quit")
    assert terminal.end() == 0


def test_ctrl_c_on_a_typed_line_only_discards_it(terminal: Terminal, database: Path) -> None:
    terminal.expect("› ")
    terminal.type("not to be sent")
    terminal.expect("not to be sent")
    terminal.type("\x03instead\r")
    terminal.expect("now called “instead”")
    leave(terminal)
    assert [m.text for m in newest(database)[1] if m.role == "user"] == ["instead"]


def test_a_pasted_text_of_several_lines_is_one_message(terminal: Terminal, database: Path) -> None:
    terminal.expect("› ")
    terminal.type("\x1b[200~one\ntwo\nthree\x1b[201~\r")
    terminal.expect("now called")
    leave(terminal)
    assert newest(database)[1][0].text == "one\ntwo\nthree"


def test_alt_enter_makes_a_new_line(terminal: Terminal, database: Path) -> None:
    terminal.expect("› ")
    terminal.type("one\x1b\rtwo\r")
    terminal.expect("now called")
    leave(terminal)
    assert newest(database)[1][0].text == "one\ntwo"


def test_commands_are_completed_while_they_are_typed(terminal: Terminal) -> None:
    terminal.expect("› ")
    terminal.type("/se")
    terminal.expect("/search")


def test_the_commands_do_what_they_say(terminal: Terminal, database: Path) -> None:
    terminal.say("first question")
    terminal.expect("now called “first question”")
    terminal.say("/title My talk")
    terminal.expect("My talk")
    terminal.say("/context size 2048")
    terminal.expect("2048")
    terminal.say("/new")
    terminal.say("second question")
    terminal.expect("now called “second question”")
    terminal.say("/sessions")
    terminal.expect("▶ ")
    terminal.expect("My talk")
    terminal.say("/search first")
    terminal.expect("first question")
    terminal.say("/frobnicate")
    terminal.expect("There is no command /frobnicate")
    terminal.say("/help")
    terminal.expect("/quit")
    leave(terminal)
    with palaver.open_store(str(database)) as store:
        newer, older = store.list_sessions().items
    assert (older.title, older.title_source, older.context_size) == ("My talk", "user", 2048)
    assert (newer.parent_id, newer.relation) == (older.id, "new")


def test_another_session_can_be_gone_on_with(database: Path) -> None:
    call(database, "chat", "the old one")
    old, _ = newest(database)
    with Terminal(database, "chat", rows=40) as terminal:
        terminal.say(f"/switch {short(old.id)}")
        terminal.expect("the old one")
        terminal.say("more")
        terminal.expect("message number 2")
        leave(terminal)
    assert newest(database)[0].id == old.id


def test_a_retry_keeps_the_first_answer_beside_the_second(terminal: Terminal, database: Path) -> None:
    terminal.say("a question")
    terminal.expect("now called")
    terminal.say("/retry")
    terminal.expect("You said:")
    leave(terminal)
    _, (question, answer) = newest(database)
    with palaver.open_store(str(database)) as store:
        assert len(store.list_siblings(answer.id)) == 2
    assert question.text == "a question"


def test_a_killed_answer_is_shown_as_interrupted_when_it_is_gone_on_with(database: Path) -> None:
    with Terminal(database, "chat", rows=40) as terminal:
        terminal.say(LONG)
        terminal.expect("word9")
        terminal.expect("You said:")
        terminal.expect("word9")
        terminal.process.send_signal(signal.SIGKILL)
        terminal.end()
    with Terminal(database, "chat", rows=40) as terminal:
        terminal.expect("was interrupted: /switch ")
    with Terminal(database, "chat", "--continue", rows=60) as terminal:
        shown = terminal.expect("The last answer was interrupted; /retry asks again.")
    assert "  interrupted" in shown
    assert "word5" in shown


def test_what_was_typed_comes_back_with_the_arrow_keys(database: Path) -> None:
    with Terminal(database, "chat") as terminal:
        terminal.say("remember me")
        terminal.expect("now called")
        leave(terminal)
    with Terminal(database, "chat") as terminal:
        terminal.expect("› ")
        terminal.type("\x1b[A")
        terminal.expect("remember me")


def test_nothing_typed_into_an_encrypted_chat_is_kept_in_the_clear(
    database: Path, home: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("correct horse")
    call(database, "new")
    call(database, "encrypt", PALAVER_KEY_FILE=str(key))
    with Terminal(database, "chat", PALAVER_KEY_FILE=str(key)) as terminal:
        terminal.say("a secret about herons")
        terminal.expect("now called")
        leave(terminal)
    files = [file for folder in (home, tmp_path) for file in folder.rglob("*") if file.is_file()]
    assert [file for file in files if b"herons" in file.read_bytes()] == []


def test_leaving_at_once_leaves_no_session_behind_in_the_list(terminal: Terminal, database: Path) -> None:
    leave(terminal)
    with palaver.open_store(str(database)) as store:
        assert store.list_sessions().items == []
