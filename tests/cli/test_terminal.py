"""Commands as they look on a terminal."""

from pathlib import Path

import pytest

import palaver
from tests.cli.processes import call
from tests.cli.terminal import Terminal


@pytest.fixture
def session(database: Path) -> str:
    with palaver.open_store(str(database)) as store:
        session = store.create_session(model="gemma3:4b")
        store.append(
            session.id,
            palaver.user("What is *the* capital of France? \x1b]0;owned\x07"),
            palaver.assistant("It is **Paris**.\n\n```python\nprint('Paris')\n```"),
        )
        return session.id


def test_a_list_is_coloured_and_fits_the_terminal(database: Path, session: str) -> None:
    with Terminal(database, "ls", columns=60) as terminal:
        assert terminal.end() == 0
    assert session[-8:] in terminal.text
    assert session not in terminal.text
    assert b"\x1b[36m" in terminal.raw
    assert max(len(line) for line in terminal.text.splitlines()) <= 60


def test_no_color_is_respected(database: Path, session: str) -> None:
    with Terminal(database, "ls", NO_COLOR="1") as terminal:
        assert terminal.end() == 0
    assert b"\x1b[36m" not in terminal.raw


def test_an_answer_is_rendered_and_a_question_is_left_as_it_is(database: Path, session: str) -> None:
    with Terminal(database, "show", session) as terminal:
        assert terminal.end() == 0
    assert "It is Paris." in terminal.text
    assert "What is *the* capital of France?" in terminal.text


def test_escape_sequences_in_a_message_are_shown_and_not_obeyed(database: Path, session: str) -> None:
    with Terminal(database, "show", session) as terminal:
        terminal.end()
    assert b"\x1b]0;" not in terminal.raw
    assert "␛]0;owned␇" in terminal.text


def test_a_terminal_that_can_do_nothing_gets_the_answer_once(database: Path) -> None:
    with Terminal(database, "chat", "hello", TERM="dumb") as terminal:
        assert terminal.end() == 0
    assert terminal.text.count("I am the demo model") == 1


def test_json_on_a_terminal_is_indented(database: Path, session: str) -> None:
    with Terminal(database, "rename", session, "T", "--json") as terminal:
        assert terminal.end() == 0
    assert '\n  "title": "T"' in terminal.text


def test_a_pipe_gets_no_colours(database: Path, session: str) -> None:
    assert b"\x1b" not in call(database, "ls").stdout


def test_purging_asks_and_takes_no_for_an_answer(database: Path, session: str) -> None:
    with Terminal(database, "purge", session[-8:]) as terminal:
        terminal.expect("[y/N]")
        terminal.type("n\r")
        assert terminal.end() == 0
    assert "Nothing was removed." in terminal.text
    assert call(database, "show", session).returncode == 0


def test_ctrl_c_at_a_question_ends_with_130(database: Path, session: str) -> None:
    with Terminal(database, "purge", session) as terminal:
        terminal.expect("[y/N]")
        assert terminal.interrupt() == 130


def test_a_passphrase_is_asked_for_without_showing_it(database: Path, session: str) -> None:
    with Terminal(database, "encrypt") as terminal:
        terminal.expect("New passphrase:")
        terminal.type("correct horse\r")
        terminal.expect("The same again:")
        terminal.type("correct horse\r")
        assert terminal.end() == 0
    assert "correct horse" not in terminal.text
    with Terminal(database, "ls") as terminal:
        terminal.expect("Passphrase:")
        terminal.type("wrong horse\r")
        terminal.expect("Passphrase:")
        terminal.type("correct horse\r")
        assert terminal.end() == 0
    assert "gemma3:4b" in terminal.text


def test_two_passphrases_that_differ_change_nothing(database: Path, session: str) -> None:
    with Terminal(database, "encrypt") as terminal:
        terminal.expect("New passphrase:")
        terminal.type("correct horse\r")
        terminal.expect("The same again:")
        terminal.type("correct mouse\r")
        assert terminal.end() == 6
    assert call(database, "show", session).returncode == 0
