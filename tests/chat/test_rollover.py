"""A conversation over its window: a snapshot first, one short summary, and the person's choice."""

import pytest

from palaver import Session, Store
from palaver.chat.compression import NewSessionWanted
from palaver.chat.events import CheckpointFinished, CheckpointStarted, ContextWarning, InputRequired, Rollover
from palaver.errors import ContextOverflow, PalaverError, Unavailable
from palaver.model import Checkpoint
from palaver.providers.base import Provider
from palaver.providers.demo import DemoProvider
from tests.chat.compressing import Person, notes, say
from tests.support.scripted import ScriptedServer, whole

LIMIT = 1740  # 85 % of 2048
SUMMARY = "They looked for words and found many."


@pytest.fixture
def session(store: Store, server: ScriptedServer) -> Session:
    """40 turns of 100 tokens on a window of 2048."""
    server.will(*whole(SUMMARY))
    session = store.create_session(
        model="scripted", provider="scripted", context_size=2048, system_prompt="Be kind."
    )
    say(store, session.id, *[50] * 80)
    return session


@pytest.fixture
def person(store: Store, session: Session, provider: Provider) -> Person:
    return Person(store, session, provider)


def rolled(store: Store, session_id: str) -> Checkpoint:
    [checkpoint] = store.list_checkpoints(session_id)
    assert checkpoint.kind == "rollover"
    return checkpoint


def test_all_but_the_last_10_questions_become_one_short_summary(person: Person, store: Store) -> None:
    prompt = person.asks(50)
    checkpoint = rolled(store, person.id)
    assert checkpoint.summary == SUMMARY
    assert checkpoint.token_count <= 400
    sent = [one.role for one in prompt.messages]
    assert sent == ["system", "system", *["user", "assistant"] * 9, "user"]
    assert not prompt.truncated
    assert prompt.tokens <= LIMIT


def test_fewer_questions_are_kept_where_they_do_not_fit(
    store: Store, provider: Provider, session: Session
) -> None:
    say(store, session.id, *[200] * 20)
    prompt = Person(store, session, provider).asks(50)
    assert [one.role for one in prompt.messages].count("user") == 3  # the current one and two of 400
    assert prompt.tokens <= LIMIT * 95 // 100


def test_on_a_small_window_the_summary_takes_at_most_a_quarter(store: Store) -> None:
    session = store.create_session(model="demo", context_size=512)
    say(store, session.id, *[60] * 30)
    Person(store, session, DemoProvider()).asks(50)
    assert rolled(store, session.id).token_count <= 435 // 4


def test_a_snapshot_comes_first_and_brings_back_what_was_before(person: Person, store: Store) -> None:
    person.asks(50)
    [snapshot] = store.list_snapshots(person.id)
    [event] = person.told(Rollover)
    assert (snapshot.purpose, snapshot.id, snapshot.checkpoint_ids) == ("emergency", event.snapshot_id, ())
    store.restore_snapshot(snapshot.id)
    assert store.list_checkpoints(person.id) == []


def test_the_person_is_told_both_numbers_and_asked_how_to_go_on(person: Person, store: Store) -> None:
    prompt = person.asks(50)
    [started] = person.told(CheckpointStarted)
    [event] = person.told(Rollover)
    [question] = person.told(InputRequired)
    assert event.new_tokens == prompt.tokens
    assert event.previous_tokens == prompt.tokens + started.tokens - rolled(store, person.id).token_count
    assert event.previous_tokens > LIMIT
    assert (question.kind, question.default) == ("rollover", "continue")
    assert question.choices == ("continue", "new", "larger", "history")
    [finished] = person.told(CheckpointFinished)
    assert finished.checkpoint == event.checkpoint
    told = [person.events.index(one) for one in (started, finished, event, question)]
    assert told == sorted(told)


def test_a_note_names_the_snapshot_and_the_counts_and_is_never_sent(person: Person, store: Store) -> None:
    person.asks(50)
    [event] = person.told(Rollover)
    [data] = notes(store, person.id, "rollover")
    assert data["snapshotId"] == event.snapshot_id
    assert (data["previousTokens"], data["newTokens"]) == (event.previous_tokens, event.new_tokens)
    [note] = [message for message in store.messages(person.id) if message.role == "note"]
    assert event.snapshot_id[-8:] in note.text
    assert "62 older messages (3100 tokens)" in note.text
    assert note.id not in {sent.id for sent in person.sees().messages}


def test_older_checkpoints_go_into_the_rollover(person: Person, store: Store) -> None:
    first, *_, last = list(store.messages(person.id))[:8]
    old = store.add_checkpoint(person.id, from_id=first.id, through_id=last.id, summary="They met in May.")
    person.asks(50)
    checkpoint = rolled(store, person.id)
    assert checkpoint.replaces == (old.id,)
    assert checkpoint.from_id == first.id


def test_the_next_question_does_not_roll_over_again(person: Person, store: Store) -> None:
    person.asks(50)
    person.is_answered(50)
    person.events.clear()
    person.asks(50)
    assert person.told(Rollover) == []


def test_where_the_snapshot_fails_nothing_is_sent(
    person: Person, store: Store, session: Session, server: ScriptedServer
) -> None:
    say(store, session.id, 50)
    store.trash_session(session.id)  # from here on the session takes nothing
    with pytest.raises(Unavailable, match="Nothing was sent: the conversation is over the window"):
        person.compression.before_sending(person.scope())
    assert server.requests == []
    assert store.list_checkpoints(session.id) == []


def test_without_a_model_that_answers_an_extract_is_made(
    person: Person, store: Store, server: ScriptedServer
) -> None:
    server.scripts.clear()
    server.will(status=400)
    prompt = person.asks(50)
    assert not prompt.truncated
    assert rolled(store, person.id).summary.startswith("Extract of 62 messages, made without a model.")


def test_in_a_turn_that_is_stopped_no_model_is_waited_for(person: Person, server: ScriptedServer) -> None:
    person.stopped.set()
    assert not person.asks(50).truncated
    assert server.requests == []


# What the person chooses


def test_a_larger_window_brings_everything_back(
    store: Store, session: Session, provider: Provider, server: ScriptedServer
) -> None:
    server.models = {"data": [{"id": "scripted", "max_model_len": 16_384}]}
    person = Person(store, session, provider, chooses="larger")
    prompt = person.asks(50)
    assert store.get_session(session.id).context_size == 16_384
    assert store.list_checkpoints(session.id) == []
    assert len(prompt.messages) == 1 + 81
    assert notes(store, session.id, "rollover") == []


def test_a_window_no_provider_knows_of_is_doubled_until_all_fits(
    store: Store, session: Session, provider: Provider
) -> None:
    person = Person(store, session, provider, chooses="larger")
    prompt = person.asks(50)
    assert prompt.window == 8192
    assert len(prompt.messages) == 1 + 81
    assert len(person.told(InputRequired)) == 2


def test_a_new_session_is_for_who_runs_the_turn_to_make(
    store: Store, session: Session, provider: Provider
) -> None:
    person = Person(store, session, provider, chooses="new")
    with pytest.raises(NewSessionWanted):
        person.asks(50)


def test_the_choice_to_go_on_is_that_of_a_pipe(person: Person) -> None:
    assert not person.asks(50).truncated
    assert person.told(ContextWarning) == []


# Where there is nothing to be summarised


def test_a_current_turn_that_alone_fills_the_window_is_truncated(store: Store, provider: Provider) -> None:
    session = store.create_session(model="scripted", context_size=2048)
    say(store, session.id, 50)
    for n in range(60):
        store.record_tool_call(session.id, id=f"c{n}", name="add", args={}, result={"llmContent": "x" * 200})
    person = Person(store, session, provider)
    prompt = person.compression.before_sending(person.scope())
    assert prompt.truncated
    assert prompt.tokens <= LIMIT
    assert prompt.messages[1].role == "user"
    assert store.list_snapshots(session.id) == []


@pytest.mark.parametrize("tokens", [1741, 5000])
def test_a_question_too_large_is_an_overflow_and_changes_nothing(
    person: Person, store: Store, tokens: int
) -> None:
    with pytest.raises(ContextOverflow, match=r"needs \d+ tokens and 1740 can be sent") as caught:
        person.asks(tokens)
    assert isinstance(caught.value, PalaverError)
    assert caught.value.tokens > caught.value.limit == LIMIT
    assert store.list_snapshots(person.id) == []
