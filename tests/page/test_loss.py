"""Nothing is lost: reloads, windows beside each other, no network, a server that is killed."""

import threading

from playwright.sync_api import expect

import palaver
from palaver import Store
from tests.page.conftest import OpenWindow
from tests.page.speaking import answers, ask, expect_answer, questions, said, session_of, tell
from tests.support.scripted import DONE, ScriptedServer, Wait, finish, text, whole
from tests.support.serving import Serving


def test_what_is_typed_survives_a_reload(open_window: OpenWindow, place: Serving, chats: Store) -> None:
    session = chats.create_session(title="Half typed")
    chats.append(session.id, palaver.user("a"), palaver.assistant("b"))
    window = open_window(place, f"/c/{session.id}")
    window.get_by_role("textbox", name="Message").fill("a thought that is not fini")
    window.reload()
    expect(window.get_by_role("textbox", name="Message")).to_have_value("a thought that is not fini")
    window.keyboard.press("Control+Shift+O")
    expect(window.get_by_role("textbox", name="Message")).to_have_value("")
    window.go_back()
    expect(window.get_by_role("textbox", name="Message")).to_have_value("a thought that is not fini")


def test_a_reload_in_the_middle_of_an_answer_goes_on(
    open_window: OpenWindow, place: Serving, model: ScriptedServer
) -> None:
    held = threading.Event()
    model.will(text("The beginning, "), Wait(held), text("and the end."), finish(), DONE)
    window = open_window(place)
    ask(window, "Slowly, please.")
    expect(answers(window)).to_contain_text("The beginning,")
    window.reload()
    expect(answers(window)).to_contain_text("The beginning,")
    expect(window.get_by_role("button", name="Stop")).to_be_visible()
    held.set()
    expect_answer(window, "The beginning, and the end.")
    expect(answers(window)).to_have_count(1)


def test_two_windows_show_the_same_answer_and_either_stops_it(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    model.will(text("Both see this"), Wait(threading.Event()))
    session = chats.create_session(title="Two windows")
    chats.append(session.id, palaver.user("a"), palaver.assistant("b"))
    one, two = (open_window(place, f"/c/{session.id}") for _ in range(2))
    ask(one, "Do you both see it?")
    for window in (one, two):
        expect(answers(window).last).to_contain_text("Both see this")
        expect(questions(window).last).to_contain_text("Do you both see it?")
    two.get_by_role("button", name="Stop").click()
    for window in (one, two):
        expect(answers(window).last).to_contain_text("Stopped.")


def test_without_a_network_a_question_waits_and_is_sent_when_it_is_back(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    model.will(*whole("I am back."))
    session = chats.create_session(title="Offline")
    chats.append(session.id, palaver.user("a"), palaver.assistant("b"))
    window = open_window(place, f"/c/{session.id}")
    expect(answers(window)).to_contain_text("b")
    window.context.set_offline(True)
    ask(window, "Are you there?")
    waiting = window.get_by_role("article", name="You, not saved yet")
    expect(waiting).to_contain_text("Will be sent when the connection is back")
    expect(window.get_by_text("Connection lost.")).to_be_visible()
    window.get_by_role("textbox", name="Message").fill("and this is still being typed")
    window.context.set_offline(False)
    expect_answer(window, "I am back.")
    expect(window.get_by_text("Connection lost.")).to_have_count(0)
    expect(window.get_by_role("textbox", name="Message")).to_have_value("and this is still being typed")
    assert said(chats, session.id) == ["a", "b", "Are you there?", "I am back."]


def test_a_question_that_was_not_sent_survives_closing_the_window(
    open_window: OpenWindow, own_place: Serving, own_chats: Store, model: ScriptedServer
) -> None:
    model.will(*whole("At last."))
    window = open_window(own_place)
    expect(window.get_by_role("textbox", name="Message")).to_be_visible()
    window.context.set_offline(True)
    ask(window, "Will this arrive?")
    expect(window.get_by_role("article", name="You, not saved yet")).to_be_visible()
    address = window.url
    window.context.set_offline(False)
    window.goto(address)
    expect_answer(window, "At last.")
    assert said(own_chats, session_of(window, own_chats)) == ["Will this arrive?", "At last."]


def test_a_server_killed_in_the_middle_of_an_answer(
    open_window: OpenWindow, own_place: Serving, own_chats: Store, model: ScriptedServer
) -> None:
    """The half is kept and said to be one, the window finds the server by itself, the next question is answered."""
    model.will(text("This half came"), Wait(threading.Event()))
    window = open_window(own_place)
    ask(window, "Will you make it?")
    expect(answers(window)).to_contain_text("This half came")
    id = session_of(window, own_chats)
    while "This half came" not in said(own_chats, id):  # what streams is on the disk a moment later
        window.wait_for_timeout(20)
    own_place.kill()
    expect(window.get_by_text("Connection lost.")).to_be_visible()
    window.get_by_role("textbox", name="Message").fill("typed meanwhile")
    own_place.start()
    expect(window.get_by_text("You are signed out.")).to_be_visible()
    window.context.new_page().goto(
        own_place.entrance
    )  # as the terminal opens it: each start has a token of its own
    expect(answers(window)).to_contain_text("Interrupted: this is what had come.", timeout=60_000)
    expect(answers(window)).to_contain_text("This half came")
    expect(window.get_by_role("textbox", name="Message")).to_have_value("typed meanwhile")
    tell(model, *whole("Now I did."))
    ask(window, "Again?")
    expect_answer(window, "Now I did.")


def test_a_question_that_is_refused_comes_back_to_whoever_typed_it(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    session = chats.create_session(title="Refused", model="gone", provider="away")
    chats.append(session.id, palaver.user("a"), palaver.assistant("b"))
    window = open_window(place, f"/c/{session.id}")
    ask(window, "Who answers this?")
    refused = window.get_by_role("article", name="You, not saved yet")
    expect(refused.get_by_role("alert")).to_contain_text("Not sent:")
    refused.get_by_role("button", name="Edit").click()
    expect(window.get_by_role("textbox", name="Message")).to_have_value("Who answers this?")
    expect(refused).to_have_count(0)


def test_a_question_typed_during_an_answer_is_sent_after_it(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    held = threading.Event()
    model.will(text("First."), Wait(held), finish(), DONE)
    model.will(*whole("Second."))
    window = open_window(place)
    ask(window, "One?")
    expect(answers(window)).to_contain_text("First.")
    ask(window, "Two?")
    expect(window.get_by_text("Will be sent after this answer")).to_be_visible()
    held.set()
    expect_answer(window, "Second.")
    assert said(chats, session_of(window, chats)) == ["One?", "First.", "Two?", "Second."]


def test_a_question_asked_while_another_window_is_answered_is_sent_after_that(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    """The window learns of the other's answer only by being told that the session is busy."""
    session = chats.create_session(title="One at a time")
    chats.append(session.id, palaver.user("a"), palaver.assistant("b"))
    held = threading.Event()
    model.will(text("To the first."), Wait(held), finish(), DONE)
    model.will(*whole("To the second."))
    one, two = (open_window(place, f"/c/{session.id}") for _ in range(2))
    expect(answers(two)).to_contain_text("b")
    two.context.set_offline(True)
    ask(one, "First?")
    expect(answers(one).last).to_contain_text("To the first.")
    ask(two, "Second?")
    expect(two.get_by_text("Will be sent when the connection is back")).to_be_visible()
    two.context.set_offline(False)
    expect(two.get_by_text("Will be sent after this answer")).to_be_visible()
    held.set()
    expect_answer(two, "To the second.")
    assert said(chats, session.id) == ["a", "b", "First?", "To the first.", "Second?", "To the second."]
