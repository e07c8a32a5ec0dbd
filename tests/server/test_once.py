"""A POST with an idempotency key is done once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from palaver.errors import Busy
from palaver.storage.requests import KEPT_MS, LEASE_MS, Begun, Done, KeyReused, Requests, open_requests
from tests.support.factories import ids
from tests.support.http import Team, a_token

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


def headers(team: Team) -> dict[str, str]:
    return {**a_token(team.join("Ada")), **KEY}


def test_a_repeat_gets_the_answer_of_the_first_and_makes_nothing(team: Team) -> None:
    asked = headers(team)
    first = team.client.post("/api/projects", json={"name": "Once"}, headers=asked)
    again = team.client.post("/api/projects", json={"name": "Once"}, headers=asked)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Location"] == first.headers["Location"]
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (
        None,
        "true",
    )
    assert len(team.client.get("/api/projects", headers=asked).json()["projects"]) == 1


def test_another_request_with_the_same_key_is_refused(team: Team) -> None:
    asked = headers(team)
    team.client.post("/api/projects", json={"name": "One"}, headers=asked)
    for path, body in (("/api/projects", {"name": "Two"}), ("/api/chat-sessions", {})):
        answer = team.client.post(path, json=body, headers=asked)
        assert (answer.status_code, answer.json()["code"]) == (409, "key_reused")


def test_a_key_is_each_persons_own(team: Team) -> None:
    ada, grace = ({**a_token(team.join(name)), **KEY} for name in ("Ada", "Grace"))
    first = team.client.post("/api/projects", json={"name": "Same"}, headers=ada).json()
    second = team.client.post("/api/projects", json={"name": "Same"}, headers=grace).json()
    assert first["project"]["id"] != second["project"]["id"]


def test_what_was_refused_may_be_tried_again_with_the_same_key(team: Team) -> None:
    asked = headers(team)
    session = team.client.post("/api/chat-sessions", json={}, headers=a_token_of(asked)).json()["chatSession"]
    path = f"/api/chat-sessions/{session['id']}"
    team.client.delete(path, headers=a_token_of(asked))
    body = {"chatSessionId": session["id"], "role": "user", "content": "Hello"}
    assert team.client.post("/api/chat-messages", json=body, headers=asked).status_code == 409
    team.client.post(f"{path}/untrash", headers=a_token_of(asked))
    assert team.client.post("/api/chat-messages", json=body, headers=asked).status_code == 201


def a_token_of(asked: dict[str, str]) -> dict[str, str]:
    return {"Authorization": asked["Authorization"]}


def test_of_many_at_once_one_is_done(team: Team) -> None:
    asked = headers(team)
    session = team.client.post("/api/chat-sessions", json={}, headers=a_token_of(asked)).json()["chatSession"]
    body = {"chatSessionId": session["id"], "role": "user", "content": "Only once"}

    def send(_: int) -> Any:
        return team.client.post("/api/chat-messages", json=body, headers=asked)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["message"]["id"] for answer in answers if answer.status_code == 201}) == 1
    got = team.client.get("/api/chat-messages", params={"chatSessionId": session["id"]}, headers=asked)
    assert [message["content"] for message in got.json()["messages"]] == ["Only once"]


def test_an_answer_too_large_to_keep_is_made_again_and_makes_nothing_new(team: Team) -> None:
    asked = headers(team)
    session = team.client.post("/api/chat-sessions", json={}, headers=a_token_of(asked)).json()["chatSession"]
    body = {"chatSessionId": session["id"], "role": "user", "content": "x" * (2 << 20)}
    first, again = (team.client.post("/api/chat-messages", json=body, headers=asked) for _ in range(2))
    assert first.json()["message"] == again.json()["message"]


def test_a_secret_is_not_kept_for_a_repeat(team: Team) -> None:
    asked = headers(team)
    made = team.client.post("/api/tokens", json={"name": "script"}, headers=asked)
    again = team.client.post("/api/tokens", json={"name": "script"}, headers=asked)
    assert (made.status_code, again.status_code) == (201, 409)
    assert made.json()["secret"] not in again.text


@pytest.mark.parametrize("key", ["", " ", "ä", "x" * 256, "a b"])
def test_a_key_that_is_none_is_refused(team: Team, key: str) -> None:
    asked = {**headers(team), "Idempotency-Key": key}
    sent = {name.encode(): value.encode() for name, value in asked.items()}
    answer = team.client.post("/api/projects", json={"name": "x"}, headers=sent)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


@pytest.fixture
def requests(team: Team) -> Requests:
    return open_requests(team.store)


def test_one_that_died_is_begun_again_with_the_same_id(requests: Requests) -> None:
    first = requests.begin("ada", "k", b"d")
    assert isinstance(first, Begun)
    with pytest.raises(Busy):
        requests.begin("ada", "k", b"d")
    requests.release("ada", "k")
    assert requests.begin("ada", "k", b"d") == first
    assert LEASE_MS < KEPT_MS


def test_what_was_answered_is_kept_until_it_is_forgotten(requests: Requests) -> None:
    requests.begin("ada", "k", b"d")
    done = Done(201, {"location": "/x"}, b"\x00{}")
    requests.finish("ada", "k", done)
    assert requests.begin("ada", "k", b"d") == done
    with pytest.raises(KeyReused):
        requests.begin("ada", "k", b"another")
    requests.forget("ada", "k")
    assert isinstance(requests.begin("ada", "k", b"another"), Begun)


def test_ids_of_repeated_messages_are_those_of_the_first(team: Team) -> None:
    ada = team.join("Ada")
    session = ada.store.create_session()
    asked = {**a_token(ada), **KEY}
    body = {"chatSessionId": session.id, "role": "user", "content": "Hello"}
    for _ in range(3):
        team.client.post("/api/chat-messages", json=body, headers=asked)
    assert len(ids(list(ada.store.messages(session.id)))) == 1
