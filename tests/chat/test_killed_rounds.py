"""A process that is killed anywhere in a round of tools leaves a session that goes on."""

import random
import time
from typing import Any

import palaver
from palaver import Message, Store, ToolResult
from palaver.chat.engine import Engine
from palaver.providers.base import Provider
from tests.chat.calling_for_ever import call_for_ever
from tests.chat.tools import Toolkit, calling
from tests.conftest import Tried
from tests.support.killing import Child
from tests.support.scripted import ScriptedServer, whole

KILLS = 15


def test_a_process_killed_in_a_round_loses_nothing_it_had_shown_and_the_session_goes_on(
    database_url: str, server: ScriptedServer, provider: Provider, tried: Tried
) -> None:
    with palaver.open_store(database_url) as store:
        session_id = store.create_session(model="scripted", context_size=1_000_000).id
    dice = random.Random(7)
    for _ in range(KILLS):
        server.scripts.clear()
        for _ in range(20):
            server.will(*calling(("c1", "first", {}), ("c2", "second", {}), say="Calling."))
            server.will(*whole("Both came back."))
        with Child(call_for_ever, database_url, server.address, session_id) as child:
            child.wait_for_report(dice.randrange(1, 9))
            time.sleep(dice.random() * 0.02)
            reported = child.kill()
        with palaver.open_store(database_url) as store:
            assert store.verify().problems == []
            check(list(store.messages(session_id)), reported)
            server.scripts.clear()
            server.will(*whole("Going on."))
            go_on(store, provider, session_id)
        sent = server.requests[-1]["messages"]
        assert_every_call_has_its_result(sent)
        told = {message["content"] for message in sent if message["role"] == "tool"}
        assert {f"result of {line[7:]}" for line in reported if line.startswith("second ")} <= told
    tried(f"a process killed {KILLS} times between and within rounds of tools: nothing it had shown was lost")


def check(messages: list[Message], reported: list[str]) -> None:
    """What a process had told is there: questions, results before the next call was made, whole turns."""
    for line in reported:
        what, question = line.split(" ", 1)
        [at] = [n for n, m in reversed(list(enumerate(messages))) if m.text == question][:1]
        results = _results(messages[at:])
        if what == "second":
            assert f"result of {question}" in results
        if what == "answered":
            assert results[:2] == [f"result of {question}", "and another"]
            assert messages[at + 4].text == "Both came back."


def _results(messages: list[Message]) -> list[Any]:
    """What tools gave back, as messages or within an answer that broke off."""
    return [part.llm_content for m in messages for part in m.parts if isinstance(part, ToolResult)]


def go_on(store: Store, provider: Provider, session_id: str) -> None:
    engine = Engine(store, [provider], toolbox=Toolkit())
    answer = engine.start_turn(session_id, "go on").wait(10)
    assert (answer.status, answer.text) == ("complete", "Going on.")
    engine.close()


def assert_every_call_has_its_result(sent: list[dict[str, Any]]) -> None:
    waiting: list[str] = []
    for message in sent:
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
        else:
            assert waiting == []
            waiting = [call["id"] for call in message.get("tool_calls", ())]
    assert waiting == []
