"""What a chat on a terminal asks of the person: whether a tool may be used, and how to go on when the window is full."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import palaver
from tests.chat.tools import calling
from tests.cli.processes import call
from tests.cli.terminal import Terminal
from tests.support import scripted
from tests.support.scripted import ScriptedServer, whole

SERVER = Path(__file__).parents[1] / "tools" / "servers" / "plain.py"
ECHO = ("c1", "plain__echo", {"text": "hello there"})
ADD = ("c2", "plain__add", {"a": 1, "b": 2})
OFFER = "[o] once  [s] in this session  [a] always  [n] no (Enter)"
LONG = "A word and another one. " * 120
"""About 720 tokens."""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted.serve() as server:
        yield server


@pytest.fixture(autouse=True)
def config(home: Path, server: ScriptedServer) -> None:
    """A model, and a server of tools that are asked about."""
    folder = home / "palaver"
    folder.mkdir()
    tools = f"command = {json.dumps(sys.executable)}\nargs = [{json.dumps(str(SERVER))}]\n"
    (folder / "config.toml").write_text(
        'model = "s/scripted"\nmodel_title = false\n'
        f'[[provider]]\nname = "s"\naddress = "{server.address}/v1"\n'
        f'[[tool_server]]\nname = "plain"\n{tools}',
        "utf-8",
    )


@pytest.fixture
def terminal(database: Path) -> Iterator[Terminal]:
    with Terminal(database, "chat", rows=40) as terminal:
        terminal.say("/tools")
        terminal.expect("plain__echo         you are asked")
        yield terminal


def results(database: Path) -> list[palaver.Message]:
    """What came back from tools in the newest session."""
    with palaver.open_store(str(database)) as store:
        [session] = store.list_sessions(limit=1).items
        return [message for message in store.messages(session.id) if message.role == "tool"]


@pytest.mark.parametrize("key", ["o", "y", "s", "a", "s\r"])
def test_a_call_that_is_allowed_is_made(
    terminal: Terminal, server: ScriptedServer, database: Path, key: str
) -> None:
    server.will(*calling(ECHO))
    server.will(*whole("It said hello."))
    terminal.say("say hello")
    terminal.expect("scripted wants to call echo of plain.")
    terminal.expect('{"text":"hello there"}')
    terminal.expect(OFFER)
    terminal.type(key)
    terminal.expect('✓ plain__echo {"text":"hello there"} · ')
    terminal.expect("It said hello.")
    [result] = results(database)
    assert (result.status, result.metadata["allowedBy"]) == ("complete", "person")


@pytest.mark.parametrize("key", ["n", "\r", "\x1b", "n\r"])
def test_a_call_that_is_not_allowed_is_not_made(
    terminal: Terminal, server: ScriptedServer, database: Path, key: str
) -> None:
    server.will(*calling(ECHO))
    server.will(*whole("Then not."))
    terminal.say("say hello")
    terminal.expect(OFFER)
    terminal.type(key)
    terminal.expect('✗ plain__echo {"text":"hello there"} · not allowed')
    terminal.expect("Then not.")
    [result] = results(database)
    assert result.metadata["refusedBy"] == "person"


def test_what_is_allowed_for_the_session_is_not_asked_again(
    terminal: Terminal, server: ScriptedServer
) -> None:
    server.will(*calling(ECHO))
    server.will(*calling(ECHO, ADD))
    server.will(*whole("Done."))
    terminal.say("say hello")
    terminal.expect(OFFER)
    terminal.type("s")
    terminal.expect("allowed in this session")
    assert terminal.expect("scripted wants to call").count("✓ plain__echo") == 2
    terminal.expect("add of plain.")
    terminal.expect(OFFER)
    terminal.type("n")
    terminal.expect("Done.")


def test_ctrl_c_at_a_question_stops_the_turn_and_the_chat_goes_on(
    terminal: Terminal, server: ScriptedServer, database: Path
) -> None:
    server.will(*calling(ECHO))
    server.will(*whole("Here I am."))
    terminal.say("say hello")
    terminal.expect(OFFER)
    terminal.type("\x03")
    terminal.expect("Stopped; what came is kept.")
    terminal.say("are you there?")
    terminal.expect("Here I am.")
    assert results(database) == []


@pytest.mark.parametrize(
    "typed",
    ["so what now", "\x1b[200~so what\nnow\x1b[201~", "yes\ryes\ryes\r", "\x1b[A\x1b[Bno", "aooo"],
    ids=["words", "paste", "lines", "arrows", "letters"],
)
def test_who_types_on_does_not_answer_a_question(
    terminal: Terminal, server: ScriptedServer, database: Path, typed: str
) -> None:
    server.will(*calling(ECHO))
    server.will(*whole("Then not."))
    terminal.say("say hello")
    terminal.expect(OFFER)
    terminal.type(typed)
    terminal.expect("kept for afterwards: ")
    terminal.type("n")
    terminal.expect("not allowed")
    terminal.expect("Then not.")
    [result] = results(database)
    assert result.metadata["refusedBy"] == "person"


def test_what_was_typed_at_a_question_stands_in_the_next_prompt(
    terminal: Terminal, server: ScriptedServer, database: Path
) -> None:
    server.will(*calling(ECHO))
    server.will(*whole("Then not."))
    terminal.say("say hello")
    terminal.expect(OFFER)
    terminal.type("\x1b[200~one\ntwo\x1b[201~")
    terminal.expect("kept for afterwards: one two")
    terminal.type("\r")
    terminal.expect("Then not.")
    terminal.expect("› ")
    terminal.type(" three\r")
    terminal.expect("Then not.")
    assert server.requests[-1]["messages"][-1] == {"role": "user", "content": "one\ntwo three"}


def test_a_paste_during_an_answer_stays_one_piece(terminal: Terminal, server: ScriptedServer) -> None:
    server.will(*whole("Here I am."))
    terminal.say("say hello")
    terminal.expect("Here I am.")
    before = terminal.raw[: terminal.raw.index(b"Here")]
    assert before.rindex(b"\x1b[?2004h") > before.rindex(b"\x1b[?2004l")


def test_in_a_pipe_nothing_is_asked_and_the_answer_stands_alone(
    server: ScriptedServer, database: Path
) -> None:
    server.will(*calling(ECHO))
    server.will(*whole("Then not."))
    ran = call(database, "chat", "say hello")
    assert ran.returncode == 0
    assert ran.stdout == b"Then not.\n"
    assert b"plain__echo" in ran.stderr
    [result] = results(database)
    assert result.metadata["refusedBy"] == "nobody"


@pytest.fixture
def full(database: Path, server: ScriptedServer) -> Iterator[Terminal]:
    """A session whose next question does not fit."""
    server.models = {"data": [{"id": "scripted", "max_model_len": 4096}]}
    with palaver.open_store(str(database)) as store:
        session = store.create_session(model="scripted", provider="s", title="Full", context_size=4096)
        for _ in range(4):
            store.append(session.id, palaver.user(LONG), palaver.assistant("Yes."))
    server.will(*whole("They spoke of words and of others, four times in all."))
    server.will(*whole("Here I am."))
    with Terminal(database, "chat", "-c", rows=60) as terminal:
        terminal.expect("› ")
        terminal.type(f"\x1b[200~{LONG}\x1b[201~")
        terminal.expect("another one.")
        terminal.type("\r")
        yield terminal


ROLLOVER = "[c] go on here (Enter)  [n] new session  [l] larger window  [h] history"


def test_when_the_window_is_full_it_is_said_once_and_asked(full: Terminal, database: Path) -> None:
    said = full.expect(ROLLOVER)
    assert said.count("The window is full") == 1
    assert "are summarised" not in said
    assert "/snapshot restore" in said
    full.type("\r")
    full.expect("going on here")
    full.expect("Here I am.")


def test_a_larger_window_brings_everything_back(full: Terminal, database: Path) -> None:
    full.expect(ROLLOVER)
    full.type("l")
    full.expect("going on with a larger window")
    full.expect("Here I am.")
    with palaver.open_store(str(database)) as store:
        [session] = store.list_sessions(limit=1).items
        assert session.context_size == 8192
        assert store.list_checkpoints(session.id) == []


def test_a_new_session_gets_the_question(full: Terminal, database: Path) -> None:
    full.expect(ROLLOVER)
    full.type("n")
    full.expect("going on in a new session")
    full.expect("Here I am.")
    with palaver.open_store(str(database)) as store:
        new, old = store.list_sessions(limit=2).items
        assert (new.parent_id, new.relation) == (old.id, "rollover")
        assert [m.text for m in store.messages(new.id) if m.role == "user"] == [LONG.strip()]


def test_the_history_is_shown_and_asked_again(full: Terminal) -> None:
    full.expect(ROLLOVER)
    full.type("h")
    full.expect("shows all of it.")
    full.expect(ROLLOVER)
    full.type("c")
    full.expect("Here I am.")
