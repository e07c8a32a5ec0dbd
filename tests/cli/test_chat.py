"""`palaver chat` in a pipe and as one question."""

import json
import signal
from pathlib import Path

import pytest

import palaver
from tests.cli.conftest import Run
from tests.cli.processes import Process
from tests.cli.terminal import Terminal

LONG = " ".join(f"word{number}" for number in range(60))


def stored(database: Path) -> list[palaver.Message]:
    """The messages of the newest session."""
    with palaver.open_store(str(database)) as store:
        return list(store.messages(store.list_sessions().items[0].id))


def test_a_prompt_in_a_pipe_prints_the_answer_alone(run: Run, database: Path) -> None:
    result = run("chat", "hello", "there")
    assert result.exit_code == 0
    assert result.stdout.startswith("I am the demo model")
    assert result.stdout.endswith("\n")
    question, answer = stored(database)
    assert question.text == "hello there"
    assert answer.text.strip() == result.stdout.strip()


def test_what_is_piped_is_the_question(run: Run, database: Path) -> None:
    run("chat", input="from a pipe\n")
    assert stored(database)[0].text == "from a pipe"


def test_what_is_piped_stands_below_the_prompt(run: Run, database: Path) -> None:
    run("chat", "Summarise:", "-", input="line one\nline two\n")
    assert stored(database)[0].text == "Summarise:\n\nline one\nline two"


def test_nothing_to_ask_is_a_usage_error(run: Run, database: Path) -> None:
    assert run("chat", input="").exit_code == 2
    assert not database.exists()


def test_that_only_the_demo_answers_is_said_on_stderr(run: Run) -> None:
    result = run("chat", "hello")
    assert "demo" in result.stderr
    assert "no model was found" not in result.stdout


def test_json_gives_the_answer_as_a_message(run: Run) -> None:
    message = json.loads(run("chat", "hello", "--json").stdout)
    assert (message["role"], message["status"]) == ("assistant", "complete")


def test_every_question_begins_a_session_unless_one_is_gone_on_with(run: Run, database: Path) -> None:
    run("chat", "first")
    run("chat", "second")
    run("chat", "--continue", "third")
    assert [m.text for m in stored(database) if m.role == "user"] == ["second", "third"]
    assert len(run("ls").stdout.splitlines()) == 2


def test_a_session_is_gone_on_with_by_a_part_of_its_id(run: Run, database: Path) -> None:
    run("chat", "first")
    id = run("ls").stdout.split("\t")[0]
    run("chat", "other")
    run("chat", "--session", id[-8:], "second")
    with palaver.open_store(str(database)) as store:
        assert [m.text for m in store.messages(id) if m.role == "user"] == ["first", "second"]


def test_an_unknown_session_is_not_found(run: Run) -> None:
    run("new")
    assert run("chat", "--session", "ffffffff", "hello").exit_code == 3


def test_a_model_nobody_has_is_refused_and_nothing_is_recorded(run: Run) -> None:
    result = run("chat", "--model", "gpt-99", "hello")
    assert result.exit_code == 6
    assert "gpt-99" in result.stderr
    assert run("ls", "--empty").stdout == ""


def test_a_server_that_does_not_answer_ends_with_its_exit_code(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[[provider]]\nname = "away"\naddress = "http://127.0.0.1:9/v1"\nmodel = "m"\n')
    result = run("--config", str(config), "chat", "hello")
    assert result.exit_code == 10
    assert result.stdout == ""
    assert "palaver: " in result.stderr


def test_ctrl_c_in_a_pipe_stops_the_answer_and_keeps_it(database: Path) -> None:
    process = Process(database, "chat", LONG)
    process.stdin.close()
    process.stdout.read(20)
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    with process:
        process.stderr.read()
    assert process.returncode == 130
    answer = stored(database)[1]
    assert answer.status == "cancelled"
    assert answer.text.startswith("I am the demo")


def test_a_pipe_left_open_does_not_hang_a_complete_question(database: Path) -> None:
    with Process(database, "chat", "hello") as process:
        assert process.stdout.read().startswith(b"I am the demo")
        assert b"nothing came on stdin" in process.stderr.read()
    assert process.returncode == 0


def test_a_prompt_on_a_terminal_is_answered_and_ends(database: Path) -> None:
    with Terminal(database, "chat", "hello") as terminal:
        assert terminal.end() == 0
    assert "I am the demo model" in terminal.text
    assert "› " not in terminal.text


def test_the_model_of_a_piped_answer_can_be_chosen(run: Run, database: Path) -> None:
    run("chat", "--model", "demo/demo", "hello")
    assert stored(database)[1].model == "demo"


@pytest.mark.parametrize("text", ["//not a command", "[b]markup[/b]", "世界 \u202e rtl"])
def test_any_text_can_be_asked(run: Run, database: Path, text: str) -> None:
    run("chat", "--", text)
    assert stored(database)[0].text == text
