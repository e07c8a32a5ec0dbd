"""A conversation, by what a person sees and does."""

import json
import re
import threading
from pathlib import Path

from playwright.sync_api import Route, expect

import palaver
from palaver import Store
from palaver.model import Reasoning, Text
from tests.page.conftest import OpenWindow
from tests.page.speaking import (
    answers,
    ask,
    choose_for,
    eventually,
    expect_answer,
    questions,
    said,
    session_of,
    tell,
)
from tests.support import images
from tests.support.scripted import DONE, ScriptedServer, Wait, delta, finish, text, whole
from tests.support.serving import Serving


def test_a_question_is_answered_and_kept(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    model.will(*whole("Sintra, ", "**Belém** and the river."))
    window = open_window(place)
    ask(window, "What is worth seeing in Lisbon?")
    expect(window.get_by_role("textbox", name="Message")).to_be_focused()
    expect_answer(window, "Sintra, Belém and the river.")
    expect(window.get_by_role("region", name="Messages").locator("> [aria-busy]")).to_have_attribute(
        "aria-busy", "false"
    )
    expect(answers(window).locator("strong")).to_have_text("Belém")
    id = session_of(window, chats)
    assert said(chats, id) == ["What is worth seeing in Lisbon?", "Sintra, **Belém** and the river."]
    expect(window.get_by_role("heading", level=1)).to_have_text("What is worth seeing in Lisbon?")
    expect(
        window.get_by_role("navigation", name="Chats").get_by_role("link", name="What is worth")
    ).to_have_attribute("aria-current", "page")
    expect(answers(window)).to_contain_text("scripted")
    tell(model, *whole("Sunny."))
    ask(window, "And the weather?")
    expect_answer(window, "Sunny.")
    assert said(chats, id)[2:] == ["And the weather?", "Sunny."]


def test_the_question_is_shown_before_it_is_saved_and_marked_until_then(
    open_window: OpenWindow, place: Serving, model: ScriptedServer
) -> None:
    held = threading.Event()
    model.will(text("Half"), Wait(held), finish(), DONE)
    window = open_window(place)
    held_back: list[Route] = []
    window.route("**/turns", lambda it: it.fallback() if it.request.method == "GET" else held_back.append(it))
    ask(window, "Is it saved?")
    expect(window.get_by_role("article", name="You, not saved yet")).to_contain_text("Saving")
    eventually(window, lambda: bool(held_back))
    held_back[0].fallback()
    expect(answers(window)).to_contain_text("Half")
    expect(window.get_by_role("article", name="You, not saved yet")).to_have_count(0)
    expect(questions(window)).to_contain_text("Is it saved?")
    held.set()
    expect(window.get_by_role("button", name="Stop")).to_have_count(0)


def test_escape_stops_and_what_came_is_kept(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    model.will(text("This much came"), Wait(threading.Event()))
    window = open_window(place)
    ask(window, "Tell me everything.")
    expect(answers(window)).to_contain_text("This much came")
    window.keyboard.press("Escape")
    expect(answers(window)).to_contain_text("Stopped.")
    expect(answers(window)).to_contain_text("This much came")
    stored = list(chats.messages(session_of(window, chats)))
    assert [message.status for message in stored] == ["complete", "cancelled"]


def test_retrying_makes_a_branch_and_the_pager_leads_between_them(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    model.will(*whole("First answer."))
    window = open_window(place)
    ask(window, "Once more?")
    expect_answer(window, "First answer.")
    tell(model, *whole("Second answer."))
    answers(window).get_by_role("button", name="Retry").click()
    expect_answer(window, "Second answer.")
    pager = window.get_by_role("toolbar", name="Branch 2 of 2")
    expect(pager).to_contain_text("2 / 2")
    pager.get_by_role("button", name="Previous branch").press("ArrowLeft")
    expect(answers(window)).to_contain_text("First answer.")
    expect(window.get_by_role("toolbar", name="Branch 1 of 2")).to_be_visible()
    window.get_by_role("button", name="Next branch").click()
    expect(answers(window)).to_contain_text("Second answer.")


def test_editing_a_question_begins_a_branch_that_is_shown_to_its_end(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    session = chats.create_session()
    chats.append(
        session.id,
        palaver.user("first"), palaver.assistant("one"), palaver.user("then"), palaver.assistant("two"),
    )  # fmt: skip
    window = open_window(place, f"/c/{session.id}")
    model.will(*whole("another one"))
    questions(window).first.hover()
    questions(window).first.get_by_role("button", name="Edit").click()
    box = window.get_by_role("textbox", name="Message")
    expect(box).to_have_value("first")
    box.fill("first, in other words")
    box.press("Enter")
    expect_answer(window, "another one")
    assert said(chats, session.id) == ["first, in other words", "another one"]
    window.get_by_role("button", name="Previous branch").click()
    expect(answers(window).last).to_contain_text("two")
    assert said(chats, session.id) == ["first", "one", "then", "two"]


def test_a_message_is_copied_left_out_deleted_and_brought_back(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    session = chats.create_session(title="About messages")
    chats.append(session.id, palaver.user("keep this"), palaver.assistant("say *that*"))
    window = open_window(place, f"/c/{session.id}", permissions=["clipboard-read", "clipboard-write"])
    answers(window).hover()
    answers(window).get_by_role("button", name="Copy", exact=True).click()
    expect(answers(window).get_by_role("button", name="Copied")).to_be_visible()
    assert window.evaluate("navigator.clipboard.readText()") == "say *that*"
    choose_for(window, questions(window), "Leave out of what is sent")
    expect(questions(window)).to_contain_text("not sent to the model")
    choose_for(window, answers(window), "Delete")
    expect(answers(window)).to_have_count(0)
    window.get_by_role("button", name="Undo").click()
    expect(answers(window)).to_contain_text("say that")
    assert [message.in_context for message in chats.messages(session.id)] == [False, True]


def test_a_fork_is_a_chat_of_its_own_up_to_here(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    session = chats.create_session(title="The trunk")
    chats.append(
        session.id, palaver.user("a"), palaver.assistant("b"), palaver.user("c"), palaver.assistant("d")
    )
    window = open_window(place, f"/c/{session.id}")
    choose_for(window, answers(window).first, "Fork here")
    expect(window).not_to_have_url(re.compile(session.id))
    expect(answers(window)).to_have_count(1)
    fork = chats.get_session(session_of(window, chats))
    assert (fork.parent_id, said(chats, fork.id)) == (session.id, ["a", "b"])


def test_reasoning_and_tools_are_folded_and_a_call_is_asked_about(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    call = {
        "index": 0,
        "id": "c1",
        "function": {"name": "plain__echo", "arguments": json.dumps({"text": "hello"})},
    }
    model.will(
        delta(reasoning_content="I should ask."),
        text("Let me see."),
        delta(tool_calls=[call]),
        finish("tool_calls"),
        DONE,
    )
    model.will(*whole("It said hello."))
    window = open_window(place)
    ask(window, "Use a tool.")
    approval = window.get_by_role("region", name="A tool wants to run")
    expect(approval).to_contain_text("echo")
    approval.get_by_role("button", name="Allow once").click()
    expect_answer(window, "It said hello.")
    expect(window.get_by_text("Reasoned")).to_be_visible()
    expect(window.get_by_text("I should ask.")).to_be_hidden()
    window.get_by_text("Reasoned").click()
    expect(window.get_by_text("I should ask.")).to_be_visible()
    tool = window.get_by_role("group").filter(has_text="plain__echo")
    expect(tool).to_contain_text("done")
    tool.get_by_text("plain__echo").click()
    expect(tool).to_contain_text("Gave back")
    window.reload()
    expect(answers(window).last).to_contain_text("It said hello.")
    expect(window.get_by_role("group").filter(has_text="plain__echo")).to_contain_text("done")


def test_files_come_by_button_paste_and_drop_and_go_to_the_model(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer, tmp_path: Path
) -> None:
    model.will(*whole("Nice picture."))
    picture, notes = tmp_path / "dot.png", tmp_path / "notes.txt"
    picture.write_bytes(images.png(4, 4))
    notes.write_text("Some notes.")
    window = open_window(place)
    form = window.get_by_role("form", name="Your message")
    form.locator("input[type=file]").set_input_files([picture, notes])
    expect(form.get_by_role("img", name="dot.png")).to_be_visible()
    expect(form.get_by_role("link", name="notes.txt")).to_be_visible()
    for kind, event in (("paste", "ClipboardEvent"), ("drop", "DragEvent")):
        form.get_by_role("textbox").evaluate(
            """(box, [kind, name]) => {
              const data = new DataTransfer()
              data.items.add(new File([`by ${kind}`], `${kind}.txt`, {type: 'text/plain'}))
              const given = kind === 'paste' ? {clipboardData: data} : {dataTransfer: data}
              box.dispatchEvent(new window[name](kind, {bubbles: true, cancelable: true, ...given}))
            }""",
            [kind, event],
        )
        expect(form.get_by_role("link", name=f"{kind}.txt")).to_be_visible()
    form.get_by_role("button", name="Remove paste.txt").click()
    ask(window, "What is this?")
    expect_answer(window, "Nice picture.")
    expect(questions(window).get_by_role("img", name="dot.png")).to_be_visible()
    sent = json.dumps(model.requests[-1])
    assert "data:image/png;base64," in sent
    assert "Some notes." in sent
    assert "by drop" in sent
    assert "by paste" not in sent


def test_a_conversation_opens_at_its_end_and_goes_upwards(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    session = chats.create_session(title="A long one")
    for number in range(120):
        chats.append(
            session.id, palaver.user(f"question {number}."), palaver.assistant(f"answer {number}.\n\n" * 4)
        )
    window = open_window(place, f"/c/{session.id}")
    expect(answers(window).last).to_contain_text("answer 119.")
    expect(answers(window).last).to_be_in_viewport()
    thread = window.get_by_role("region", name="Messages")
    thread.hover()
    for _ in range(200):
        window.mouse.wheel(0, -3000)
        if window.get_by_text("question 0.", exact=True).count():
            break
        window.wait_for_timeout(30)
    expect(window.get_by_text("question 0.", exact=True)).to_be_attached()
    window.get_by_role("button", name="To the newest message").click()
    expect(answers(window).last).to_be_in_viewport()
    expect(answers(window).last).to_contain_text("answer 119.")


def test_a_hit_opens_the_chat_at_the_message_and_marks_it(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    session = chats.create_session(title="Haystack")
    made = [
        m
        for n in range(150)
        for m in chats.append(session.id, palaver.user(f"straw {n}"), palaver.assistant("hay"))
    ]
    (needle,) = chats.append(session.id, palaver.user("a zanzibarian needle"), parent_id=made[40].id)
    chats.append(session.id, *(palaver.user(f"more {n}") for n in range(200)), parent_id=needle.id)
    chats.set_head(session.id, needle.id, to_end=True)
    window = open_window(place)
    expect(window.get_by_role("textbox", name="Message")).to_be_visible()
    window.keyboard.press("Control+k")
    window.get_by_role("combobox").fill("zanzibarian")
    expect(window.get_by_role("option", name="zanzibarian needle").first).to_be_visible()
    window.get_by_role("option", name="a zanzibarian needle").first.click()
    found = window.get_by_role("article").filter(has_text="a zanzibarian needle")
    expect(found).to_be_in_viewport()
    expect(found).to_be_focused()
    assert "hit" in (found.get_attribute("class") or "")
    window.get_by_role("button", name="To the newest message").click()
    expect(questions(window).last).to_contain_text("more 199")


def test_a_hit_on_another_branch_is_shown_and_can_be_gone_on_from(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    session = chats.create_session(title="Two ways")
    (root,) = chats.append(session.id, palaver.user("where to?"))
    chats.append(session.id, palaver.assistant("to the north"))
    (hidden,) = chats.append(session.id, palaver.assistant("to the quixotic south"), parent_id=root.id)
    window = open_window(place, f"/c/{session.id}#{hidden.id}")
    expect(answers(window)).to_contain_text("quixotic south")
    expect(window.get_by_text("This is another branch")).to_be_visible()
    window.get_by_role("button", name="To the one that is shown").click()
    expect(answers(window)).to_contain_text("to the north")
    window.goto(f"{place.address}/c/{session.id}#{hidden.id}")
    model.will(*whole("Then south it is."))
    ask(window, "Go on.")
    expect_answer(window, "Then south it is.")
    assert said(chats, session.id) == ["where to?", "to the quixotic south", "Go on.", "Then south it is."]


def test_the_reader_who_goes_up_is_left_there(
    open_window: OpenWindow, place: Serving, model: ScriptedServer
) -> None:
    held = threading.Event()
    model.will(text("line\n\n" * 60), Wait(held), text("more\n\n" * 60), finish(), DONE)
    window = open_window(place)
    ask(window, "Write a lot.")
    expect(answers(window)).to_contain_text("line")
    thread = window.get_by_role("region", name="Messages")
    expect(window.get_by_role("button", name="To the newest message")).to_have_count(0)
    thread.hover()
    window.mouse.wheel(0, -600)
    window.wait_for_timeout(200)
    before = thread.evaluate("one => one.scrollTop")
    held.set()
    expect(answers(window)).to_contain_text("more")
    expect(window.get_by_role("button", name="Stop")).to_have_count(0)
    assert abs(thread.evaluate("one => one.scrollTop") - before) < 3
    window.get_by_role("button", name="To the newest message").click()
    assert thread.evaluate("one => one.scrollHeight - one.clientHeight - one.scrollTop") < 3


def test_the_model_and_its_window_are_chosen_in_two_steps(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    model.will(*whole("Yes."))
    window = open_window(place)
    window.get_by_role("button", name="Model:").click()
    window.get_by_role("searchbox", name="Find a model").fill("script")
    expect(window.get_by_role("dialog").get_by_role("button", name="scripted")).to_be_visible()
    window.get_by_role("searchbox", name="Find a model").press("ArrowDown")
    window.keyboard.press("Enter")
    window.get_by_role("radio", name="4,096").check()
    window.get_by_role("button", name="Use scripted").click()
    ask(window, "Is it small?")
    expect_answer(window, "Yes.")
    session = chats.get_session(session_of(window, chats))
    assert (session.model, session.provider, session.context_size) == ("scripted", "scripted", 4096)
    window.get_by_role("button", name="Model:").click()
    window.get_by_role("button", name="demo").click()
    window.get_by_role("button", name="Start a linked chat").click()
    expect(window).not_to_have_url(re.compile(session.id))
    linked = chats.get_session(session_of(window, chats))
    assert (linked.model, linked.parent_id, linked.relation) == ("demo", session.id, "model_swap")


def test_the_system_prompt_and_settings_are_those_of_the_chat(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    session = chats.create_session(title="With settings")
    chats.append(session.id, palaver.user("a"), palaver.assistant("b"))
    window = open_window(place, f"/c/{session.id}")
    window.get_by_role("button", name="Actions for this chat").click()
    window.get_by_role("menuitem", name="System prompt and settings…").click()
    window.get_by_label("System prompt").last.fill("Answer like a pirate.")
    window.get_by_label("Temperature").fill("0.2")
    window.get_by_role("button", name="Save", exact=True).click()
    expect(window.get_by_role("dialog")).to_have_count(0)
    tell(model, *whole("Arr."))
    ask(window, "Hello?")
    expect_answer(window, "Arr.")
    assert model.requests[-1]["messages"][0]["content"] == "Answer like a pirate."
    assert model.requests[-1]["temperature"] == 0.2


def test_notes_interruptions_and_errors_are_said_quietly(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    session = chats.create_session(title="With events")
    chats.append(session.id, palaver.note("Session started"), palaver.user("a"))
    chats.append(session.id, palaver.assistant("half", status="interrupted"))
    chats.append(session.id, palaver.user("b"))
    chats.append(
        session.id,
        palaver.assistant("", status="error", error="The model is away.", parts=(Reasoning("Hm."), Text(""))),
    )
    window = open_window(place, f"/c/{session.id}")
    expect(window.get_by_role("note")).to_have_text("Session started")
    expect(answers(window).first).to_contain_text("Interrupted: this is what had come.")
    expect(answers(window).last.get_by_role("alert")).to_have_text("The model is away.")


def test_what_is_far_above_is_let_go_while_one_reads_at_the_end_and_comes_back(
    open_window: OpenWindow, place: Serving, chats: Store, model: ScriptedServer
) -> None:
    session = chats.create_session(title="Long answers")
    long = "\n\n".join(["x"] * 100)
    for number in range(6):
        chats.append(session.id, palaver.user(f"Question {number}"), palaver.assistant(long))
    window = open_window(place, f"/c/{session.id}")
    thread = window.get_by_role("region", name="Messages")
    first = questions(window).filter(has_text="Question 0")
    thread.hover()
    while not first.count():
        window.mouse.wheel(0, -1000)
        window.wait_for_timeout(16)
    tell(model, *whole("At the end."))
    ask(window, "And now?")
    expect_answer(window, "At the end.")
    expect(first).to_have_count(0)
    assert thread.evaluate("one => one.scrollHeight - one.clientHeight - one.scrollTop") < 3
    thread.hover()
    while not first.count():
        window.mouse.wheel(0, -1000)
        window.wait_for_timeout(16)
    expect(first).to_be_visible()


def test_a_question_stands_above_its_answer_also_where_that_is_heard_of_first(
    open_window: OpenWindow, place: Serving, model: ScriptedServer
) -> None:
    rest = threading.Event()
    model.will(text("I was faster."), Wait(rest), finish(), DONE)
    window = open_window(place)
    held: list[Route] = []
    window.route("**/api/chat-messages?**", lambda route: held.append(route))  # noqa: PLW0108 - Playwright asks it what it takes
    ask(window, "Who is first?")
    expect(answers(window)).to_contain_text("I was faster.")
    for route in held:
        route.continue_()
    window.unroute("**/api/chat-messages?**")
    expect(questions(window)).to_contain_text("Who is first?")
    expect(window.get_by_role("article", name="You, not saved yet")).to_have_count(0)
    rest.set()
    expect_answer(window, "I was faster.")
