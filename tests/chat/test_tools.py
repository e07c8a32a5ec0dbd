"""Turns whose tools are those of a real MCP server."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import palaver
from palaver import Message, Session, SessionManager, Store, ToolCall, ToolResult
from palaver.chat.events import ContextWarning, InputRequired, ToolReturned
from palaver.chat.rounds import MAX_ROUNDS
from palaver.context.prompt import INTERRUPTED
from palaver.settings import Allow, ToolServerSettings
from palaver.tools.mcp import McpToolbox
from tests.chat.conftest import MakeEngine
from tests.chat.processes import Process
from tests.chat.reading import failed, tags, until
from tests.cli import processes
from tests.support.scripted import DONE, ScriptedServer, Step, Wait, delta, finish, text, whole
from tests.tools.conftest import SERVERS, MakeBox, is_alive, make_box, plain

__all__ = ["make_box"]


def calling(name: str, /, id: str = "c1", say: str = "", **args: Any) -> tuple[Step, ...]:
    """The steps of an answer that calls a tool."""
    function = {"name": f"plain__{name}", "arguments": json.dumps(args)}
    said = (text(say),) if say else ()
    pieces = [{"index": 0, "id": id, "function": function}]
    return (*said, delta(tool_calls=pieces), finish("tool_calls"), DONE)


@pytest.fixture
def box(make_box: MakeBox) -> McpToolbox:
    """A toolbox whose calls are asked about."""
    return make_box(plain(timeout=120.0))


@pytest.fixture
def free(make_box: MakeBox) -> McpToolbox:
    """A toolbox whose calls are always allowed."""
    return make_box(plain(timeout=120.0, allow="always"))


def results(store: Store, session: Session) -> Iterator[tuple[Message, ToolResult]]:
    for message in store.messages(session.id):
        for part in message.parts:
            if isinstance(part, ToolResult):
                yield message, part


def test_a_call_is_asked_about_done_recorded_and_the_model_goes_on(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer, box: McpToolbox
) -> None:
    server.will(*calling("add", say="Let me add.", a=1, b=2))
    server.will(*calling("look_up", id="c2", word="three"))
    server.will(*whole("It is three."))
    turn = make_engine(store, toolbox=box, asks=True).start_turn(session.id, "1 + 2?")
    seen = []
    for event in turn.events():
        seen.append(event)
        if isinstance(event, InputRequired):
            assert event.call is not None
            turn.answer(event.request_id, "once")
    assert turn.wait(60).text == "It is three."
    one_call = ["tool_call", "input_required", "input_answered", "tool_result"]
    assert [tag for tag in tags(seen) if tag != "title_changed"] == [
        *("turn_started", "text_delta"),
        *one_call,
        *one_call,
        *("text_delta", "turn_finished"),
    ]
    (first, added), (second, found) = results(store, session)
    assert added == ToolResult("c1", "plain__add", "3")
    assert found == ToolResult("c2", "plain__look_up", {"word": "three", "found": [1, 2.5, None, True]})
    for message in (first, second):
        assert message.metadata["allowedBy"] == "person"
        assert message.metadata["durationMs"] >= 0
    calls = [part for m in store.messages(session.id) for part in m.parts if isinstance(part, ToolCall)]
    assert calls[0] == ToolCall("c1", "plain__add", {"a": 1, "b": 2})
    told = {tool["function"]["name"]: tool["function"] for tool in server.requests[0]["tools"]}
    assert told["plain__echo"]["description"] == "Say it again."
    assert [m["role"] for m in server.requests[2]["messages"]] == ["user", *("assistant", "tool") * 2]
    assert store.search("three").items
    assert store.verify().problems == []


def test_a_model_that_calls_without_end_is_stopped_and_says_so(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer, free: McpToolbox
) -> None:
    server.will(*calling("echo", text="again"))
    events = list(make_engine(store, toolbox=free).start_turn(session.id, "?").events())
    assert f"called tools {MAX_ROUNDS} times" in failed(events).error
    assert len([event for event in events if isinstance(event, ToolReturned)]) == MAX_ROUNDS - 1


@pytest.mark.parametrize(
    ("tool", "args", "said"),
    [
        ("refuse", {}, "Error executing tool refuse"),
        ("echo", {}, "Field required"),
        ("die", {"code": 3}, "has ended (exit code 3) before it answered. It said: I was told to die"),
        ("no_such", {}, "There is no tool"),
    ],
)
def test_a_tool_that_fails_is_recorded_as_failed_and_the_model_hears_why(
    make_engine: MakeEngine,
    store: Store,
    session: Session,
    server: ScriptedServer,
    free: McpToolbox,
    *,
    tool: str,
    args: dict[str, Any],
    said: str,
) -> None:
    server.will(*calling(tool, **args))
    server.will(*calling("echo", id="c2", text="the next one works"))
    server.will(*whole("done"))
    assert make_engine(store, toolbox=free).start_turn(session.id, "?").wait(60).status == "complete"
    (_, bad), (_, good) = results(store, session)
    assert bad.is_error
    assert said in bad.llm_content
    assert said in server.requests[1]["messages"][-1]["content"]
    assert (good.is_error, good.llm_content) == (False, "the next one works")


def test_a_call_belongs_to_the_session_it_began_in_whatever_is_shown_meanwhile(
    make_engine: MakeEngine, store: Store, server: ScriptedServer, free: McpToolbox, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    server.will(*calling("wait", seconds=1.0, mark=str(mark)))
    server.will(*whole("waited for it"))
    server.will(*whole("meanwhile"))
    manager = SessionManager(store, "scripted")
    began_in = manager.current_session
    engine = make_engine(store, toolbox=free)
    turn = engine.start_turn(began_in.id, "?")
    until((tmp_path / "mark.begun").exists, 60)
    elsewhere = manager.create_session()
    assert turn.wait(60).text == "waited for it"
    assert engine.start_turn(elsewhere.id, "and here?").wait(60).text == "meanwhile"
    assert [part.llm_content for _, part in results(store, began_in)] == ["waited"]
    assert not list(results(store, elsewhere))
    manager.close()


def test_a_stop_ends_the_call_and_the_server_hears_of_it(
    make_engine: MakeEngine,
    store: Store,
    session: Session,
    server: ScriptedServer,
    free: McpToolbox,
    *,
    tmp_path: Path,
) -> None:
    mark = tmp_path / "mark"
    server.will(*calling("wait", seconds=600.0, mark=str(mark)))
    server.will(*whole("and on"))
    engine = make_engine(store, toolbox=free)
    turn = engine.start_turn(session.id, "?")
    until((tmp_path / "mark.begun").exists, 60)
    turn.stop()
    assert turn.wait(60).status == "cancelled"
    until(mark.exists, 60)
    assert engine.start_turn(session.id, "go on").wait(60).text == "and on"
    assert INTERRUPTED in [m.get("content") for m in server.requests[-1]["messages"]]


def test_a_server_that_does_not_start_is_named_and_the_turn_goes_on_without_it(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer, make_box: MakeBox
) -> None:
    server.will(*whole("no tools, no matter"))
    missing = ToolServerSettings(name="missing", command="no-such-program")
    box = make_box(missing, plain(allow="always"))
    events = list(make_engine(store, toolbox=box).start_turn(session.id, "?").events())
    [warning] = [event for event in events if isinstance(event, ContextWarning)]
    assert "missing" in warning.text
    assert "no-such-program" in warning.text
    assert {tool["function"]["name"][:7] for tool in server.requests[0]["tools"]} == {"plain__"}


CALL = """
import os, sys
import palaver
from palaver.chat.engine import Engine
from palaver.providers.openai import OpenAIProvider
from palaver.settings import ToolServerSettings
from palaver.tools.mcp import McpToolbox

database, address, session_id, program = sys.argv[1:]
store = palaver.open_store(database)
plain = ToolServerSettings(name="plain", command=sys.executable, args=(program,), allow="always")
box = McpToolbox([plain], environment=dict(os.environ), patience=60.0)
turn = Engine(store, [OpenAIProvider("scripted", address)], toolbox=box).start_turn(session_id, "?")
turn.wait()
"""


def test_killed_between_call_and_result_the_next_prompt_says_that_it_was_interrupted(
    make_engine: MakeEngine,
    store: Store,
    session: Session,
    server: ScriptedServer,
    database_url: str,
    *,
    tmp_path: Path,
) -> None:
    server.will(*calling("process"))
    server.will(*calling("wait", id="c2", seconds=600.0, mark=str(tmp_path / "mark")))
    server.will(*whole("I see."))
    with Process(CALL, database_url, server.address, session.id, SERVERS / "plain.py") as other:
        until((tmp_path / "mark.begun").exists, 60)
        other.kill()
    [(_, done)] = results(store, session)
    until(lambda: not is_alive(done.llm_content["pid"]), 30)
    engine = make_engine()
    until(lambda: engine.start_turn(session.id, "What happened?").wait(60).text == "I see.")
    prompt = server.requests[-1]["messages"]
    assert [m["role"] for m in prompt] == ["user", *("assistant", "tool") * 2, "user"]
    assert [m["tool_call_id"] for m in prompt if m["role"] == "tool"] == ["c1", "c2"]
    assert prompt[4]["content"] == INTERRUPTED
    assert store.verify().problems == []


@pytest.mark.parametrize(
    ("allow", "content", "by"),
    [
        ("ask", "The call was refused: there is nobody here who could allow it.", ("refusedBy", "nobody")),
        ("always", "piped", ("allowedBy", "settings")),
    ],
)
def test_in_a_pipe_a_call_is_refused_unless_the_settings_allow_it(
    server: ScriptedServer, tmp_path: Path, *, allow: Allow, content: str, by: tuple[str, str]
) -> None:
    server.will(*calling("echo", text="piped"))
    server.will(*whole("Very well."))
    config = tmp_path / "config.toml"
    config.write_text(
        f'[[provider]]\nname = "scripted"\naddress = "{server.address}"\nmodel = "scripted"\n'
        f'[[tool_server]]\nname = "plain"\nallow = "{allow}"\n'
        f"command = {json.dumps(sys.executable)}\nargs = [{json.dumps(str(SERVERS / 'plain.py'))}]\n"
    )
    database = tmp_path / "palaver.db"
    done = processes.call(database, "chat", "Say it.", PALAVER_CONFIG=str(config))
    assert (done.returncode, done.stdout) == (0, b"Very well.\n")
    assert b"plain__echo" in done.stderr
    with closing(palaver.open_store(str(database))) as store:
        [session] = store.list_sessions().items
        [(message, result)] = results(store, session)
    assert (result.llm_content, result.is_error) == (content, allow == "ask")
    assert message.metadata[by[0]] == by[1]
    assert server.requests[1]["messages"][-1]["content"] == content


def test_who_stops_waiting_for_a_person_has_called_nothing(
    make_engine: MakeEngine,
    store: Store,
    session: Session,
    server: ScriptedServer,
    box: McpToolbox,
    *,
    tmp_path: Path,
) -> None:
    server.will(*calling("wait", seconds=0.0, mark=str(tmp_path / "mark")))
    server.will(Wait(threading.Event()))
    turn = make_engine(store, toolbox=box, asks=True).start_turn(session.id, "?")
    next(event for event in turn.events() if isinstance(event, InputRequired))
    turn.stop()
    assert turn.wait(60).status == "cancelled"
    assert not (tmp_path / "mark.begun").exists()
