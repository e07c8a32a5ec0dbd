"""A session that fills its window: warned of at 70 %, summarised at 80 %, relieved at 95 %."""

import threading

import pytest

from palaver import Session, Store
from palaver.chat.events import CheckpointFinished, CheckpointProgress, CheckpointStarted, ContextWarning
from palaver.chat.summarising import Summariser
from palaver.providers.base import Provider
from palaver.providers.demo import DemoProvider
from tests.chat.compressing import Clock, Person, notes, say
from tests.conftest import OpenStore
from tests.support.factories import texts
from tests.support.scripted import ScriptedServer, Wait, whole

LIMIT = 1740  # 85 % of 2048
SUMMARY = "They looked for words and found many."


@pytest.fixture
def session(store: Store) -> Session:
    return store.create_session(model="scripted", provider="scripted", context_size=2048)


@pytest.fixture
def person(store: Store, session: Session, provider: Provider, server: ScriptedServer) -> Person:
    server.will(*whole(SUMMARY))
    return Person(store, session, provider)


def fill(person: Person, tokens: int) -> None:
    """Turns of 100 tokens until the conversation takes so many."""
    while (missing := tokens - person.sees().used) > 0:
        size = min(missing, 100)
        say(person.store, person.id, size // 2, size - size // 2)


def summarised(person: Person) -> list[str]:
    return [checkpoint.summary for checkpoint in person.store.list_checkpoints(person.id)]


# 70 %


def test_below_70_percent_of_the_budget_nothing_is_said(person: Person) -> None:
    fill(person, LIMIT * 70 // 100 - 51)
    assert person.asks(50).used * 100 < LIMIT * 70
    assert person.events == []


def test_at_70_percent_of_the_budget_the_person_hears_of_it_once_per_crossing(person: Person) -> None:
    fill(person, LIMIT * 70 // 100 - 50)
    person.asks(51)
    person.asks(10)
    [warning] = person.told(ContextWarning)
    assert warning.text == "The conversation takes 1219 of the 1740 tokens that can be sent."
    assert (warning.tokens, warning.limit, warning.window) == (1219, LIMIT, 2048)
    person.compression.compact(person.scope())
    person.asks(10)
    fill(person, person.sees().budget * 70 // 100)
    person.asks(10)
    assert len(person.told(ContextWarning)) == 2


# 80 %


def test_below_80_percent_of_the_budget_an_answer_changes_nothing(person: Person) -> None:
    fill(person, LIMIT * 80 // 100 - 60)
    person.is_answered(50)
    assert person.events == []
    assert summarised(person) == []


def test_at_80_percent_after_an_answer_older_messages_become_a_checkpoint(
    person: Person, store: Store, server: ScriptedServer
) -> None:
    fill(person, LIMIT * 80 // 100 - 49)
    before = texts(store, person.id)
    person.is_answered(50)
    assert summarised(person) == [SUMMARY]
    assert texts(store, person.id)[: len(before)] == before
    prompt = person.sees()
    kept = [
        sent for sent in prompt.messages if sent.id not in {c.id for c in store.list_checkpoints(person.id)}
    ]
    assert sum(sent.tokens for sent in kept) >= LIMIT // 2
    assert kept[0].role == "user"
    assert not prompt.truncated
    assert server.requests[0]["temperature"] == 0.3


def test_a_checkpoint_is_told_from_its_beginning_to_its_end(person: Person) -> None:
    fill(person, LIMIT * 80 // 100)
    person.is_answered(50)
    [started] = person.told(CheckpointStarted)
    [finished] = person.told(CheckpointFinished)
    percents = [(one.stage, one.percent) for one in person.told(CheckpointProgress)]
    assert percents == [
        ("identify", 15),
        ("prepare", 25),
        ("summarise", 70),
        ("checkpoint", 80),
        ("update", 90),
        ("validate", 100),
    ]
    assert person.events[0] is started
    assert person.events[-1] is finished
    assert (started.tokens, finished.before) == (500, 500)
    assert finished.checkpoint is not None
    assert finished.checkpoint.model == "scripted"
    assert finished.after < 30


def test_a_compression_leaves_a_note_and_a_snapshot_and_is_counted_once(person: Person, store: Store) -> None:
    fill(person, LIMIT * 80 // 100)
    person.is_answered(50)
    [finished] = person.told(CheckpointFinished)
    assert finished.checkpoint is not None
    [data] = notes(store, person.id, "compressed")
    assert data["checkpointId"] == finished.checkpoint.id
    assert (data["fromTokens"], data["toTokens"]) == (finished.before, finished.after)
    assert [snapshot.purpose for snapshot in store.list_snapshots(person.id)] == ["recovery"]
    assert store.get_session(person.id).compression_count == 1
    assert "note" in {one.reason for one in person.sees().left_out}


def test_a_checkpoint_is_taken_back_by_one_call(person: Person, store: Store) -> None:
    fill(person, LIMIT * 80 // 100)
    before = person.sees().messages
    person.compression.compact(person.scope())
    [checkpoint] = store.list_checkpoints(person.id)
    store.revert_checkpoint(checkpoint.id)
    assert person.sees().messages == before


def test_a_summary_goes_on_to_stand_for_its_messages_where_its_last_is_in_the_trash(
    person: Person, store: Store
) -> None:
    fill(person, LIMIT * 80 // 100)
    person.compression.compact(person.scope())
    before = person.sees().messages
    [checkpoint] = store.list_checkpoints(person.id)
    store.trash_message(checkpoint.through_id)
    assert person.sees().messages == before


@pytest.mark.parametrize("status", ["cancelled", "interrupted", "error"])
def test_a_broken_answer_is_followed_by_no_checkpoint(person: Person, status: str) -> None:
    fill(person, LIMIT * 80 // 100)
    person.is_answered(50, status=status)
    assert person.events == []


def test_a_stopped_turn_is_followed_by_no_checkpoint(person: Person) -> None:
    fill(person, LIMIT * 80 // 100)
    person.stopped.set()
    person.is_answered(50)
    assert person.events == []


def test_with_the_strategy_truncate_nothing_is_ever_summarised(
    store: Store, provider: Provider, server: ScriptedServer
) -> None:
    settings = {"context_strategy": "truncate"}
    session = store.create_session(model="scripted", context_size=2048, settings=settings)
    person = Person(store, session, provider)
    say(store, session.id, *[50] * 60)
    person.is_answered(50)
    prompt = person.asks(50)
    assert prompt.truncated
    [warning] = person.told(ContextWarning)
    assert warning.truncated
    assert store.list_checkpoints(session.id) == []
    assert server.requests == []


# The model fails


def failing(person: Person, **options: float) -> tuple[Person, Clock]:
    clock = Clock()
    session = person.store.get_session(person.id)
    summariser = Summariser(clock=clock, **options)
    return Person(person.store, session, person.provider, summariser=summariser), clock


def again(person: Person) -> str:
    """One more answer; what came of it."""
    person.events.clear()
    person.is_answered(10)
    return "".join(event.text for event in person.told(CheckpointFinished))


def test_a_model_that_fails_is_not_asked_for_a_minute_and_the_second_time_an_extract_is_made(
    person: Person, store: Store, server: ScriptedServer
) -> None:
    fill(person, LIMIT * 80 // 100)
    person, clock = failing(person)
    server.scripts.clear()
    server.will(status=400)
    assert "Nothing has changed" in again(person)
    clock.now += 59
    assert again(person) == ""
    assert len(server.requests) == 1
    clock.now += 1
    assert "are sent as a summary" in again(person)
    assert len(server.requests) == 2
    [checkpoint] = store.list_checkpoints(person.id)
    assert checkpoint.summary.startswith("Extract of 10 messages, made without a model.")
    assert checkpoint.model is None


@pytest.mark.parametrize("answer", ["", "Write the summary of all of this now.", "endless words " * 400])
def test_an_answer_that_is_no_summary_changes_nothing(
    person: Person, store: Store, server: ScriptedServer, answer: str
) -> None:
    fill(person, LIMIT * 80 // 100)
    server.scripts.clear()
    server.will(*whole(answer))
    before = person.sees().messages
    assert "Nothing has changed" in again(person)
    assert summarised(person) == []
    assert store.list_snapshots(person.id) == []
    assert person.sees().messages[: len(before)] == before


def test_a_model_that_takes_too_long_is_not_waited_for(person: Person, server: ScriptedServer) -> None:
    fill(person, LIMIT * 80 // 100)
    person, _ = failing(person, timeout=2)
    server.scripts.clear()
    server.will(Wait(threading.Event()))
    assert "no summary within 2 seconds" in again(person)
    assert server.gone.wait(10)


def test_a_stop_ends_the_making_and_is_no_failure_of_the_model(
    person: Person, store: Store, server: ScriptedServer
) -> None:
    fill(person, LIMIT * 80 // 100)
    server.scripts.clear()
    server.will(Wait(threading.Event()))
    making = threading.Thread(target=person.compression.compact, args=(person.scope(),))
    making.start()
    assert server.asked.acquire(timeout=10)
    person.stopped.set()
    making.join(10)
    assert summarised(person) == []
    person.stopped.clear()
    server.scripts.clear()
    server.will(*whole(SUMMARY))
    assert "are sent as a summary" in again(person)


def test_a_compression_that_succeeds_is_followed_by_no_cool_down(
    person: Person, server: ScriptedServer
) -> None:
    for _ in range(3):
        fill(person, person.sees().budget * 80 // 100)
        assert "are sent as a summary" in again(person)
    assert len(server.requests) == 3


def test_the_demo_model_is_not_asked(store: Store, session: Session) -> None:
    person = Person(store, session, DemoProvider())
    fill(person, LIMIT * 80 // 100)
    assert "are sent as a summary" in again(person)
    assert summarised(person)[0].startswith("Extract of 10 messages, made without a model.")


# Somebody else


def test_a_checkpoint_is_given_up_where_another_process_has_gone_on(
    person: Person, store: Store, open_database: OpenStore, server: ScriptedServer
) -> None:
    fill(person, LIMIT * 80 // 100)
    asked = threading.Event()
    server.scripts.clear()
    server.will(Wait(asked), *whole(SUMMARY))
    finished: list[CheckpointFinished] = []
    making = threading.Thread(target=lambda: finished.append(person.compression.compact(person.scope())))
    making.start()
    assert server.asked.acquire(timeout=10)
    say(open_database(), person.id, 10)
    asked.set()
    making.join(10)
    assert finished[0].checkpoint is None
    assert "went on meanwhile" in finished[0].text
    assert summarised(person) == []


def test_the_prompt_is_the_same_after_a_restart(
    person: Person, provider: Provider, open_database: OpenStore
) -> None:
    for _ in range(40):
        person.asks(50)
        person.is_answered(50)
    session = person.store.get_session(person.id)
    other = Person(open_database(), session, provider)
    assert other.sees() == person.sees()
    assert len(summarised(person)) > 3


# 95 %


def test_at_95_percent_of_the_limit_checkpoints_are_made_shorter_at_once(
    person: Person, store: Store, server: ScriptedServer
) -> None:
    messages = say(store, person.id, *[30] * 12)
    for n in (0, 4, 8):
        summary = f"In part {n} they decided on blue. " + "And they said a lot that matters little. " * 12
        store.add_checkpoint(
            person.id, from_id=messages[n].id, through_id=messages[n + 3].id, summary=summary
        )
    held = person.sees().tokens
    fill(person, LIMIT * 95 // 100 - held - 49)
    prompt = person.asks(50)
    assert server.requests == []
    assert prompt.tokens < LIMIT * 95 // 100 - held // 2
    assert not prompt.truncated
    assert [(c.kind, c.level) for c in store.list_checkpoints(person.id)] == [("merged", 1), ("summary", 1)]
    assert all("they decided on blue" in summary for summary in summarised(person))
    [data] = notes(store, person.id, "emergency")
    [finished] = person.told(CheckpointFinished)
    assert (data["fromTokens"], data["toTokens"]) == (finished.before, finished.after)
    assert [snapshot.purpose for snapshot in store.list_snapshots(person.id)] == ["recovery"]
    assert store.get_session(person.id).compression_count == 3


def test_without_checkpoints_95_percent_is_sent_as_it_is(person: Person, store: Store) -> None:
    fill(person, LIMIT * 95 // 100)
    prompt = person.asks(50)
    assert (prompt.tokens, prompt.truncated) == (LIMIT * 95 // 100 + 50, False)
    assert store.list_snapshots(person.id) == []


# /compact


def test_compact_summarises_the_older_half_of_a_short_conversation(person: Person, store: Store) -> None:
    fill(person, 800)
    finished = person.compression.compact(person.scope())
    assert finished.checkpoint is not None
    assert (finished.before, finished.checkpoint.summary) == (400, SUMMARY)
    assert person.sees().tokens < 500
    assert finished not in person.events


def test_compact_says_where_there_is_too_little(person: Person) -> None:
    fill(person, 300)
    finished = person.compression.compact(person.scope())
    assert finished.checkpoint is None
    assert "too little to summarise: the conversation takes 300 tokens of 1,740" in finished.text


def test_compact_of_an_imported_history_asks_the_model_a_bounded_number_of_times(
    store: Store, provider: Provider, server: ScriptedServer
) -> None:
    server.will(*whole(SUMMARY))
    session = store.create_session(model="scripted", context_size=2048)
    for _ in range(20):
        say(store, session.id, *[40] * 500)
    person = Person(store, session, provider)
    finished = person.compression.compact(person.scope())
    assert finished.checkpoint is not None
    assert len(server.requests) <= 8
    assert "Extract of" in str(server.requests[0]["messages"])
    assert not person.sees().truncated
    assert finished.before > 390_000


def test_of_many_short_messages_the_model_is_not_asked_more_often(
    store: Store, provider: Provider, server: ScriptedServer
) -> None:
    server.will(*whole(SUMMARY))
    session = store.create_session(model="scripted", context_size=2048)
    for _ in range(10):
        say(store, session.id, *[1] * 500)
    person = Person(store, session, provider)
    assert person.compression.compact(person.scope()).checkpoint is not None
    assert len(server.requests) <= 8


def test_every_request_for_a_summary_fits_into_the_window(
    store: Store, provider: Provider, server: ScriptedServer
) -> None:
    server.will(*whole(SUMMARY))
    session = store.create_session(model="scripted", context_size=2048)
    say(store, session.id, *[1500, 50] * 20)
    Person(store, session, provider).compression.compact(Person(store, session, provider).scope())
    assert server.requests
    for request in server.requests:
        told = sum(len(message["content"]) for message in request["messages"]) // 4
        assert told + request["max_tokens"] <= LIMIT


def test_a_window_too_small_for_a_summary_is_truncated(store: Store, provider: Provider) -> None:
    session = store.create_session(model="scripted", context_size=200)
    person = Person(store, session, provider)
    say(store, session.id, *[20] * 20)
    prompt = person.asks(20)
    assert prompt.truncated
    assert prompt.tokens <= 170
    assert store.list_checkpoints(session.id) == []
