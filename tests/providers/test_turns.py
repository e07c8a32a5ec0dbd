"""A turn over each protocol: whatever the server does, it ends, says how, and asking again works."""

import threading
from collections.abc import Iterator

import msgspec
import pytest

from palaver import Store
from palaver.chat.engine import Engine
from palaver.chat.events import TurnFailed, TurnFinished
from palaver.chat.turn import Turn
from palaver.providers.transport import Timeouts
from tests.providers.dialects import DIALECTS, Dialect
from tests.support.scripted import Drop, ScriptedServer, Wait

SECONDS = 20
"""More than any of these turns takes: one that is still running then hangs."""


class Talk(msgspec.Struct, frozen=True):
    """A session whose model is the scripted server."""

    engine: Engine
    store: Store
    session_id: str

    def ask(self) -> TurnFinished | TurnFailed:
        return end_of(self.engine.start_turn(self.session_id, "a question"))


def end_of(turn: Turn) -> TurnFinished | TurnFailed:
    turn.wait(SECONDS)
    *_, end = turn.events()
    assert isinstance(end, TurnFinished | TurnFailed)
    return end


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    chosen: Dialect = request.param
    return chosen


@pytest.fixture
def talk(server: ScriptedServer, dialect: Dialect, store: Store) -> Iterator[Talk]:
    provider = dialect.provider("scripted", server.address, timeouts=Timeouts(connect=2, stall=0.3))
    engine = Engine(store, [provider])
    session = store.create_session(model="scripted", provider="scripted", context_size=3000)
    yield Talk(engine, store, session.id)
    engine.close()


def assert_a_retry_works(talk: Talk, server: ScriptedServer, dialect: Dialect, answer_id: str) -> None:
    dialect.will(server, *dialect.whole("all ", "well"))
    server.next_script()
    end = end_of(talk.engine.retry(answer_id))
    assert isinstance(end, TurnFinished)
    assert (end.message.status, end.message.text) == ("complete", "all well")


def test_a_turn_is_answered_and_its_tokens_are_kept(
    talk: Talk, server: ScriptedServer, dialect: Dialect
) -> None:
    dialect.will(server, *dialect.whole("all ", "well"))
    end = talk.ask()
    assert isinstance(end, TurnFinished)
    assert (end.message.text, end.finish_reason) == ("all well", "stop")


@pytest.mark.parametrize("fault", ["dropped", "silent"])
def test_a_lost_connection_leaves_what_came_as_interrupted(
    talk: Talk, server: ScriptedServer, dialect: Dialect, fault: str
) -> None:
    dialect.will(server, dialect.text("half"), Drop() if fault == "dropped" else Wait(threading.Event()))
    end = talk.ask()
    assert isinstance(end, TurnFailed)
    assert (end.message.status, end.message.text, end.retryable) == ("interrupted", "half", True)
    assert_a_retry_works(talk, server, dialect, end.message.id)


@pytest.mark.parametrize("status", [429, 500])
def test_a_refusal_is_an_error_that_says_when_to_ask_again(
    talk: Talk, server: ScriptedServer, dialect: Dialect, status: int
) -> None:
    server.will(
        b'{"error": {"type": "x", "message": "not now"}}',
        status=status,
        Retry_After="7",
        Content_Type="application/json",
    )
    end = talk.ask()
    assert isinstance(end, TurnFailed)
    assert (end.message.status, end.retryable, end.retry_after) == ("error", True, 7)
    assert end.error == f"scripted answered with an error ({status}): not now"
    assert_a_retry_works(talk, server, dialect, end.message.id)


def test_a_malformed_event_is_an_error_that_keeps_what_came(
    talk: Talk, server: ScriptedServer, dialect: Dialect
) -> None:
    dialect.will(server, dialect.text("half"), dialect.wrapped('{"cut": '), *dialect.whole("never"))
    end = talk.ask()
    assert isinstance(end, TurnFailed)
    assert (end.message.status, end.message.text, end.retryable) == ("error", "half", True)
    assert "not JSON" in end.error
    assert_a_retry_works(talk, server, dialect, end.message.id)


def test_an_error_in_the_stream_is_an_error_that_keeps_what_came(
    talk: Talk, server: ScriptedServer, dialect: Dialect
) -> None:
    dialect.will(server, dialect.text("half"), dialect.error)
    end = talk.ask()
    assert isinstance(end, TurnFailed)
    assert (end.message.status, end.message.text, end.retryable) == ("error", "half", True)
    assert_a_retry_works(talk, server, dialect, end.message.id)


def test_an_answer_cut_at_the_limit_says_so(talk: Talk, server: ScriptedServer, dialect: Dialect) -> None:
    dialect.will(server, dialect.text("as long as"), *dialect.end(dialect.limit))
    end = talk.ask()
    assert isinstance(end, TurnFinished)
    assert (end.message.status, end.finish_reason) == ("complete", "length")
    assert_a_retry_works(talk, server, dialect, end.message.id)


def test_a_stop_ends_a_turn_whose_server_is_silent(
    talk: Talk, server: ScriptedServer, dialect: Dialect
) -> None:
    dialect.will(server, dialect.text("half"), Wait(threading.Event()))
    turn = talk.engine.start_turn(talk.session_id, "a question")
    next(event for event in turn.events() if getattr(event, "text", "") == "half")
    turn.stop()
    assert turn.wait(SECONDS).status == "cancelled"
    assert server.gone.wait(2)
