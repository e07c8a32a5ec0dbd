"""Modes of `config.toml`, changed by hand."""

import pytest

from palaver import Store
from palaver.chat.commands import Context, ModeHistory, Modes, Moved, Switched
from palaver.chat.modes import system_prompt_of, tools_of
from palaver.context.tools import Tool
from tests.chat.commands.conftest import failed, replied, said
from tests.support.factories import say, texts


def test_mode_alone_lists_them_and_marks_the_current_one(context: Context) -> None:
    reply = replied(context, "/mode", Modes)
    assert [mode.name for mode in reply.modes] == ["default", "plan", "code"]
    assert reply.current == "default"
    said(context, "/mode PLAN")
    assert replied(context, "/mode", Modes).current == "plan"


def test_a_mode_adds_its_prompt_and_takes_it_back(context: Context, store: Store) -> None:
    store.update_session(context.session.id, system_prompt="Be kind.", settings={"temperature": 0.7})
    said(context, "/mode plan")
    assert system_prompt_of(context.session) == "Be kind.\n\nOnly plan."
    assert context.session.settings["temperature"] == 0.1
    said(context, "/mode code")
    assert system_prompt_of(context.session) == "Be kind.\n\nWrite code."
    assert context.session.settings["temperature"] == 0.7
    said(context, "/mode default")
    assert system_prompt_of(context.session) == "Be kind."
    assert context.session.settings == {"temperature": 0.7}


def test_a_mode_offers_the_tools_it_names(context: Context) -> None:
    tools = [Tool(name, "", {}) for name in ("files__read", "files__write", "web__look", "shell__run")]
    assert tools_of(context.session, tools) == tools
    said(context, "/mode code")
    assert [tool.name for tool in tools_of(context.session, tools)] == [
        "files__read",
        "files__write",
        "web__look",
    ]


def test_a_change_of_mode_is_noted_in_the_history(context: Context, store: Store) -> None:
    said(context, "/mode plan")
    said(context, "/mode code")
    changes = replied(context, "/mode history", ModeHistory).changes
    assert [(c.before, c.after, c.trigger) for c in changes] == [
        ("default", "plan", "manual"),
        ("plan", "code", "manual"),
    ]
    assert [message.role for message in store.messages(context.session.id)] == ["note", "note"]


def test_a_change_of_mode_takes_a_snapshot_where_something_was_said(context: Context, store: Store) -> None:
    say(store, context.session.id, "question")
    said(context, "/mode plan")
    [snapshot] = store.list_snapshots(context.session.id)
    assert (snapshot.name, snapshot.purpose) == ("before mode plan", "recovery")
    replied(context, "/snapshot rollback", Moved)
    assert replied(context, "/mode", Modes).current == "default"
    assert texts(store, context.session.id) == ["question"]


def test_on_an_empty_chat_it_takes_none(context: Context, store: Store) -> None:
    said(context, "/mode plan")
    assert store.list_snapshots(context.session.id) == []


def test_the_mode_goes_along_into_a_new_session(context: Context) -> None:
    said(context, "/mode plan")
    replied(context, "/new", Switched)
    assert replied(context, "/mode", Modes).current == "plan"


def test_a_mode_that_is_in_force_is_not_changed_to(context: Context) -> None:
    said(context, "/mode plan")
    assert "already" in said(context, "/mode plan")
    assert len(replied(context, "/mode history", ModeHistory).changes) == 1


@pytest.mark.parametrize("name", ["architect", "plan code", "histor"])
def test_a_mode_there_is_not_is_refused_with_those_there_are(context: Context, name: str) -> None:
    assert failed(context, f"/mode {name}") == f"There is no mode '{name}'; there are: default, plan, code."


def test_foreign_settings_under_the_same_name_are_no_mode(context: Context, store: Store) -> None:
    store.update_session(context.session.id, settings={"mode": "something else"})
    assert replied(context, "/mode", Modes).current == "default"
