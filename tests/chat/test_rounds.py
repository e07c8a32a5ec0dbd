"""A turn of several answers: what the model calls is done, and it goes on with what came back."""

import threading
from typing import Any

import apsw
import pytest

from palaver import Busy, Invalid, Message, NotFound, Session, Store, Text, ToolCall, ToolResult
from palaver.chat.answering import Pace
from palaver.chat.engine import Engine
from palaver.chat.events import (
    ContextWarning,
    InputRequired,
    Seen,
    ToolCalled,
    ToolReturned,
    TurnEvent,
)
from palaver.chat.rounds import MAX_ROUNDS
from palaver.chat.turn import Turn
from palaver.context.prompt import INTERRUPTED
from palaver.settings import Settings
from palaver.tools.base import Returned, Trouble
from tests.chat.conftest import MakeEngine
from tests.chat.reading import failed, finished, tags, text_of, until
from tests.chat.tools import ADD, Toolkit, add, calling, fail
from tests.conftest import OpenStore
from tests.support.scripted import Drop, ScriptedServer, Wait, text, whole

UNTITLED = Settings(model_title=False)


def shapes(store: Store, session: Session) -> list[tuple[str, str, str]]:
    """Role, status and what is in it, of the branch that is shown."""
    return [(m.role, m.status, _shape(m)) for m in store.messages(session.id)]


def _shape(message: Message) -> str:
    names = {ToolCall: "call", ToolResult: "result", Text: "text"}
    return " ".join(names[type(part)] for part in message.parts)


def test_what_a_model_calls_is_done_and_it_goes_on_with_what_came_back(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD, say="Let me add."))
    server.will(*whole("It is 3."))
    toolkit = Toolkit(add=add)
    turn = make_engine(store, toolbox=toolkit).start_turn(session.id, "1 + 2?")
    answer = turn.wait(10)
    assert (answer.text, answer.status, answer.id) == ("It is 3.", "complete", turn.answer_id)
    assert toolkit.calls == [("add", {"a": 1, "b": 2})]
    question, first, result, last = store.messages(session.id)
    assert [m.parent_id for m in (question, first, result, last)] == [None, question.id, first.id, result.id]
    assert first.parts == (Text("Let me add."), ToolCall("c1", "add", {"a": 1, "b": 2}))
    assert (result.role, result.parts) == ("tool", (ToolResult("c1", "add", "3", "a sum"),))
    assert result.metadata["allowedBy"] == "settings"
    assert result.metadata["durationMs"] >= 0
    assert last == answer
    assert [m["role"] for m in server.requests[1]["messages"]] == ["user", "assistant", "tool"]
    assert server.requests[1]["messages"][2]["content"] == "3"
    assert [tool["function"]["name"] for tool in server.requests[0]["tools"]] == ["add"]


def test_the_events_of_all_rounds_are_one_stream(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD, say="Let me add."))
    server.will(*calling(("c2", "fail", {})))
    server.will(*whole("It is 3."))
    events = list(
        make_engine(store, toolbox=Toolkit(add=add, fail=fail)).start_turn(session.id, "?").events()
    )
    round_one = ["text_delta", "tool_call", "tool_result"]
    assert tags(events) == [
        "turn_started",
        "title_changed",
        *round_one,
        "tool_call",
        "tool_result",
        "text_delta",
        "turn_finished",
    ]
    results = [one.result for one in events if isinstance(one, ToolReturned)]
    assert [(one.llm_content, one.is_error) for one in results] == [("3", False), ("it broke", True)]
    assert len({one.id for one in events}) == len(events)
    assert finished(events).message.text == "It is 3."


def test_several_calls_of_one_answer_are_done_in_order(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD, ("c2", "add", {"a": 3, "b": 4})))
    server.will(*whole("3 and 7"))
    toolkit = Toolkit(add=add)
    make_engine(store, toolbox=toolkit).start_turn(session.id, "?").wait(10)
    assert shapes(store, session) == [
        ("user", "complete", "text"),
        ("assistant", "complete", "call call"),
        ("tool", "complete", "result"),
        ("tool", "complete", "result"),
        ("assistant", "complete", "text"),
    ]
    assert [m["content"] for m in server.requests[1]["messages"][2:]] == ["3", "7"]


def test_a_tool_there_is_not_is_an_error_the_model_hears_of(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(("c1", "fly", {})))
    server.will(*whole("Sorry."))
    make_engine(store, toolbox=Toolkit(add=add)).start_turn(session.id, "?").wait(10)
    assert "no tool 'fly'" in server.requests[1]["messages"][2]["content"]


def test_a_result_with_half_a_surrogate_is_kept(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(("c1", "odd", {})))
    server.will(*whole("Odd."))
    odd = Toolkit(odd=lambda _: Returned({"a\ud800": ["\udfff", 1]}))
    assert make_engine(store, toolbox=odd).start_turn(session.id, "?").wait(10).status == "complete"
    [result] = [part for m in store.messages(session.id) for part in m.parts if isinstance(part, ToolResult)]
    assert result.llm_content == {"a\ufffd": ["\ufffd", 1]}


def test_a_model_that_calls_for_ever_is_ended_after_25_rounds(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    toolkit = Toolkit(add=add)
    events = list(make_engine(store, toolbox=toolkit).start_turn(session.id, "?").events())
    told = failed(events)
    assert len(server.requests) == MAX_ROUNDS == 25
    assert len(toolkit.calls) == MAX_ROUNDS - 1
    assert told.message.status == "error"
    assert "called tools 25 times and is not done" in told.error
    assert store.get_message(told.message.id).error == told.error
    server.will(*whole("Now I am done."))
    server.scripts.pop(0)
    assert make_engine(store, toolbox=toolkit).start_turn(session.id, "go on").wait(10).status == "complete"
    assert server.requests[-1]["messages"][-2]["content"] == INTERRUPTED


def test_a_failure_in_a_later_round_keeps_the_earlier_ones_and_is_retried_alone(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    server.will(text("It "), Drop())
    server.will(*whole("It is 3."))
    toolkit = Toolkit(add=add)
    engine = make_engine(store, toolbox=toolkit)
    turn = engine.start_turn(session.id, "1 + 2?")
    told = failed(turn.events())
    assert (told.message.status, told.message.text) == ("interrupted", "It ")
    assert shapes(store, session)[1:] == [
        ("assistant", "complete", "call"),
        ("tool", "complete", "result"),
        ("assistant", "interrupted", "text"),
    ]
    again = engine.retry(told.message.id)
    assert again.wait(10).text == "It is 3."
    assert again.id == turn.id
    assert len(toolkit.calls) == 1
    assert [m.status for m in store.list_siblings(told.message.id)] == ["interrupted", "complete"]
    assert [m["role"] for m in server.requests[2]["messages"]] == ["user", "assistant", "tool"]


def test_a_stop_while_a_tool_runs_keeps_what_came(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD, ("c2", "wait", {}), ("c3", "add", {"a": 1, "b": 1})))
    server.will(*whole("Going on."))
    begun, hold = threading.Event(), threading.Event()

    def wait(_: Any) -> Returned:
        begun.set()
        hold.wait(20)
        return Returned("too late")

    toolkit = Toolkit(add=add, wait=wait)
    engine = make_engine(store, toolbox=toolkit)
    turn = engine.start_turn(session.id, "?")
    assert begun.wait(10)
    assert engine.stop(session.id)
    answer = turn.wait(5)  # although the tool still runs
    hold.set()
    assert (answer.status, _shape(answer)) == ("cancelled", "call call call")
    assert shapes(store, session)[2:] == [("tool", "complete", "result")]
    assert [name for name, _ in toolkit.calls] == ["add", "wait"]
    assert toolkit.stopped[1] is not None
    assert toolkit.stopped[1].is_set()
    engine.start_turn(session.id, "go on").wait(10)
    sent = server.requests[1]["messages"]
    assert [m["content"] for m in sent if m["role"] == "tool"] == ["3", INTERRUPTED, INTERRUPTED]


def test_a_stop_in_a_later_answer_keeps_the_rounds_before(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    server.will(text("It is"), Wait(threading.Event()))
    engine = make_engine(store, toolbox=Toolkit(add=add))
    turn = engine.start_turn(session.id, "?")
    next(one for one in turn.events() if text_of([one]))
    assert engine.stop(session.id)
    assert (turn.wait(5).status, turn.wait(0).text) == ("cancelled", "It is")
    assert shapes(store, session)[1:] == [
        ("assistant", "complete", "call"),
        ("tool", "complete", "result"),
        ("assistant", "cancelled", "text"),
    ]


def test_a_stop_from_elsewhere_is_noticed_while_a_tool_runs(
    make_engine: MakeEngine, open_database: OpenStore, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(("c1", "wait", {})))
    begun, hold = threading.Event(), threading.Event()

    def wait(_: Any) -> Returned:
        begun.set()
        hold.wait(20)
        return Returned("too late")

    turn = make_engine(store, toolbox=Toolkit(wait=wait)).start_turn(session.id, "?")
    assert begun.wait(10)
    with pytest.raises(Busy):
        make_engine(open_database()).start_turn(session.id, "meanwhile")
    assert make_engine(open_database()).stop(session.id)
    assert turn.wait(5).status == "cancelled"
    hold.set()


def test_a_call_and_what_it_gave_back_are_on_the_disk_before_the_next_is_made(
    make_engine: MakeEngine, open_database: OpenStore, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD, ("c2", "look", {})))
    server.will(*whole("Seen."))
    other = open_database()
    seen: list[Any] = []

    def look(_: Any) -> Returned:
        *_, draft = other.messages(session.id)
        seen.append((draft.status, _shape(draft)))
        return Returned("seen")

    make_engine(store, toolbox=Toolkit(add=add, look=look)).start_turn(session.id, "?").wait(10)
    assert seen == [("streaming", "call call result")]


def test_a_tool_that_fails_in_an_unknown_way_ends_the_turn_with_the_reason(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(("c1", "crash", {})))
    crash = Toolkit(crash=lambda _: Returned(str(1 // 0)))
    told = failed(make_engine(store, toolbox=crash).start_turn(session.id, "?").events())
    assert "ZeroDivisionError" in told.error
    assert shapes(store, session)[1:] == [("assistant", "error", "call")]


def test_without_a_toolbox_a_call_ends_the_turn(
    engine: Engine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    events = list(engine.start_turn(session.id, "?").events())
    assert [one.call.name for one in events if isinstance(one, ToolCalled)] == ["add"]
    assert finished(events).finish_reason == "tool_calls"
    assert "tools" not in server.requests[0]


# What a person allows


def asked(turn: Turn) -> InputRequired:
    return next(one for one in turn.events() if isinstance(one, InputRequired))


def test_a_call_waits_until_the_person_allows_it(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    server.will(*whole("It is 3."))
    toolkit = Toolkit(allow="ask", add=add)
    engine = make_engine(store, toolbox=toolkit, asks=True, settings=UNTITLED)
    turn = engine.start_turn(session.id, "?")
    required = asked(turn)
    assert (required.kind, required.choices, required.default) == (
        "tool",
        ("once", "session", "always", "no"),
        "no",
    )
    assert required.call == ToolCall(*ADD)
    assert turn.asked == required
    assert toolkit.calls == []
    with pytest.raises(Invalid, match="no choice here"):
        turn.answer(required.request_id, "perhaps")
    with pytest.raises(NotFound):
        engine.answer(session.id, "another", "once")
    engine.answer(session.id, required.request_id, "once")
    assert turn.wait(10).text == "It is 3."
    assert turn.asked is None
    assert [m.metadata.get("allowedBy") for m in store.messages(session.id) if m.role == "tool"] == ["person"]
    with pytest.raises(NotFound):
        turn.answer(required.request_id, "once")


def allowed_by(store: Store, session: Session) -> list[str]:
    results = [m for m in store.messages(session.id) if m.role == "tool"]
    return [m.metadata.get("allowedBy", f"refused by {m.metadata.get('refusedBy')}") for m in results]


@pytest.mark.parametrize(
    ("choice", "same_session", "other_session", "other_engine"),
    [
        ("once", "asked", "asked", "asked"),
        ("session", "session", "asked", "asked"),
        ("always", "preference", "preference", "preference"),
        ("no", "asked", "asked", "asked"),
    ],
)
def test_how_far_a_choice_reaches(
    make_engine: MakeEngine,
    store: Store,
    session: Session,
    server: ScriptedServer,
    *,
    choice: str,
    same_session: str,
    other_session: str,
    other_engine: str,
) -> None:
    for _ in range(4):
        server.will(*calling(ADD))
        server.will(*whole("Done."))
    first, second = (
        make_engine(store, toolbox=Toolkit(allow="ask", add=add), asks=True, settings=UNTITLED)
        for _ in range(2)
    )
    turn = first.start_turn(session.id, "?")
    turn.answer(asked(turn).request_id, choice)
    turn.wait(10)
    elsewhere = store.create_session(model="scripted")
    found = [
        by_whom(first, store, session),
        by_whom(first, store, elsewhere),
        by_whom(second, store, session),
    ]
    assert found == [same_session, other_session, other_engine]


def by_whom(engine: Engine, store: Store, session: Session) -> str:
    """Who allowed a call: "asked" where the person was asked, who then said no."""
    turn = engine.start_turn(session.id, "again?")
    for event in turn.events():
        if isinstance(event, InputRequired):
            turn.answer(event.request_id, "no")
            turn.wait(10)
            return "asked"
    return allowed_by(store, session)[-1]


def test_a_refusal_is_what_the_model_hears_and_it_goes_on(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    server.will(*whole("Then not."))
    toolkit = Toolkit(allow="ask", add=add)
    turn = make_engine(store, toolbox=toolkit, asks=True, settings=UNTITLED).start_turn(session.id, "?")
    turn.answer(asked(turn).request_id, "no")
    assert turn.wait(10).text == "Then not."
    assert toolkit.calls == []
    assert "did not allow" in server.requests[1]["messages"][2]["content"]
    assert allowed_by(store, session) == ["refused by person"]


def test_where_nobody_can_be_asked_the_answer_is_no(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    server.will(*whole("Then not."))
    toolkit = Toolkit(allow="ask", add=add)
    events = list(make_engine(store, toolbox=toolkit).start_turn(session.id, "?").events())
    assert not any(isinstance(one, InputRequired) for one in events)
    assert toolkit.calls == []
    assert allowed_by(store, session) == ["refused by nobody"]
    assert finished(events).message.text == "Then not."


def test_what_the_settings_never_allow_is_not_offered_and_not_called(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    server.will(*whole("Then not."))
    toolkit = Toolkit(allow="never", add=add)
    make_engine(store, toolbox=toolkit, asks=True, settings=UNTITLED).start_turn(session.id, "?").wait(10)
    assert toolkit.calls == []
    assert "tools" not in server.requests[0]
    assert allowed_by(store, session) == ["refused by settings"]


def test_a_stop_ends_the_waiting_for_a_person(
    make_engine: MakeEngine, open_database: OpenStore, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    toolkit = Toolkit(allow="ask", add=add)
    turn = make_engine(store, toolbox=toolkit, asks=True, settings=UNTITLED).start_turn(session.id, "?")
    asked(turn)
    assert make_engine(open_database()).stop(session.id)
    assert turn.wait(5).status == "cancelled"
    assert toolkit.calls == []
    assert shapes(store, session)[1:] == [("assistant", "cancelled", "call")]


def test_the_draft_is_kept_while_a_person_thinks(
    make_engine: MakeEngine, database_url: str, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    server.will(*whole("It is 3."))
    toolkit = Toolkit(allow="ask", add=add)
    engine = make_engine(
        store, toolbox=toolkit, asks=True, settings=UNTITLED, pace=Pace(seconds=0.02, renew_seconds=0.05)
    )
    turn = engine.start_turn(session.id, "?")
    required = asked(turn)
    looking = apsw.Connection(database_url)

    def lease() -> Any:
        return next(iter(looking.execute("SELECT lease_until FROM draft")))[0]

    before = lease()
    until(lambda: lease() > before)
    looking.close()
    turn.answer(required.request_id, "once")
    assert turn.wait(10).status == "complete"


# What a person hears of tools


def warnings(events: list[TurnEvent]) -> list[str]:
    return [one.text for one in events if isinstance(one, ContextWarning)]


def test_a_server_whose_tools_are_missing_is_named_once(
    make_engine: MakeEngine, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*whole("x"))
    toolkit = Toolkit(add=add)
    toolkit.missing = [Trouble("files", "it did not start")]
    engine = make_engine(store, toolbox=toolkit)
    told = [warnings(list(engine.start_turn(session.id, "?").events())) for _ in range(2)]
    assert told == [["The tools of files are missing: it did not start"], []]


# Readers


def test_a_reader_goes_on_after_any_event_of_any_round(
    make_engine: MakeEngine, open_database: OpenStore, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD, ("c2", "fail", {}), say="First."))
    server.will(*calling(("c3", "add", {"a": 3, "b": 4}), say="Second."))
    server.will(*whole("Third, ", "and last."))
    turn = make_engine(store, toolbox=Toolkit(add=add, fail=fail)).start_turn(session.id, "?")
    events = list(turn.events())
    other = make_engine(open_database())
    for at, seen in enumerate(events):
        rest = events[at + 1 :]
        assert list(turn.events(seen.id)) == rest
        followed = list(other.follow(session.id, turn.id, seen.id))
        assert _told(followed) == _told(rest)
        assert [one.id for one in followed if not text_of([one])] == [
            one.id for one in rest if not text_of([one])
        ]


def _told(events: list[TurnEvent]) -> list[Any]:
    """What a reader knows of the events: texts joined, calls, results, the end."""
    told: list[Any] = [text_of(events)]
    told += [one.call for one in events if isinstance(one, ToolCalled)]
    told += [one.result for one in events if isinstance(one, ToolReturned)]
    return [*told, tags(events)[-1:]]


def test_a_turn_of_several_rounds_is_followed_from_the_store_while_it_runs(
    make_engine: MakeEngine, open_database: OpenStore, store: Store, session: Session, server: ScriptedServer
) -> None:
    go, on = threading.Event(), threading.Event()
    server.will(text("First."), Wait(go), *calling(ADD, ("c2", "wait", {})))
    server.will(text("Second."), Wait(on), *whole(" The end."))
    begun, hold = threading.Event(), threading.Event()

    def wait(_: Any) -> Returned:
        begun.set()
        hold.wait(20)
        return Returned("waited")

    turn = make_engine(store, toolbox=Toolkit(add=add, wait=wait)).start_turn(session.id, "?")
    events = make_engine(open_database()).follow(session.id, turn.id)
    seen: list[TurnEvent] = []
    for event in events:
        seen.append(event)
        if text_of([event]) == "First.":
            go.set()
        if isinstance(event, ToolReturned) and not hold.is_set():
            assert begun.wait(10)
            hold.set()
        if "Second." in text_of([event]):
            on.set()
    assert _told(seen) == _told(list(turn.events()))
    places = [Seen.parse(one.id) for one in seen]
    assert len({(one.answer_id, one.place) for one in places}) == len(places)


def test_a_turn_that_ended_on_another_branch_is_followed_through_its_rounds(
    make_engine: MakeEngine, open_database: OpenStore, store: Store, session: Session, server: ScriptedServer
) -> None:
    server.will(*calling(ADD))
    server.will(*whole("It is 3."))
    server.will(*whole("Elsewhere."))
    engine = make_engine(store, toolbox=Toolkit(add=add))
    turn = engine.start_turn(session.id, "?")
    turn.wait(10)
    engine.start_turn(session.id, "elsewhere", parent_id=None).wait(10)
    followed = list(make_engine(open_database()).follow(session.id, turn.id))
    assert _told(followed) == _told(list(turn.events()))
