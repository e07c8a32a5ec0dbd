"""What a chat on a terminal shows of the context, its checkpoints, its versions and its files."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import palaver
from tests.cli.processes import call
from tests.cli.terminal import Terminal
from tests.support import scripted
from tests.support.scripted import ScriptedServer, Wait, text, whole

LONG = "A word and another one. " * 60
"""About 360 tokens."""
SUMMARY = "They spoke of words and of others, again and again."


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted.serve() as server:
        yield server


@pytest.fixture(autouse=True)
def config(home: Path, server: ScriptedServer) -> None:
    folder = home / "palaver"
    folder.mkdir()
    (folder / "config.toml").write_text(
        'model = "s/scripted"\nmodel_title = false\n'
        f'[[provider]]\nname = "s"\naddress = "{server.address}/v1"\n',
        "utf-8",
    )


@pytest.fixture
def session(database: Path) -> str:
    """Something was said in it: some 2,200 of the 3,481 tokens that can be sent."""
    with palaver.open_store(str(database)) as store:
        session = store.create_session(model="scripted", provider="s", title="Talk", context_size=4096)
        for _ in range(3):
            store.append(session.id, palaver.user(LONG), palaver.assistant(LONG))
        return session.id


@pytest.fixture
def chat(database: Path, session: str) -> Iterator[Terminal]:
    with Terminal(database, "chat", "-s", session, rows=60) as terminal:
        yield terminal


def test_compact_shows_what_it_does_and_what_came_of_it(chat: Terminal, server: ScriptedServer) -> None:
    go = threading.Event()
    server.will(Wait(go), *whole(SUMMARY))
    chat.say("/compact")
    chat.expect("summarising")
    go.set()
    chat.expect("Older messages are summarised")
    chat.expect("/checkpoint revert 1 undoes it.")
    chat.say("/checkpoint")
    chat.expect("● ")
    chat.expect("They spoke of words")
    chat.say("/checkpoint revert 1")
    chat.expect("its messages are sent again")


def test_ctrl_c_gives_a_compact_up_and_changes_nothing(
    chat: Terminal, server: ScriptedServer, database: Path, session: str
) -> None:
    server.will(Wait(threading.Event()))
    chat.say("/compact")
    chat.expect("summarising")
    chat.type("\x03")
    chat.expect("› ")
    with palaver.open_store(str(database)) as store:
        assert store.list_checkpoints(session) == []


def test_a_checkpoint_after_an_answer_is_told_below_it(
    chat: Terminal, server: ScriptedServer, database: Path, session: str
) -> None:
    server.will(*whole(LONG))
    server.will(*whole(SUMMARY))
    chat.expect("› ")
    chat.type(f"\x1b[200~{LONG}\x1b[201~")
    chat.expect("another one.")
    chat.type("\r")
    chat.expect("Older messages are summarised")
    chat.expect("› ")
    with palaver.open_store(str(database)) as store:
        assert len(store.list_checkpoints(session)) == 1


def test_killed_while_a_checkpoint_is_made_everything_is_as_before(
    chat: Terminal, server: ScriptedServer, database: Path, session: str
) -> None:
    server.will(Wait(threading.Event()))
    chat.say("/compact")
    chat.expect("summarising")
    chat.process.send_signal(signal.SIGKILL)
    chat.process.wait()
    server.scripts.clear()
    server.will(*whole("Here I am."))
    with Terminal(database, "chat", "-s", session, rows=60) as again:
        again.say("are you there?")
        again.expect("Here I am.")
    with palaver.open_store(str(database)) as store:
        assert (store.list_checkpoints(session), store.verify().problems) == ([], [])


def test_the_line_below_says_how_full_the_window_is_and_what_is_attached(
    database: Path, session: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("Tuesday at noon.", "utf-8")
    with Terminal(database, "chat", "-s", session, rows=60, located=True) as chat:
        chat.expect("2.2k of 3.5k tokens · scripted")
        chat.type(f"/attach {tmp_path / 'notes.txt'}\r")
        chat.expect("They go with your next question")
        chat.expect("· 1 file attached")


@pytest.mark.parametrize("columns", [40, 80])
def test_what_commands_show_keeps_to_the_terminal(database: Path, session: str, columns: int) -> None:
    with Terminal(database, "chat", "-s", session, rows=60, columns=columns) as terminal:
        for line, seen in (
            ("/snapshot create a name that is longer than most", "is taken."),
            ("/snapshot list", "manual, "),
            ("/sessions", "now"),
            ("/context", "emergency"),
        ):
            terminal.say(line)
            shown = [row for row in terminal.expect(seen).split("\n") if "› " not in row]
            assert max(map(len, shown)) <= columns


def test_a_file_goes_with_the_next_question_alone(
    chat: Terminal, server: ScriptedServer, tmp_path: Path
) -> None:
    server.will(*whole("Here I am."))
    (tmp_path / "notes.txt").write_text("Tuesday at noon.", "utf-8")
    chat.say(f"/attach {tmp_path / 'notes.txt'}")
    chat.expect("They go with your next question")
    for question in ("when?", "where?"):
        chat.say(question)
        chat.expect("Here I am.")
    first, second = (request["messages"][-1]["content"] for request in server.requests[-2:])
    assert "Tuesday at noon." in str(first)
    assert second == "where?"


def test_edit_offers_the_question_and_branch_leads_back(chat: Terminal, server: ScriptedServer) -> None:
    server.will(*whole("One."))
    server.will(*whole("Two."))
    chat.say("say one")
    chat.expect("One.")
    chat.say("/edit")
    chat.expect("› say one")
    chat.type("\x7f\x7f\x7ftwo\r")
    chat.expect("Two.")
    chat.say("/branch")
    chat.expect("▶ 2  user: say two")
    chat.say("/branch 1")
    chat.expect("Version 1 of 2")
    assert server.requests[-1]["messages"][-1]["content"] == "say two"


def test_an_answer_of_nothing_says_so(chat: Terminal, server: ScriptedServer) -> None:
    server.will(*whole())
    chat.say("are you there?")
    chat.expect("The model answered nothing.")


def test_switching_shows_what_was_said_last_and_that_it_was_interrupted(
    chat: Terminal, server: ScriptedServer, database: Path, session: str
) -> None:
    server.will(text("I begin and "), Wait(threading.Event()))
    chat.say("tell me")
    chat.expect("I begin and")
    chat.process.send_signal(signal.SIGKILL)
    chat.process.wait()
    with Terminal(database, "chat", rows=60) as again:
        again.expect("was interrupted:")
        again.say(f"/switch {session[-8:]}")
        again.expect("The last answer was interrupted; /retry asks again.")


def test_in_a_pipe_a_rollover_asks_nothing_and_names_no_command(
    server: ScriptedServer, database: Path, session: str
) -> None:
    with palaver.open_store(str(database)) as store:
        for _ in range(2):
            store.append(session, palaver.user(LONG), palaver.assistant(LONG))
    server.will(*whole(SUMMARY))
    server.will(*whole("Here I am."))
    ran = call(database, "chat", "-s", session, input=LONG.encode())
    assert (ran.returncode, ran.stdout) == (0, b"Here I am.\n")
    assert ran.stderr.count(b"The window is full") == 1
    assert b"/snapshot" not in ran.stderr
