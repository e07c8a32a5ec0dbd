"""A window that fills, by what a person sees of it: what is sent, checkpoints, and how to go on."""

import re
import threading

import pytest
from playwright.sync_api import Page, expect

import palaver
from palaver import Session, Store
from tests.page.conftest import OpenWindow
from tests.page.speaking import ask, expect_answer, session_of
from tests.support.scripted import ScriptedServer, Wait, whole
from tests.support.serving import Serving

SUMMARY = "They named many rivers one after the other and agreed that all of them are long and wide."
SENTENCE = "The river is long and wide, and nobody knows where it begins or where it ends. "


@pytest.fixture
def session(chats: Store) -> Session:
    """About 2,000 tokens of conversation, in a window of 8,192."""
    session = chats.create_session(title="Rivers", model="scripted", provider="scripted", context_size=8192)
    said = [f"{number}: {SENTENCE * 5}" for number in range(10)]
    chats.append(session.id, *(one for text in said for one in (palaver.user(text), palaver.assistant(text))))
    return session


def open_context(window: Page) -> None:
    window.get_by_role("button", name="Context:").click()


def test_checkpoints_stand_where_they_are_and_are_reverted(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    session = chats.create_session(title="With a checkpoint")
    made = chats.append(
        session.id,
        palaver.user("old " * 400),
        palaver.assistant("older " * 400),
        palaver.user("new"),
        palaver.assistant("newer"),
    )
    chats.add_checkpoint(
        session.id,
        summary="They spoke of **old** things.",
        from_id=made[0].id,
        through_id=made[1].id,
        kind="summary",
        level=3,
    )
    window = open_window(place, f"/c/{session.id}")
    window.get_by_text("Checkpoint 1:").click()
    expect(window.get_by_text("They spoke of old things.")).to_be_visible()
    window.get_by_role("button", name="Revert").click()
    expect(window.get_by_text("Checkpoint 1:")).to_have_count(0)
    (checkpoint,) = chats.list_checkpoints(session.id, active=False)
    assert checkpoint.reverted_at is not None


def test_a_history_that_no_longer_fits_says_so_and_shows_where(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    session = chats.create_session(title="Too long", context_size=512, model="scripted", provider="scripted")
    chats.append(session.id, *(palaver.user(f"{number}: " + "many words here " * 30) for number in range(12)))
    window = open_window(place, f"/c/{session.id}")
    window.get_by_role("button", name="History truncated").click()
    dialog = window.get_by_role("dialog", name="Context")
    expect(dialog).to_contain_text("messages older than those that fit are not sent")
    dialog.get_by_text("Message by message").click()
    lines = dialog.get_by_role("list", name="Message by message").get_by_role("listitem")
    expect(lines.filter(has_text="it does not fit").first).to_contain_text("0: many words")
    expect(lines.last).to_contain_text(re.compile(r"11: many words.*\d+$"))
    window.keyboard.press("Escape")
    border = window.get_by_role("note").filter(has_text="from here on messages are sent")
    sent = lines_sent(window)
    expect(border).to_have_count(1)
    assert 0 < sent < 12


def lines_sent(window: Page) -> int:
    """How many messages stand below the line."""
    return int(
        window.evaluate(
            """() => {
              const all = [...document.querySelectorAll('[role=note], article')]
              return all.length - 1 - all.findIndex(one => one.matches('[role=note]'))
            }"""
        )
    )


def test_earlier_messages_are_summarised_when_asked_to(
    open_window: OpenWindow, place: Serving, chats: Store, session: Session, model: ScriptedServer
) -> None:
    model.will(*whole(SUMMARY))
    window = open_window(place, f"/c/{session.id}")
    open_context(window)
    window.get_by_role("button", name="Summarise earlier messages now").click()
    expect(window.get_by_text("Checkpoint 1:")).to_be_visible()
    (checkpoint,) = chats.list_checkpoints(session.id)
    assert checkpoint.summary == SUMMARY


def test_a_summary_that_is_made_after_an_answer_shows_its_progress_and_then_its_place(
    open_window: OpenWindow, place: Serving, chats: Store, session: Session, model: ScriptedServer
) -> None:
    chats.update_session(session.id, context_size=3400)
    held = threading.Event()
    model.will(*whole("Answered."))
    model.will(Wait(held), *whole(SUMMARY))
    window = open_window(place, f"/c/{session.id}")
    ask(window, "And now?")
    expect(window.get_by_role("status").filter(has_text="Summarising earlier messages")).to_be_visible()
    expect(window.get_by_role("article", name="Answer").last).to_contain_text("Answered.")
    held.set()
    expect(window.get_by_text("Checkpoint 1:")).to_be_visible()
    expect(window.get_by_text("Summarising earlier messages")).to_have_count(0)


def test_a_full_window_asks_how_to_go_on_and_a_new_chat_is_opened(
    open_window: OpenWindow, place: Serving, chats: Store, session: Session, model: ScriptedServer
) -> None:
    chats.update_session(session.id, context_size=1200)
    model.will(*whole(SUMMARY))
    window = open_window(place, f"/c/{session.id}")
    ask(window, "And now?")
    asked = window.get_by_role("region", name="How to go on")
    asked.get_by_role("button", name="Look at the history").click()
    expect(window.get_by_role("dialog", name="Context")).to_be_visible()
    window.keyboard.press("Escape")
    asked.get_by_role("button", name="Start a new chat").click()
    expect(window).not_to_have_url(re.compile(session.id))
    new = chats.get_session(session_of(window, chats))
    assert (new.parent_id, new.relation) == (session.id, "rollover")


def test_a_full_window_asks_how_to_go_on_and_goes_on(
    open_window: OpenWindow, place: Serving, chats: Store, session: Session, model: ScriptedServer
) -> None:
    chats.update_session(session.id, context_size=1200)
    model.will(*whole(SUMMARY))
    model.will(*whole("Here we are."))
    window = open_window(place, f"/c/{session.id}")
    ask(window, "And now?")
    window.get_by_role("region", name="How to go on").get_by_role("button", name="Go on here").click()
    expect_answer(window, "Here we are.")
    expect(window.get_by_text("Checkpoint 1:")).to_be_visible()
