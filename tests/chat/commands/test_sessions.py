"""Commands on sessions."""

from pathlib import Path

import pytest

from palaver import Store
from palaver.chat.commands import Context, Failed, Found, Listed, Moved, Switched
from tests.chat.commands.conftest import failed, replied, said
from tests.support.factories import a_conversation, say, texts


def test_new_starts_a_linked_session_on_the_same_model(context: Context) -> None:
    before = context.session
    reply = replied(context, "/new", Switched)
    assert (reply.session.relation, reply.session.parent_id) == ("new", before.id)
    assert reply.session.model == "scripted"
    assert reply.path == context.manager.session_path()


def test_model_goes_on_with_another_one(context: Context) -> None:
    reply = replied(context, "/model demo", Switched)
    assert (reply.session.model, reply.session.provider) == ("demo", "demo")
    assert reply.session.relation == "model_swap"
    assert "answers here already" in said(context, "/model demo")


def test_model_alone_lists_what_there_is(context: Context) -> None:
    assert said(context, "/model").splitlines() == ["* scripted/scripted", "  demo/demo"]


def test_a_model_nobody_has_is_refused(context: Context) -> None:
    assert "no provider has the model" in failed(context, "/model gpt-99")
    assert context.manager.current_model == "scripted"


def test_title_names_the_session(context: Context) -> None:
    said(context, "/title   Über \n alles ")
    assert context.session.title == "Über alles"
    assert context.session.title_source == "user"


def test_a_title_that_cannot_be_is_refused_with_the_reason(context: Context) -> None:
    assert "1000" in failed(context, "/title " + "x" * 5000).replace(",", "")


def test_clear_begins_anew_in_the_same_session_and_can_be_taken_back(context: Context, store: Store) -> None:
    session_id = context.session.id
    say(store, session_id, "question", "answer")
    assert "/snapshot rollback" in said(context, "/clear")
    assert context.session.id == session_id
    assert texts(store, session_id) == []
    replied(context, "/snapshot rollback", Moved)
    assert texts(store, session_id) == ["question", "answer"]


def test_clear_claims_nothing_where_nothing_was_said(context: Context) -> None:
    assert "nothing to clear" in failed(context, "/clear")


def test_the_system_prompt_is_set_shown_and_removed(context: Context) -> None:
    assert "no system prompt" in said(context, "/system")
    said(context, "/system Be brief.\nBe kind.")
    assert context.session.system_prompt == "Be brief.\nBe kind."
    assert said(context, "/system") == "Be brief.\nBe kind."
    said(context, "/system none")
    assert context.session.system_prompt is None
    assert failed(context, "/system none")


def test_sessions_lists_them_newest_first(context: Context, store: Store) -> None:
    made = [a_conversation(store, text) for text in ("one", "two")]
    reply = replied(context, "/sessions", Listed)
    assert [session.id for session in reply.sessions] == [made[1].id, made[0].id]
    assert reply.current_id == context.session.id


def test_switch_takes_the_end_of_an_id(context: Context, store: Store) -> None:
    other = a_conversation(store, "elsewhere")
    reply = replied(context, f"/switch {other.id[-8:]}", Switched)
    assert reply.session.id == context.session.id == other.id


@pytest.mark.parametrize("id", ["ffffffff", "../x", "no"])
def test_switch_to_what_is_not_there_is_told(context: Context, id: str) -> None:
    before = context.session.id
    assert "/sessions lists them" in failed(context, f"/switch {id}")
    assert context.session.id == before


def test_search_finds_in_every_session(context: Context, store: Store) -> None:
    other = a_conversation(store, "the zebra crossed the river")
    reply = replied(context, "/search zebra", Found)
    assert [hit.session_id for hit in reply.hits if hit.message_id] == [other.id]


def test_export_writes_the_session(
    context: Context, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(store, context.session.id, "what is this?", "an answer")
    file = tmp_path / "talk of today.md"
    assert str(file) in said(context, f"/export {file}")
    assert "an answer" in file.read_text()
    assert "exists already" in failed(context, f"/export {file}")
    monkeypatch.chdir(tmp_path)
    said(context, "/export palaver")
    [written] = tmp_path.glob("session-*.jsonl")
    said(context, f"/export html {tmp_path}")
    assert written.with_suffix(".html").read_text().lower().startswith("<!doctype html>")


def test_a_command_on_a_session_that_is_purged_meanwhile_fails_in_words(
    context: Context, store: Store
) -> None:
    store.purge_session(context.session.id)
    assert replied(context, "/title Gone", Failed).text.startswith("Session not found")
