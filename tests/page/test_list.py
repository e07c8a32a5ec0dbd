"""The list of chats, by what a person sees and does."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

import palaver
from palaver import Store
from palaver.model import Time
from tests.page.conftest import OpenWindow
from tests.page.speaking import eventually
from tests.support.serving import Serving


def a_chat(store: Store, title: str, **fields: object) -> str:
    """A chat with a question and an answer."""
    session = store.create_session(title=title)
    store.append(session.id, palaver.user("What is it?"), palaver.assistant("This."))
    if fields:
        store.update_session(session.id, **fields)  # type: ignore[arg-type]
    return session.id


def listed(window: Page) -> Locator:
    return window.get_by_role("navigation", name="Chats")


def row(window: Page, title: str) -> Locator:
    return listed(window).get_by_role("link", name=title)


def titles(window: Page) -> list[str]:
    return [one.get_attribute("title") or "" for one in listed(window).locator("a[data-session]").all()]


def act(window: Page, title: str, *path: str) -> None:
    """Choose something from the menu of a chat."""
    row(window, title).hover()
    listed(window).get_by_role("button", name=f"Actions for {title}").click()
    for name in path:
        window.get_by_role("menuitem", name=name, exact=True).click()


def test_an_empty_list_says_how_to_begin(open_window: OpenWindow, own_place: Serving) -> None:
    window = open_window(own_place)
    expect(listed(window)).to_contain_text("Your chats will stand here")
    expect(window.get_by_role("textbox", name="Message")).to_be_focused()


def test_chats_stand_in_groups_by_their_last_message(
    open_window: OpenWindow, own_place: Serving, own_chats: Store
) -> None:
    now = datetime.now(UTC).replace(hour=12)
    for title, days in {"today": 0, "six days": 6, "twenty": 20, "long ago": 800}.items():
        session = own_chats.create_session(title=title)
        at = Time.of(now - timedelta(days=days))
        own_chats.append(session.id, palaver.user("?", created_at=at))
    a_chat(own_chats, "kept at hand", pinned=True)
    window = open_window(own_place)
    expect(row(window, "kept at hand")).to_be_visible()
    assert titles(window)[0] == "kept at hand"
    assert listed(window).get_by_role("heading", level=3).all_text_contents()[:2] == ["Pinned", "Today"]


def test_what_another_window_does_appears_by_itself(window: Page, chats: Store) -> None:
    expect(listed(window)).to_be_visible()
    id = a_chat(chats, "made elsewhere")
    expect(row(window, "made elsewhere")).to_be_visible()
    chats.update_session(id, title="renamed elsewhere")
    expect(row(window, "renamed elsewhere")).to_be_visible()
    chats.trash_session(id)
    expect(row(window, "renamed elsewhere")).to_be_hidden()


def test_a_double_click_renames_and_escape_does_not(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    id = a_chat(chats, "first name")
    window = open_window(place)
    row(window, "first name").dblclick()
    field = window.get_by_role("textbox", name="New title")
    expect(field).to_have_value("first name")
    field.fill("second name")
    field.press("Enter")
    expect(row(window, "second name")).to_be_visible()
    row(window, "second name").press("F2")
    window.get_by_role("textbox", name="New title").fill("never")
    window.get_by_role("textbox", name="New title").press("Escape")
    expect(row(window, "second name")).to_be_focused()
    eventually(window, lambda: chats.get_session(id).title == "second name")
    assert chats.get_session(id).title_source == "user"


def test_a_chat_is_pinned_tagged_archived_and_taken_out(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    id = a_chat(chats, "about to be sorted")
    window = open_window(place)
    act(window, "about to be sorted", "Pin")
    expect(listed(window).get_by_role("heading", name="Pinned")).to_be_visible()
    act(window, "about to be sorted", "Tags…")
    window.get_by_role("textbox", name="Tags").or_(window.get_by_role("combobox", name="Tags")).fill(
        "travel, may"
    )
    window.get_by_role("dialog").get_by_role("button", name="Save").click()
    act(window, "about to be sorted", "Archive")
    expect(row(window, "about to be sorted")).to_be_hidden()
    window.get_by_role("button", name="Filter the list").click()
    window.get_by_role("menuitem", name="Archive").click()
    expect(row(window, "about to be sorted")).to_be_visible()
    act(window, "about to be sorted", "Take out of the archive")
    expect(window.get_by_text("“about to be sorted” is out of the archive.")).to_be_visible()
    session = chats.get_session(id)
    assert (session.pinned, session.tags, session.archived_at) == (True, ("travel", "may"), None)


def test_deleting_can_be_undone(open_window: OpenWindow, place: Serving, chats: Store) -> None:
    id = a_chat(chats, "deleted by mistake")
    window = open_window(place)
    row(window, "deleted by mistake").click()
    expect(window.get_by_role("heading", name="deleted by mistake")).to_be_visible()
    row(window, "deleted by mistake").press("Delete")
    expect(row(window, "deleted by mistake")).to_be_hidden()
    eventually(window, lambda: chats.get_session(id).trashed_at is not None)
    window.get_by_role("button", name="Undo").click()
    expect(row(window, "deleted by mistake")).to_be_visible()
    eventually(window, lambda: chats.get_session(id).trashed_at is None)


def test_several_are_selected_and_deleted_at_once(
    open_window: OpenWindow, place: Serving, chats: Store
) -> None:
    made = [a_chat(chats, f"one of four {number}") for number in range(4)]
    window = open_window(place)
    row(window, "one of four 3").click(modifiers=["Control"])
    row(window, "one of four 1").click(modifiers=["Shift"])
    selected = window.get_by_role("region", name="Selected chats")
    expect(selected).to_contain_text("3 selected")
    selected.get_by_role("button", name="Actions").click()
    window.get_by_role("menuitem", name="Delete").click()
    expect(row(window, "one of four 1")).to_be_hidden()
    expect(row(window, "one of four 0")).to_be_visible()
    expect(window.get_by_text("3 chats are in the trash.")).to_be_visible()
    assert [chats.get_session(id).trashed_at is None for id in made] == [True, False, False, False]


def test_the_trash_gives_back_and_deletes_for_good(
    open_window: OpenWindow, own_place: Serving, own_chats: Store
) -> None:
    back, gone = a_chat(own_chats, "comes back"), a_chat(own_chats, "goes for good")
    own_chats.trash_session(back)
    own_chats.trash_session(gone)
    window = open_window(own_place)
    window.get_by_role("button", name="Filter the list").click()
    window.get_by_role("menuitem", name="Trash").click()
    act(window, "comes back", "Restore")
    expect(row(window, "comes back")).to_be_hidden()
    act(window, "goes for good", "Delete for good…")
    window.get_by_role("button", name="Delete for good").click()
    expect(listed(window)).to_contain_text("The trash is empty.")
    eventually(window, lambda: own_chats.get_session(back).trashed_at is None)
    with pytest.raises(palaver.NotFound):
        own_chats.get_session(gone)


def test_a_chat_moves_into_a_new_project(open_window: OpenWindow, place: Serving, chats: Store) -> None:
    id = a_chat(chats, "travels")
    window = open_window(place)
    act(window, "travels", "Move to", "New project…")
    window.get_by_role("textbox", name="Name").fill("Voyages")
    window.get_by_role("button", name="Create").click()
    expect(window.get_by_text("Moved to Voyages.")).to_be_visible()
    assert chats.get_project(chats.get_session(id).project_id).name == "Voyages"
    window.get_by_role("button", name="Project: All chats").click()
    window.get_by_role("menuitem", name="Voyages").click()
    expect(row(window, "travels")).to_be_visible()
    assert titles(window) == ["travels"]


def test_a_long_list_is_read_as_one_scrolls(
    open_window: OpenWindow, own_place: Serving, own_chats: Store
) -> None:
    for number in range(260):
        session = own_chats.create_session(title=f"chat {number}")
        own_chats.append(session.id, palaver.user("?"))
    window = open_window(own_place)
    row(window, "chat 259").click()
    row(window, "chat 259").focus()
    window.keyboard.press("End")
    for _ in range(20):
        if "chat 0" in titles(window):
            break
        window.wait_for_timeout(100)
        window.keyboard.press("End")
    expect(row(window, "chat 0").first).to_be_visible()
    assert len(titles(window)) < 100


def test_keys_go_through_the_list(open_window: OpenWindow, place: Serving, chats: Store) -> None:
    for number in range(3):
        a_chat(chats, f"by keys {number}")
    window = open_window(place)
    row(window, "by keys 2").focus()
    window.keyboard.press("ArrowDown")
    expect(row(window, "by keys 1")).to_be_focused()
    window.keyboard.press("ArrowDown")
    window.keyboard.press("Enter")
    expect(window.get_by_role("heading", name="by keys 0")).to_be_visible()
    expect(row(window, "by keys 0")).to_have_attribute("aria-current", "page")
