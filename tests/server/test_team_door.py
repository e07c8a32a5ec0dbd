"""Who gets into a team's server: with a password and a cookie, or with a token."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

import palaver
from palaver.model import Time
from tests.support.factories import NO_ID
from tests.support.http import Team, a_token, team_server
from tests.support.people import PASSWORD

SAME = {"Sec-Fetch-Site": "same-origin"}


def sign_in(client: TestClient, email: str = "ada@example.org", password: str = PASSWORD) -> Any:
    return client.post("/api/auth/login", json={"email": email, "password": password}, headers=SAME)


def code_of(link: str) -> str:
    return urlsplit(link).fragment.removeprefix("code=")


def test_the_first_account_is_made_with_the_link_of_the_log(team: Team) -> None:
    assert team.client.get("/api/auth").json() == {"mode": "team", "setup": True, "providers": []}
    code = team.accounts.bootstrap()
    asked = {"code": str(code), "name": "Ada", "email": "ada@example.org", "password": PASSWORD}
    made = team.client.post("/api/auth/setup", json=asked, headers=SAME)
    assert (made.status_code, made.json()["account"]["administrator"]) == (201, True)
    assert team.client.get("/api/me").json()["account"]["email"] == "ada@example.org"
    assert team.client.get("/api/auth").json()["setup"] is False
    assert team.client.post("/api/auth/setup", json=asked, headers=SAME).status_code == 404


def test_a_sign_in_lasts_until_the_sign_out(team: Team) -> None:
    team.join("Ada", password=PASSWORD)
    answer = sign_in(team.client)
    assert answer.status_code == 200
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("palaver_session=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert team.client.get("/api/me").status_code == 200
    assert team.client.post("/api/auth/logout", headers=SAME).json() == {"success": True}
    assert team.client.get("/api/me").status_code == 401


def test_signing_out_ends_the_cookie_itself(team: Team) -> None:
    team.join("Ada", password=PASSWORD)
    sign_in(team.client)
    kept = team.client.cookies["palaver_session"]
    team.client.post("/api/auth/logout", headers=SAME)
    answer = team.client.get("/api/me", headers={"Cookie": f"palaver_session={kept}"})
    assert answer.status_code == 401


def test_behind_tls_the_cookie_is_secure_and_bound_to_the_host(team: Team) -> None:
    team.join("Ada", password=PASSWORD)
    behind = TestClient(team.client.app, base_url="https://palaver.example")
    cookie = sign_in(behind).headers["Set-Cookie"]
    assert cookie.startswith("__Host-palaver_session=")
    assert "Secure" in cookie.split("; ")
    assert behind.get("/api/me").status_code == 200
    assert behind.get("/api/me").headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_server_that_knows_its_address_answers_to_no_other_name(team_url: str, tmp_path: Path) -> None:
    address = "https://chat.example.org"
    with palaver.open_store(team_url) as store, team_server(store, tmp_path, server_address=address) as team:
        headers = a_token(team.join("Ada", administrator=True))
        assert team.client.get("/api/me", headers=headers).status_code == 421
        assert team.client.get("/health/live").status_code == 200
        reached = TestClient(team.client.app, base_url=address)
        invited = reached.post("/api/invitations", json={}, headers=headers)
        assert invited.json()["link"].startswith(f"{address}/invitation#code=")


def test_a_wrong_password_and_an_unknown_address_are_told_alike(team: Team) -> None:
    team.join("Ada", password=PASSWORD)
    wrong = sign_in(team.client, password="something else")
    unknown = sign_in(team.client, email="eve@example.org")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


def test_guessing_is_slowed_down(team: Team) -> None:
    team.join("Ada", password=PASSWORD)
    answers = [sign_in(team.client, password=f"guess number {n}") for n in range(8)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_an_invitation_makes_an_account(team: Team) -> None:
    ada = team.join("Ada", administrator=True)
    invited = team.client.post("/api/invitations", json={"email": "grace@example.org"}, headers=a_token(ada))
    assert invited.status_code == 201
    link = invited.json()["link"]
    assert link.startswith("http://palaver.example/invitation#code=")
    shown = team.client.post("/api/invitations/lookup", json={"code": code_of(link)}, headers=SAME)
    assert shown.json()["invitation"]["email"] == "grace@example.org"
    asked = {"code": code_of(link), "name": "Grace", "password": PASSWORD}
    accepted = team.client.post("/api/invitations/accept", json=asked, headers=SAME)
    assert (accepted.status_code, accepted.json()["account"]["name"]) == (201, "Grace")
    assert team.client.get("/api/me").json()["account"]["email"] == "grace@example.org"
    assert team.client.post("/api/invitations/accept", json=asked, headers=SAME).status_code == 404


def test_a_revoked_invitation_opens_nothing(team: Team) -> None:
    headers = a_token(team.join("Ada", administrator=True))
    made = team.client.post("/api/invitations", json={}, headers=headers).json()
    path = f"/api/invitations/{made['invitation']['id']}"
    assert team.client.delete(path, headers=headers).json() == {"success": True}
    assert team.client.get("/api/invitations", headers=headers).json() == {"invitations": []}
    answer = team.client.post("/api/invitations/lookup", json={"code": code_of(made["link"])}, headers=SAME)
    assert answer.status_code == 404


def test_a_member_who_has_an_account_comes_in_at_once_and_another_by_a_link(team: Team) -> None:
    ada, grace = team.join("Ada"), team.join("Grace", password=PASSWORD)
    headers = a_token(ada)
    project = team.client.post("/api/projects", json={"name": "Engine"}, headers=headers).json()["project"]
    members = f"/api/projects/{project['id']}/members"
    added = team.client.post(members, json={"email": "grace@example.org", "role": "viewer"}, headers=headers)
    assert (added.status_code, added.json()["member"]["accountId"]) == (201, grace.id)
    assert team.client.get("/api/projects", headers=a_token(grace)).json()["projects"][0]["role"] == "viewer"
    invited = team.client.post(members, json={"email": "mary@example.org", "role": "editor"}, headers=headers)
    assert invited.json()["invitation"]["projectId"] == project["id"]
    asked = {"code": code_of(invited.json()["link"]), "name": "Mary", "password": PASSWORD}
    assert team.client.post("/api/invitations/accept", json=asked, headers=SAME).status_code == 201
    assert team.client.get("/api/projects").json()["projects"][0]["role"] == "editor"
    listed = team.client.get(members, headers=headers).json()["members"]
    assert [one["role"] for one in listed] == ["owner", "viewer", "editor"]


def test_a_role_is_changed_handed_over_and_taken(team: Team) -> None:
    ada, grace = team.join("Ada"), team.join("Grace")
    project = ada.store.create_project("Engine")
    ada.accounts.put_member(project.id, grace.id, "viewer")
    hers = f"/api/projects/{project.id}/members/{grace.id}"
    changed = team.client.patch(hers, json={"role": "editor"}, headers=a_token(ada))
    assert changed.json()["member"]["role"] == "editor"
    handed = team.client.patch(hers, json={"role": "owner"}, headers=a_token(ada))
    assert (handed.json()["member"]["accountId"], handed.json()["member"]["role"]) == (grace.id, "owner")
    his = f"/api/projects/{project.id}/members/{ada.id}"
    assert team.client.delete(his, headers=a_token(grace)).json() == {"success": True}
    assert team.client.get(f"/api/projects/{project.id}", headers=a_token(ada)).status_code == 404


def test_a_token_is_shown_once_and_ends_when_it_is_revoked(team: Team) -> None:
    headers = a_token(team.join("Ada"))
    made = team.client.post("/api/tokens", json={"name": "script"}, headers=headers).json()
    assert made["secret"].startswith("pal_")
    own = {"Authorization": f"Bearer {made['secret']}"}
    assert team.client.get("/api/me", headers=own).status_code == 200
    listed = team.client.get("/api/tokens", headers=headers)
    assert made["secret"] not in listed.text
    assert team.client.delete(f"/api/tokens/{made['token']['id']}", headers=headers).status_code == 200
    assert team.client.get("/api/me", headers=own).status_code == 401


def test_a_reading_token_changes_nothing(team: Team) -> None:
    headers = a_token(team.join("Ada"), "read")
    assert team.client.get("/api/me", headers=headers).json()["scope"] == "read"
    answer = team.client.post("/api/projects", json={"name": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_an_expired_token_opens_nothing(team: Team) -> None:
    ada = team.join("Ada")
    soon = Time.of(datetime.now(UTC) + timedelta(milliseconds=30))
    headers = a_token(ada, expires_at=soon)
    while Time.current() <= soon:
        pass
    assert team.client.get("/api/me", headers=headers).status_code == 401


def test_browsers_that_are_signed_in_are_listed_and_signed_out(team: Team) -> None:
    team.join("Ada", password=PASSWORD)
    sign_in(team.client)
    other = TestClient(team.client.app, base_url="http://palaver.example", headers={"User-Agent": "Other/1"})
    sign_in(other)
    listed = team.client.get("/api/sign-ins").json()
    there = next(one for one in listed["signIns"] if one["userAgent"] == "Other/1")
    assert len(listed["signIns"]) == 2
    assert listed["current"] != there["id"]
    assert team.client.delete(f"/api/sign-ins/{there['id']}", headers=SAME).status_code == 200
    assert other.get("/api/me").status_code == 401
    assert team.client.get("/api/me").status_code == 200


def test_a_changed_password_signs_all_other_browsers_out(team: Team) -> None:
    team.join("Ada", password=PASSWORD)
    other = TestClient(team.client.app, base_url="http://palaver.example")
    sign_in(team.client)
    sign_in(other)
    changed = team.client.post(
        "/api/me/password", json={"old": PASSWORD, "new": "another horse, another battery"}, headers=SAME
    )
    assert changed.json() == {"success": True}
    assert (team.client.get("/api/me").status_code, other.get("/api/me").status_code) == (200, 401)


def test_a_disabled_account_is_out_at_once(team: Team) -> None:
    ada, grace = team.join("Ada", administrator=True), team.join("Grace")
    hers = a_token(grace)
    path = f"/api/accounts/{grace.id}"
    changed = team.client.patch(path, json={"disabled": True}, headers=a_token(ada))
    assert changed.json()["account"]["disabledAt"] is not None
    assert team.client.get("/api/me", headers=hers).status_code == 401


def test_only_administrators_see_accounts_and_settings_of_the_server(team: Team) -> None:
    ada, grace = team.join("Ada", administrator=True), team.join("Grace")
    for path in ("/api/accounts", "/api/providers"):
        assert team.client.get(path, headers=a_token(ada)).status_code == 200
        assert team.client.get(path, headers=a_token(grace)).status_code == 403
    assert team.client.get("/api/stats", headers=a_token(grace)).json()["stats"]["location"] == ""
    assert team.client.get("/api/stats", headers=a_token(ada)).json()["stats"]["location"] != ""


def test_another_persons_tokens_and_browsers_are_not_there(team: Team) -> None:
    ada, grace = team.join("Ada"), team.join("Grace")
    hers = grace.accounts.create_token("hers").token.id
    for path in ("tokens", "sign-ins", "invitations"):
        absent = team.client.delete(f"/api/{path}/{NO_ID}", headers=a_token(ada))
        foreign = team.client.delete(f"/api/{path}/{hers}", headers=a_token(ada))
        assert absent.status_code == foreign.status_code == 404
        assert absent.json()["detail"].replace(NO_ID, hers) == foreign.json()["detail"]


def test_signing_in_from_a_page_of_another_site_is_refused(team: Team) -> None:
    team.join("Ada", password=PASSWORD)
    answer = team.client.post(
        "/api/auth/login",
        json={"email": "ada@example.org", "password": PASSWORD},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("password", ["short", "password123", "x" * 1001])
def test_a_weak_password_is_refused_by_name(team: Team, password: str) -> None:
    code = team.accounts.bootstrap()
    asked = {"code": str(code), "name": "Ada", "email": "ada@example.org", "password": password}
    answer = team.client.post("/api/auth/setup", json=asked, headers=SAME)
    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.json()["errors"]] == ["password"]
