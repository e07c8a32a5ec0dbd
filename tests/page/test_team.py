"""A team: its first administrator, invitations, members and their roles, tokens, signing in and out."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenWindow, config_of
from tests.support import axe
from tests.support.scripted import ScriptedServer
from tests.support.serving import Serving, serving

PASSWORD = "marigolds bloom late"
LABELS = {"Email": "E-mail address"}


@pytest.fixture
def team(tmp_path: Path, model: ScriptedServer) -> Iterator[Serving]:
    with serving(str(tmp_path / "palaver.db"), tmp_path, "--team", config=config_of(model)) as place:
        yield place


def fill(window: Page, **fields: str) -> None:
    for label, value in fields.items():
        window.get_by_label(LABELS.get(label, label.replace("_", " ")), exact=True).fill(value)


def set_up(open_window: OpenWindow, team: Serving) -> Page:
    """The first administrator's window."""
    link = re.search(r"http\S+/setup#code=\S+", team.log)
    assert link
    window = open_window(team)
    expect(window.get_by_role("form", name="Sign in")).to_contain_text("Nobody has an account yet")
    window.goto(link[0])
    fill(window, Name="Ada", Email="ada@example.org", Password=PASSWORD)
    window.get_by_role("button", name="Create the account").click()
    expect(window.get_by_role("textbox", name="Message")).to_be_visible()
    assert window.url == f"{team.address}/"
    return window


def invite(ada: Page, team: Serving) -> str:
    ada.goto(f"{team.address}/settings/people")
    ada.get_by_role("button", name="Make an invitation").click()
    return ada.get_by_label("The invitation.").input_value()


def join(open_window: OpenWindow, team: Serving, link: str, name: str) -> Page:
    window = open_window(team)
    window.goto(link)
    fill(window, Name=name, Email=f"{name.lower()}@example.org", Password=PASSWORD)
    window.get_by_role("button", name="Create the account").click()
    expect(window.get_by_role("textbox", name="Message")).to_be_visible()
    return window


def test_a_team_begins_and_shares_a_project(open_window: OpenWindow, team: Serving) -> None:
    ada = set_up(open_window, team)
    ben = join(open_window, team, invite(ada, team), "Ben")
    ada.get_by_role("button", name="Project: All chats").click()
    ada.get_by_role("menuitem", name="New project…").click()
    fill(ada, Name="Shared")
    ada.get_by_role("button", name="Create").click()
    ada.get_by_role("button", name="Project: Shared").click()
    ada.get_by_role("menuitem", name="Project and members…").click()
    fill(ada, Email="ben@example.org")
    ada.get_by_role("combobox", name="Role").select_option("viewer")
    ada.get_by_role("button", name="Add").click()
    expect(ada.get_by_role("main")).to_contain_text("ben@example.org")
    assert axe.violations(ada) == []

    ben.reload()
    ben.get_by_role("button", name="Project: All chats").click()
    ben.get_by_role("menuitem", name="Shared").click()
    ben.get_by_role("button", name="Project: Shared").click()
    ben.get_by_role("menuitem", name="Project and members…").click()
    expect(ben.get_by_label("Name", exact=True)).to_be_disabled()

    ada.get_by_label("Role of Ben").select_option("editor")
    ada.reload()
    expect(ada.get_by_label("Role of Ben")).to_have_value("editor")
    ada.get_by_role("button", name="Remove Ben").click()
    expect(ada.get_by_role("main")).not_to_contain_text("ben@example.org")


def test_signing_out_and_in_again(open_window: OpenWindow, team: Serving) -> None:
    ada = set_up(open_window, team)
    ada.goto(f"{team.address}/settings")
    ada.get_by_role("button", name="Sign out").click()
    expect(ada.get_by_role("button", name="Sign in")).to_be_visible()
    assert axe.violations(ada) == []
    fill(ada, Email="ada@example.org", Password="not this one at all")
    ada.get_by_role("button", name="Sign in").click()
    expect(ada.get_by_role("alert")).to_be_visible()
    fill(ada, Password=PASSWORD)
    ada.get_by_role("button", name="Sign in").click()
    expect(ada.get_by_role("textbox", name="Message")).to_be_visible()


def test_a_token_is_shown_once_and_opens_the_api(open_window: OpenWindow, team: Serving) -> None:
    ada = set_up(open_window, team)
    ada.goto(f"{team.address}/settings/access")
    fill(ada, What_for="a script")
    ada.get_by_role("button", name="Make a token").click()
    secret = ada.get_by_label("The token.").input_value()
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx2.get(f"{team.address}/api/projects", headers=headers).status_code == 200
    assert axe.violations(ada) == []
    ada.reload()
    expect(ada.get_by_role("main")).to_contain_text("a script")
    expect(ada.get_by_role("main")).not_to_contain_text(secret)
    ada.get_by_role("button", name="Revoke a script").click()
    expect(ada.get_by_role("main")).to_contain_text("None yet.")
    assert httpx2.get(f"{team.address}/api/projects", headers=headers).status_code == 401


def test_an_administrator_disables_an_account(open_window: OpenWindow, team: Serving) -> None:
    ada = set_up(open_window, team)
    ben = join(open_window, team, invite(ada, team), "Ben")
    ada.reload()
    ada.get_by_role("button", name="Disable").click()
    expect(ada.get_by_role("main")).to_contain_text("disabled")
    assert axe.violations(ada) == []
    ben.reload()
    expect(ben.get_by_role("button", name="Sign in")).to_be_visible()
