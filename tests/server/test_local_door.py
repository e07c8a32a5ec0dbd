"""Who gets into one person's own server, and who does not."""

import pytest
from starlette.testclient import TestClient

from tests.support.http import ADDRESS, PORT, TOKEN

COOKIE = f"palaver_session_{PORT}"
NOBODY = {"Authorization": ""}


def test_a_token_opens_it(client: TestClient) -> None:
    told = client.get("/api/me").json()
    assert (told["actor"], told["mode"], told["scope"], told["account"]) == ("local", "local", "write", None)


def test_without_a_token_nobody_gets_in(client: TestClient) -> None:
    answer = client.get("/api/projects", headers=NOBODY)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["wrong", "", TOKEN + "x", "ünicode"])
def test_another_token_does_not_open_it(client: TestClient, token: str) -> None:
    answer = client.get("/api/me", headers={b"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 401


def test_the_printed_address_signs_the_browser_in_and_hides_the_token(client: TestClient) -> None:
    answer = client.get(f"/?token={TOKEN}", headers=NOBODY, follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    kept = answer.headers["Set-Cookie"]
    assert kept.startswith(f"{COOKIE}=")
    assert "HttpOnly" in kept
    assert "SameSite=lax" in kept
    assert client.get("/api/me", headers=NOBODY).status_code == 200


def test_a_wrong_token_in_the_address_signs_nobody_in(client: TestClient) -> None:
    answer = client.get("/?token=wrong", headers=NOBODY, follow_redirects=False)
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "localhost:1", ""])
def test_another_name_for_this_machine_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/api/me", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "none"}, 201),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": ADDRESS}, 201),
        ({"Origin": f"http://127.0.0.1:{PORT + 1}"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": ADDRESS}, 403),
        ({}, 403),
    ],
)
def test_with_the_cookie_only_our_own_page_may_change_something(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    client.cookies.set(COOKIE, TOKEN)
    answer = client.post("/api/projects", json={"name": "Travel"}, headers={**NOBODY, **headers})
    assert answer.status_code == status


def test_a_program_with_the_token_needs_no_origin(client: TestClient) -> None:
    answer = client.post(
        "/api/projects", json={"name": "Travel"}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 201
