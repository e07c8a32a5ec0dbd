"""How much may be sent, how often, and what of it is written down."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import palaver
from palaver import Store
from palaver.server.trace import JsonLines, Trace, log_defect
from tests.support.factories import a_conversation
from tests.support.http import TOKEN, a_token, local_server, team_server

MIB = 1 << 20


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(0, size, MIB):
        yield bytes(MIB)


@pytest.mark.parametrize("claimed", [True, False])
def test_a_body_of_100_mb_is_refused(client: TestClient, claimed: bool) -> None:
    body: Any = bytes(100 * MIB) if claimed else chunks(100 * MIB)
    answer = client.post("/api/projects", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert client.get("/api/me").status_code == 200


def test_a_claimed_length_that_is_no_number_is_no_way_around(client: TestClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": "9" * 30}
    assert client.post("/api/projects", content=chunks(MIB), headers=headers).status_code == 413


@pytest.mark.long
def test_a_message_of_100_mb_is_kept_where_that_is_allowed(store: Store, tmp_path: Path) -> None:
    session = store.create_session()
    text = "ä" * (50 * MIB)
    with local_server(store, tmp_path, server_body_limit=110 * MIB) as client:
        asked = json.dumps({"chatSessionId": session.id, "role": "user", "content": text}, ensure_ascii=False)
        answer = client.post(
            "/api/chat-messages", content=asked.encode(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 201
        assert client.get("/api/chat-sessions").json()["chatSessions"][0]["lastMessage"] == "ä" * 119 + "…"
    assert store.get_message(answer.json()["message"]["id"]).text == text


def test_each_person_may_ask_so_often_and_no_more(tmp_path: Path) -> None:
    with palaver.open_store(tmp_path / "p.db") as store, team_server(store, tmp_path, server_rate=8) as team:
        ada, grace = (a_token(team.join(name)) for name in ("Ada", "Grace"))
        answers = [team.client.get("/api/me", headers=ada) for _ in range(9)]
        assert [answer.status_code for answer in answers] == [200] * 8 + [429]
        assert answers[-1].json()["code"] == "too_fast"
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert team.client.get("/api/me", headers=grace).status_code == 200
        nobody = [team.client.get("/api/me").status_code for _ in range(3)]
        assert nobody == [401, 401, 429]
        assert team.client.get("/health/live").status_code == 200


def test_answers_are_compressed_and_files_and_events_are_not(client: TestClient, store: Store) -> None:
    a_conversation(store, "word " * 1_000)
    file = store.put_file(b"text " * 1_000, name="x.txt")
    headers = {"Accept-Encoding": "gzip"}
    answer = client.get("/api/chat-sessions", params={"include": "messages"}, headers=headers)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert "Content-Encoding" not in client.get(f"/api/files/{file.digest}", headers=headers).headers
    imported = client.post("/api/import", content=b"{}", headers={**headers, "Accept": "text/event-stream"})
    assert "Content-Encoding" not in imported.headers


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the server writes about requests."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("palaver.server")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.setLevel(before)
    logger.removeHandler(handler)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_each_request_is_one_line_without_what_people_write_or_sign_in_with(
    client: TestClient, store: Store, log: io.StringIO
) -> None:
    session = a_conversation(store, "hello")
    asked = {"chatSessionId": session.id, "role": "user", "content": "my secret words"}
    client.post("/api/chat-messages", json=asked)
    client.get("/api/search", params={"q": "my secret words"})
    client.get(f"/?token={TOKEN}")
    client.get(f"/api/chat-sessions/{session.id}", headers={"X-Request-Id": "from-the-proxy"})
    client.post(
        "/api/chat-messages", content=b"my secret words", headers={"Content-Type": "application/json"}
    )
    client.get("/health/live")
    found = lines(log)
    assert [(one["method"], one["route"], one["status"]) for one in found] == [
        ("POST", "/api/chat-messages", 201),
        ("GET", "/api/search", 200),
        ("GET", "-", 303),
        ("GET", "-", 200),
        ("GET", "/api/chat-sessions/{sessionId}", 200),
        ("POST", "/api/chat-messages", 400),
    ]
    assert found[4]["request"] == "from-the-proxy"
    assert {one.get("actor") for one in found} == {"local", None}
    assert "secret" not in log.getvalue()
    assert TOKEN not in log.getvalue()
    assert session.id not in log.getvalue()


def test_a_request_id_that_could_break_the_log_is_not_taken(client: TestClient) -> None:
    for given in ("a b", "x" * 65, "{}", ""):
        answer = client.get("/api/me", headers={"X-Request-Id": given})
        assert answer.headers["X-Request-Id"] != given


def test_of_a_defect_the_log_says_where_and_never_what_was_written(log: io.StringIO) -> None:
    try:
        raise ValueError("my secret words")
    except ValueError as exc:
        log_defect(exc, Trace(id="r"))
    found = lines(log)[0]
    assert (found["what"], found["request"], found["errors"][0]["type"]) == (
        "defect",
        "r",
        "builtins.ValueError",
    )
    assert "test_limits.py" in found["errors"][0]["at"][0]
    assert "secret" not in log.getvalue()


def test_damage_is_told_without_its_place_on_the_disk(client: TestClient, store: Store) -> None:
    a_conversation(store, "hello")
    damage(store)
    answer = client.get("/api/chat-sessions", params={"include": "messages"})
    assert (answer.status_code, answer.json()["code"]) == (500, "corrupt")
    assert answer.json()["requestId"] == answer.headers["X-Request-Id"]
    assert str(store.location) not in answer.text


def damage(store: Store) -> None:
    """Overwrite a message's body behind the store's back."""
    import apsw  # noqa: PLC0415

    connection = apsw.Connection(store.location)
    connection.execute("UPDATE message SET body = x'ff00'")
    connection.close()
