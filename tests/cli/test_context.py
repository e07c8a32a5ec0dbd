"""`palaver context`: what the model would see."""

import json
from pathlib import Path

import pytest

import palaver
from palaver import Session
from tests.cli.conftest import Run
from tests.cli.terminal import Terminal
from tests.support.factories import say


@pytest.fixture
def session(database: Path) -> Session:
    """More than fits into its window, with a checkpoint for the beginning; its model's server is not there."""
    with palaver.open_store(str(database)) as store:
        made = store.create_session(
            model="llama3:8b", provider="ollama", context_size=400, system_prompt="Be brief."
        )
        first, second, *_ = say(store, made.id, *(f"{number} {'x' * 300}" for number in range(8)))
        store.add_checkpoint(made.id, from_id=first.id, through_id=second.id, summary="counting begins")
        return store.get_session(made.id)


def test_it_gives_every_message_with_its_tokens_or_the_reason(run: Run, session: Session) -> None:
    found = json.loads(run("context", session.id, "--json").stdout)
    lines = found["lines"]
    messages = [line for line in lines if line["kind"] == "message"]
    assert [line["position"] for line in messages] == list(range(1, 9))
    assert all((line["tokens"] is None) != (line["reason"] is None) for line in messages)
    assert {line["reason"] for line in messages} == {None, "checkpoint", "truncated"}
    assert sum(line["tokens"] or 0 for line in lines) == found["tokens"] <= found["limit"] == 340


def test_it_needs_no_model_server(run: Run, session: Session) -> None:
    found = json.loads(run("context", session.id[-8:], "--json").stdout)
    assert (found["window"], found["windowSource"], found["model"]) == (400, "session", "llama3:8b")


def test_without_a_size_a_well_known_model_has_its_window(run: Run, database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        known = store.create_session(model="gpt-4o", provider="openai").id
        unknown = store.create_session(model="nobody-knows", provider="elsewhere").id
        never = store.create_session().id
    windows = [json.loads(run("context", id, "--json").stdout) for id in (known, unknown, never)]
    assert [(found["window"], found["windowSource"]) for found in windows] == [
        (128_000, "provider"),
        (4096, "default"),
        (4096, "default"),
    ]


def test_in_a_pipe_each_is_one_line(run: Run, session: Session) -> None:
    result = run("context", session.id)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert {len(row) for row in rows} == {7}
    assert [row[1] for row in rows[:2]] == ["system_prompt", "checkpoint"]
    assert "of 340 tokens" in result.stderr


def test_a_prompt_that_cannot_be_says_both_numbers(run: Run, session: Session, database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        store.update_session(session.id, context_size=50)
    result = run("context", session.id)
    assert result.exit_code == 7
    assert "42" in result.stderr


def test_an_id_of_nothing_is_not_found(run: Run, session: Session) -> None:
    assert run("context", "ffffffff").exit_code == 3


def test_on_a_terminal_it_draws_the_shares_and_folds_what_is_passed_over(
    session: Session, database: Path
) -> None:
    with Terminal(database, "context", session.id[-8:]) as terminal:
        assert terminal.end() == 0
        shown = terminal.text
    assert "of 340 tokens that can be sent" in shown
    assert "2 messages: a checkpoint stands in for it" in shown
    assert "it does not fit" in shown
    assert "The window is 400 tokens, set for this session." in shown
