"""Conversations come in and go out over HTTP."""

import json
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from palaver import Store
from palaver.formats import FORMATS
from palaver.server.routes.transfers import Readable, Writable
from tests.support.factories import NO_ID, a_conversation


def exported(client: TestClient, **query: Any) -> bytes:
    answer = client.get("/api/export", params=query)
    assert answer.status_code == 200
    return answer.content


def test_what_goes_out_comes_in_again_without_loss(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "Hello?", "Yes.")
    file = exported(client)
    before = list(store.messages(session.id))
    store.purge_session(session.id)
    answer = client.post("/api/import", content=file)
    assert answer.status_code == 200
    assert answer.json()["report"]["added"]["message"] == 2
    assert list(store.messages(session.id)) == before
    again = client.post("/api/import", content=file).json()["report"]
    assert again["added"] == {}


def test_a_dry_run_changes_nothing(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "Hello?")
    file = exported(client)
    store.purge_session(session.id)
    report = client.post("/api/import", params={"dryRun": "true"}, content=file).json()["report"]
    assert (report["dryRun"], report["added"]["message"]) == (True, 1)
    assert client.get("/api/chat-sessions").json()["chatSessions"] == []


def test_an_import_tells_how_far_it_is(client: TestClient, store: Store) -> None:
    a_conversation(store, *["word " * 50] * 40)
    file = exported(client)
    answer = client.post("/api/import", content=file, headers={"Accept": "text/event-stream"})
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    names = [lines[0].removeprefix("event: ") for lines in events]
    data = [json.loads(lines[1].removeprefix("data: ")) for lines in events]
    assert names[:-1] == ["progress"] * (len(names) - 1)
    assert names[-1] == "report"
    assert data[-2] == {"read": len(file), "size": len(file)}
    assert data[-1]["present"]["message"] == 40


def test_an_import_that_fails_in_a_stream_ends_with_its_problem(client: TestClient) -> None:
    answer = client.post("/api/import", content=b"nonsense", headers={"Accept": "text/event-stream"})
    name, data = answer.text.strip().split("\n")
    assert name == "event: problem"
    assert json.loads(data.removeprefix("data: "))["code"] == "invalid"


@pytest.mark.parametrize("body", [b"", b"nonsense", b"\xff\xfe", b"[[[[", b'{"mapping": 1}', bytes(2_000)])
def test_what_is_no_file_of_conversations_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/import", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("format", ["palaver", "openai", "enteract"])
def test_every_session_goes_out_in_formats_that_hold_many(
    client: TestClient, store: Store, format: str
) -> None:
    a_conversation(store, "one thing")
    a_conversation(store, "another thing")
    text = exported(client, format=format).decode()
    assert "one thing" in text
    assert "another thing" in text


@pytest.mark.parametrize(("format", "ending"), [("markdown", "md"), ("html", "html"), ("ollm", "json")])
def test_one_session_goes_out_in_every_other_format(
    client: TestClient, store: Store, format: str, ending: str
) -> None:
    session = a_conversation(store, "one thing")
    answer = client.get("/api/export", params={"format": format, "chatSessionId": session.id})
    assert "one thing" in answer.text
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Disposition"].endswith(f".{ending}")


def test_what_cannot_go_out_is_a_problem_and_not_half_a_file(client: TestClient, store: Store) -> None:
    a_conversation(store, "one")
    a_conversation(store, "two")
    assert client.get("/api/export", params={"format": "ollm"}).status_code == 400
    assert client.get("/api/export", params={"chatSessionId": NO_ID}).status_code == 404
    assert client.get("/api/export", params={"projectId": NO_ID}).status_code == 404
    assert client.get("/api/export", params={"format": "docx"}).json()["errors"][0]["field"] == "format"


def test_a_stranger_takes_out_nothing(client: TestClient, store: Store) -> None:
    a_conversation(store.as_actor("somebody"), "secret")
    assert b"secret" not in exported(client)


def test_every_format_there_is_can_be_named() -> None:
    assert set(get_args(Readable)) == {name for name, known in FORMATS.items() if known.read}
    assert set(get_args(Writable)) == {name for name, known in FORMATS.items() if known.write}
