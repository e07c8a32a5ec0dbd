"""The slash commands, as every front end has them."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import palaver
from palaver import SessionManager, Store
from palaver.chat.commands import (
    COMMANDS,
    Context,
    Ended,
    Failed,
    Found,
    Helped,
    Listed,
    Said,
    Started,
    Switched,
    is_command,
    run_command,
)
from palaver.chat.engine import Engine
from palaver.providers.base import Provider
from palaver.providers.demo import DemoProvider
from tests.chat.conftest import MakeEngine
from tests.support.factories import a_conversation, say, texts
from tests.support.scripted import ScriptedServer, Wait, whole


@pytest.fixture
def engine(make_engine: MakeEngine, store: Store, provider: Provider) -> Engine:
    return make_engine(store, provider, DemoProvider(delay=0))


@pytest.fixture
def context(store: Store, engine: Engine) -> Iterator[Context]:
    manager = SessionManager(store, "scripted", provider="scripted")
    yield Context(store, engine, manager)
    manager.close()


def said(reply: object) -> str:
    assert isinstance(reply, Said)
    return reply.text


def failed(reply: object) -> str:
    assert isinstance(reply, Failed)
    return reply.text


@pytest.mark.parametrize("line", ["/help", "/new", "/title My talk", "/?", "/unknown thing"])
def test_a_slash_and_a_word_is_a_command(line: str) -> None:
    assert is_command(line)


@pytest.mark.parametrize("line", ["hello", "/", "//help", "/usr/bin/env", "/ help", " /help", "", "/7"])
def test_anything_else_is_text(line: str) -> None:
    assert not is_command(line)


def test_new_starts_a_linked_session_on_the_same_model(context: Context) -> None:
    before = context.manager.current_session
    reply = run_command(context, "/new")
    assert isinstance(reply, Switched)
    assert (reply.session.relation, reply.session.parent_id) == ("new", before.id)
    assert reply.session.model == "scripted"
    assert reply.path == context.manager.session_path()


def test_model_goes_on_with_another_one(context: Context) -> None:
    reply = run_command(context, "/model demo")
    assert isinstance(reply, Switched)
    assert (reply.session.model, reply.session.provider) == ("demo", "demo")
    assert reply.session.relation == "model_swap"
    assert "answers here already" in said(run_command(context, "/model demo"))


def test_model_alone_lists_what_there_is(context: Context) -> None:
    assert said(run_command(context, "/model")).splitlines() == ["* scripted/scripted", "  demo/demo"]


def test_a_model_nobody_has_is_refused(context: Context) -> None:
    assert "no provider has the model" in failed(run_command(context, "/model gpt-99"))
    assert context.manager.current_model == "scripted"


def test_context_size_counts_here_and_in_the_next_session(context: Context) -> None:
    run_command(context, "/context size 8192")
    assert context.manager.current_session.context_size == 8192
    run_command(context, "/model demo")
    assert context.manager.current_session.context_size == 8192


def test_context_alone_tells_what_is_sent(context: Context, store: Store) -> None:
    say(store, context.manager.current_session.id, "x" * 400, "y" * 400)
    run_command(context, "/context size 8192")
    told = said(run_command(context, "/context"))
    assert told == "200 of 6963 tokens are taken by 2 messages; the window is 8192 tokens."


@pytest.mark.parametrize(
    "words", ["size", "size none", "size 0", "size -5", "size ²", "8192", "size 1 2", "size 99999999999"]
)
def test_a_wrong_context_shows_the_usage(context: Context, words: str) -> None:
    assert failed(run_command(context, f"/context {words}")) == "Usage: /context [size N]"
    assert context.manager.current_session.context_size is None


def test_title_names_the_session(context: Context) -> None:
    run_command(context, "/title   Über  alles ")
    assert context.manager.current_session.title == "Über alles"
    assert context.manager.current_session.title_source == "user"


@pytest.mark.parametrize("name", ["title", "switch", "search"])
def test_a_missing_argument_shows_the_usage(context: Context, name: str) -> None:
    assert failed(run_command(context, f"/{name}")).startswith(f"Usage: /{name} ")


def test_a_title_that_cannot_be_is_refused_with_the_reason(context: Context) -> None:
    assert "1000" in failed(run_command(context, "/title " + "x" * 5000)).replace(",", "")


def test_sessions_lists_them_newest_first(context: Context, store: Store) -> None:
    made = [a_conversation(store, text) for text in ("one", "two")]
    reply = run_command(context, "/sessions")
    assert isinstance(reply, Listed)
    assert [session.id for session in reply.sessions] == [made[1].id, made[0].id]
    assert reply.current_id == context.manager.current_session.id


def test_switch_takes_the_end_of_an_id(context: Context, store: Store) -> None:
    other = a_conversation(store, "elsewhere")
    reply = run_command(context, f"/switch {other.id[-8:]}")
    assert isinstance(reply, Switched)
    assert reply.session.id == context.manager.current_session.id == other.id


@pytest.mark.parametrize("id", ["ffffffff", "../x", "no"])
def test_switch_to_what_is_not_there_is_told(context: Context, id: str) -> None:
    before = context.manager.current_session.id
    assert "/sessions lists them" in failed(run_command(context, f"/switch {id}"))
    assert context.manager.current_session.id == before


def test_search_finds_in_every_session(context: Context, store: Store) -> None:
    other = a_conversation(store, "the zebra crossed the river")
    reply = run_command(context, "/search zebra")
    assert isinstance(reply, Found)
    assert [hit.session_id for hit in reply.hits if hit.message_id] == [other.id]


def test_export_writes_the_session(
    context: Context, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(store, context.manager.current_session.id, "what is this?", "an answer")
    file = tmp_path / "talk of today.md"
    assert str(file) in said(run_command(context, f"/export {file}"))
    assert "an answer" in file.read_text()
    assert "exists already" in failed(run_command(context, f"/export {file}"))
    monkeypatch.chdir(tmp_path)
    said(run_command(context, "/export palaver"))
    [written] = tmp_path.glob("session-*.jsonl")
    said(run_command(context, f"/export html {tmp_path}"))
    assert written.with_suffix(".html").read_text().lower().startswith("<!doctype html>")


def test_retry_asks_the_last_question_again(context: Context, store: Store, server: ScriptedServer) -> None:
    session_id = context.manager.current_session.id
    assert "Nothing was asked" in failed(run_command(context, "/retry"))
    server.will(*whole("second try"))
    say(store, session_id, "question", "first try")
    store.append(session_id, palaver.note("by the way"))
    reply = run_command(context, "/retry")
    assert isinstance(reply, Started)
    reply.turn.wait(5)
    assert texts(store, session_id) == ["question", "second try"]


def test_retry_while_an_answer_is_written_is_refused(
    context: Context, engine: Engine, server: ScriptedServer
) -> None:
    server.will(Wait(threading.Event()))
    engine.start_turn(context.manager.current_session.id, "question")
    assert "being written" in failed(run_command(context, "/retry"))


def test_help_lists_every_command(context: Context) -> None:
    reply = run_command(context, "/help")
    assert isinstance(reply, Helped)
    assert reply.commands == COMMANDS
    names = " ".join(command.name for command in COMMANDS)
    assert names == "new model context title sessions switch search export retry help quit"
    assert all(command.help for command in COMMANDS)


def test_no_two_commands_share_a_name() -> None:
    names = [name for command in COMMANDS for name in (command.name, *command.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("line", ["/quit", "/exit", "/q", "/QUIT"])
def test_quit_ends(context: Context, line: str) -> None:
    assert isinstance(run_command(context, line), Ended)


@pytest.mark.parametrize(
    ("line", "near"), [("/mod", "/model"), ("/serach x", "/search"), ("/swich", "/switch")]
)
def test_an_unknown_command_names_those_near(context: Context, line: str, near: str) -> None:
    told = failed(run_command(context, line))
    assert near in told
    assert "/help" in told


def test_a_command_like_no_other_points_to_help(context: Context) -> None:
    assert failed(run_command(context, "/xyzzy")) == "There is no command /xyzzy. /help lists them all."
