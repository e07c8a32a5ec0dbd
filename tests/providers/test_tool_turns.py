"""Turns with tools and attached files over each protocol: what fails in a later round leaves the earlier ones whole."""

import base64
import json
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest

import palaver
from palaver import File, Message, Store, ToolResult
from palaver.chat.engine import Engine
from palaver.chat.events import TurnFailed, TurnFinished
from palaver.chat.turn import Turn
from palaver.errors import Invalid
from palaver.providers.transport import Timeouts
from tests.chat.tools import Toolkit, add
from tests.providers.dialects import DIALECTS, Dialect
from tests.support import images
from tests.support.scripted import Drop, ScriptedServer, Wait

SECONDS = 20
"""More than any of these turns takes: one that is still running then hangs."""
PNG = images.png(40, 30)
DATA = base64.b64encode(PNG).decode()
CALL = ("c1", "add", '{"a": 1, "b": 2}')


class Talk(msgspec.Struct, frozen=True):
    """A session whose model is the scripted server, with a tool."""

    engine: Engine
    store: Store
    session_id: str
    tools: Toolkit
    server: ScriptedServer
    dialect: Dialect

    def ask(self, *files: File) -> TurnFinished | TurnFailed:
        return end_of(self.engine.start_turn(self.session_id, palaver.user("a question", parts=files)))

    def attach(self) -> tuple[File, File]:
        return (
            self.store.put_file(PNG, name="view.png"),
            self.store.put_file("größe,1\n".encode(), name="sizes.csv"),
        )

    def branch(self) -> list[Message]:
        return list(self.store.messages(self.session_id))

    def asked(self) -> list[str]:
        """What the model was asked, each time."""
        paths = zip(self.server.paths, self.server.requests, strict=True)
        return [json.dumps(body, ensure_ascii=False) for path, body in paths if path != "/api/show"]


def end_of(turn: Turn) -> TurnFinished | TurnFailed:
    turn.wait(SECONDS)
    *_, end = turn.events()
    assert isinstance(end, TurnFinished | TurnFailed)
    return end


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def talk(request: pytest.FixtureRequest, server: ScriptedServer, store: Store) -> Iterator[Talk]:
    dialect: Dialect = request.param
    server.replies["/api/show"] = {"capabilities": ["completion", "tools", "vision"]}
    provider = dialect.provider("scripted", server.address, timeouts=Timeouts(connect=2, stall=0.3))
    tools = Toolkit(add=add)
    engine = Engine(store, [provider], toolbox=tools)
    session = store.create_session(model="scripted", provider="scripted", context_size=9000)
    yield Talk(engine, store, session.id, tools, server, dialect)
    engine.close()


def refuse(talk: Talk, status: int) -> None:
    body = b'{"error": {"type": "x", "message": "not now"}}'
    talk.server.will(body, status=status, Retry_After="7", Content_Type="application/json")


FAULTS: dict[str, tuple[Callable[[Talk], None], str]] = {
    "dropped": (
        lambda talk: talk.dialect.will(talk.server, talk.dialect.text("half"), Drop()),
        "interrupted",
    ),
    "dropped at once": (lambda talk: talk.dialect.will(talk.server, Drop()), "interrupted"),
    "silent": (
        lambda talk: talk.dialect.will(talk.server, talk.dialect.text("half"), Wait(threading.Event())),
        "interrupted",
    ),
    "429": (lambda talk: refuse(talk, 429), "error"),
    "500": (lambda talk: refuse(talk, 500), "error"),
    "malformed": (
        lambda talk: talk.dialect.will(
            talk.server, talk.dialect.text("half"), talk.dialect.wrapped('{"cut": ')
        ),
        "error",
    ),
    "error event": (
        lambda talk: talk.dialect.will(talk.server, talk.dialect.text("half"), talk.dialect.error),
        "error",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_second_round_keeps_the_first_and_a_retry_goes_on_from_there(
    talk: Talk, fault: str
) -> None:
    inflict, status = FAULTS[fault]
    talk.dialect.will(talk.server, *talk.dialect.call(*CALL))
    inflict(talk)
    end = talk.ask(*talk.attach())
    assert isinstance(end, TurnFailed)
    assert (end.message.status, end.retryable) == (status, True)
    assert end.retry_after == (7 if fault in ("429", "500") else None)
    question, called, result, failed = talk.branch()
    assert [message.status for message in (question, called, result)] == ["complete"] * 3
    assert [part.llm_content for part in result.parts if isinstance(part, ToolResult)] == ["3"]
    assert failed.id == end.message.id

    talk.dialect.will(talk.server, *talk.dialect.whole("all ", "well"))
    talk.server.next_script()
    again = end_of(talk.engine.retry(failed.id))
    assert isinstance(again, TurnFinished)
    assert again.message.text == "all well"
    assert [message.id for message in talk.branch()][:3] == [question.id, called.id, result.id]
    assert talk.tools.calls == [("add", {"a": 1, "b": 2})]
    assert all(DATA in asked and "größe,1" in asked for asked in talk.asked())


def test_an_answer_cut_at_the_limit_behind_a_result_says_so(talk: Talk) -> None:
    talk.dialect.will(talk.server, *talk.dialect.call(*CALL))
    talk.dialect.will(talk.server, talk.dialect.text("as long as"), *talk.dialect.end(talk.dialect.limit))
    end = talk.ask()
    assert isinstance(end, TurnFinished)
    assert (end.message.status, end.finish_reason, end.message.text) == ("complete", "length", "as long as")
    assert len(talk.branch()) == 4


@pytest.mark.parametrize("given", ['{"a": ', "[1, 2]", '"three"', "NaN"])
def test_arguments_that_no_tool_takes_are_a_call_that_failed_and_the_model_hears_of_it(
    talk: Talk, given: str
) -> None:
    talk.dialect.will(talk.server, *talk.dialect.call("c1", "add", given))
    talk.dialect.will(talk.server, *talk.dialect.whole("I am sorry."))
    end = talk.ask()
    assert isinstance(end, TurnFinished)
    assert end.message.text == "I am sorry."
    _, _, result, _ = talk.branch()
    [part] = result.parts
    assert isinstance(part, ToolResult)
    assert part.is_error


def test_a_model_that_takes_no_images_says_so_before_anything_is_recorded_or_asked(
    talk: Talk,
) -> None:
    blind = {"id": "scripted", "architecture": {"input_modalities": ["text"]}}
    talk.server.models = {"data": [blind]}
    talk.server.replies["/api/show"] = {"capabilities": ["completion"]}
    with pytest.raises(Invalid, match=r"scripted takes no images, so view\.png cannot be sent"):
        talk.ask(*talk.attach())
    assert talk.branch() == []
    assert talk.asked() == []
