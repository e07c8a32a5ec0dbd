"""What the team application that Palaver grew from was checked by, each by its own name, on both databases."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.factories import NO_ID
from tests.support.http import Team, a_token


@pytest.fixture
def ada(team: Team) -> Mapping[str, str]:
    return a_token(team.join("Ada"))


@pytest.fixture
def project(team: Team, ada: Mapping[str, str]) -> str:
    made = team.client.post("/api/projects", json={"name": "Todo app"}, headers=ada)
    id: str = made.json()["project"]["id"]
    return id


def ensure(team: Team, project: str, headers: Mapping[str, str]) -> Any:
    answer = team.client.post("/api/chat-sessions/ensure", json={"projectId": project}, headers=headers)
    return answer.json()["chatSession"]


def new_session(team: Team, project: str, headers: Mapping[str, str], **fields: Any) -> Any:
    answer = team.client.post("/api/chat-sessions", json={"projectId": project, **fields}, headers=headers)
    assert answer.status_code == 201
    return answer.json()["chatSession"]


def say(team: Team, session: Any, content: str, headers: Mapping[str, str], role: str = "user") -> Any:
    asked = {"chatSessionId": session["id"], "role": role, "content": content}
    answer = team.client.post("/api/chat-messages", json=asked, headers=headers)
    assert answer.status_code == 201
    return answer.json()["message"]


def listed(team: Team, project: str, headers: Mapping[str, str], **query: Any) -> Any:
    found = team.client.get("/api/chat-sessions", params={"projectId": project, **query}, headers=headers)
    return found.json()["chatSessions"]


def contents(team: Team, session: Any, headers: Mapping[str, str]) -> list[str]:
    got = team.client.get(f"/api/chat-sessions/{session['id']}", headers=headers).json()
    return [message["content"] for message in got["chatSession"]["messages"]]


def test_01_a_new_project_has_a_default_session(team: Team, ada: Mapping[str, str], project: str) -> None:
    session = ensure(team, project, ada)
    assert (session["title"], session["projectId"], session["messages"]) == ("New Chat", project, [])


def test_02_messages_reach_the_store(team: Team, ada: Mapping[str, str], project: str) -> None:
    session = ensure(team, project, ada)
    message = say(team, session, "Build me a todo app", ada)
    say(team, session, "Here it is.", ada, role="assistant")
    stored = team.store.as_actor("system").get_message(message["id"])
    assert (stored.text, stored.role) == ("Build me a todo app", "user")
    assert contents(team, session, ada) == ["Build me a todo app", "Here it is."]


def test_03_a_project_has_several_sessions(team: Team, ada: Mapping[str, str], project: str) -> None:
    for name in ("First", "Second", "Third"):
        say(team, new_session(team, project, ada, name=name), name, ada)
    assert [one["title"] for one in listed(team, project, ada)] == ["Third", "Second", "First"]


def test_04_switching_loads_the_right_messages(team: Team, ada: Mapping[str, str], project: str) -> None:
    first, second = (new_session(team, project, ada) for _ in range(2))
    say(team, first, "in the first", ada)
    say(team, second, "in the second", ada)
    assert contents(team, first, ada) == ["in the first"]
    assert contents(team, second, ada) == ["in the second"]
    got = team.client.get("/api/chat-messages", params={"chatSessionId": first["id"]}, headers=ada).json()
    assert [message["content"] for message in got["messages"]] == ["in the first"]


def test_05_a_refresh_keeps_the_state(team: Team, ada: Mapping[str, str], project: str) -> None:
    session = ensure(team, project, ada)
    say(team, session, "still here", ada)
    again = ensure(team, project, ada)
    assert again["id"] == session["id"]
    assert [message["content"] for message in again["messages"]] == ["still here"]


def test_06_deleting_a_session_deletes_its_messages(team: Team, ada: Mapping[str, str], project: str) -> None:
    session = new_session(team, project, ada)
    message = say(team, session, "gone", ada)
    path = f"/api/chat-sessions/{session['id']}"
    assert team.client.delete(path, params={"purge": True}, headers=ada).json() == {"success": True}
    assert team.client.get(path, headers=ada).status_code == 404
    assert team.client.get(f"/api/chat-messages/{message['id']}", headers=ada).status_code == 404


def test_07_deleting_a_project_cascades(team: Team, ada: Mapping[str, str], project: str) -> None:
    session = new_session(team, project, ada)
    message = say(team, session, "gone", ada)
    path = f"/api/projects/{project}"
    assert team.client.delete(path, params={"purge": True}, headers=ada).json() == {"success": True}
    for gone in (path, f"/api/chat-sessions/{session['id']}", f"/api/chat-messages/{message['id']}"):
        assert team.client.get(gone, headers=ada).status_code == 404


def test_08_another_user_is_refused(team: Team, ada: Mapping[str, str], project: str) -> None:
    session = new_session(team, project, ada)
    eve = a_token(team.join("Eve"))
    path = f"/api/chat-sessions/{session['id']}"
    asked = {"chatSessionId": session["id"], "role": "user", "content": "let me in"}
    assert team.client.get(path, headers=eve).status_code == 404
    assert team.client.patch(path, json={"name": "mine"}, headers=eve).status_code == 404
    assert team.client.delete(path, headers=eve).status_code == 404
    assert team.client.post("/api/chat-messages", json=asked, headers=eve).status_code == 404
    params = {"projectId": project}
    assert team.client.get("/api/chat-sessions", params=params, headers=eve).status_code == 404
    assert team.client.get(path).status_code == 401


@pytest.mark.parametrize("id", ["nonsense", NO_ID, "1", "'; DROP TABLE session; --", "%00", "..%2f..%2fetc"])
def test_09_bad_ids_give_a_clean_error(team: Team, ada: Mapping[str, str], id: str) -> None:
    for path in ("chat-sessions", "chat-messages", "projects"):
        answer = team.client.get(f"/api/{path}/{id}", headers=ada)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    asked = {"chatSessionId": id, "role": "user", "content": "hello"}
    answer = team.client.post("/api/chat-messages", json=asked, headers=ada)
    assert answer.status_code == (404 if id == NO_ID else 400)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_10_timestamps_are_shown_correctly(team: Team, ada: Mapping[str, str], project: str) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    session = new_session(team, project, ada)
    message = say(team, session, "now", ada)
    session = listed(team, project, ada)[0]
    for time in (session["createdAt"], session["updatedAt"], message["createdAt"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
        assert before <= datetime.fromisoformat(time) <= datetime.now(UTC) + timedelta(seconds=1)
    assert session["updatedAt"] >= message["createdAt"] >= session["createdAt"]


def test_11_exactly_one_default_under_double_load(team: Team, ada: Mapping[str, str], project: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: ensure(team, project, ada)["id"], range(16)))
    assert len(found) == 1
    assert len(listed(team, project, ada, empty=True)) == 1


def test_12_no_empty_sessions_are_stored(team: Team, ada: Mapping[str, str], project: str) -> None:
    for _ in range(5):
        ensure(team, project, ada)
    assert listed(team, project, ada) == []
    assert len(listed(team, project, ada, empty=True)) == 1


def test_13_a_first_message_is_there_without_a_refresh(
    team: Team, ada: Mapping[str, str], project: str
) -> None:
    session = ensure(team, project, ada)
    say(team, session, "Build me a todo app with reminders, please", ada)
    shown = listed(team, project, ada)[0]
    assert shown["title"] == "Build me a todo app with reminders, please"
    assert (shown["messageCount"], shown["lastMessage"]) == (1, "Build me a todo app with reminders, please")
