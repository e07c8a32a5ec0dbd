"""What cannot be taken is refused by name, all of it at once; whatever else is sent does no harm."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from palaver import Invalid, Store, wire
from palaver.server.faults import find_faults
from palaver.server.routes.messages import CreateMessage
from palaver.server.routes.sessions import CreateSession, SessionsQuery
from tests.support.factories import NO_ID, a_conversation


def faults_of(client: TestClient, method: str, path: str, **sent: Any) -> dict[str, str]:
    answer = client.request(method, path, **sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.text
    return {fault["field"]: fault["detail"] for fault in answer.json()["errors"]}


def test_every_bad_field_of_a_body_is_named(client: TestClient) -> None:
    body = {
        "title": 5,
        "contextSize": 0,
        "settings": [],
        "relation": "cousin",
        "projectId": "nonsense",
        "modle": "m",
        "parentId": None,
    }
    assert faults_of(client, "POST", "/api/chat-sessions", json=body) == {
        "title": "must be text, not a whole number",
        "contextSize": "must be a whole number >= 1",
        "settings": "must be an object, not a list",
        "relation": "must be one of fork, model_swap, rollover, new",
        "projectId": "must be a UUID such as 01234567-89ab-7cde-8f01-23456789abcd",
        "modle": "is not known here: did you mean model?",
    }


def test_every_bad_field_within_a_list_is_named_by_its_place(client: TestClient) -> None:
    parts = [
        {"type": "text"},
        {"type": "txet", "text": "x"},
        5,
        {"type": "file", "digest": 1, "name": "n", "mime": "m"},
    ]
    body = {"chatSessionId": NO_ID, "role": "narrator", "parts": parts, "createdAt": "yesterday"}
    found = faults_of(client, "POST", "/api/chat-messages", json=body)
    assert found.keys() == {
        "role", "parts[0].text", "parts[1].type", "parts[2]", "parts[3].digest", "parts[3].size", "createdAt",
    }  # fmt: skip
    assert found["parts[0].text"] == "is missing"
    assert found["role"] == "must be one of system, user, assistant, tool, note"


def test_every_bad_parameter_is_named(client: TestClient) -> None:
    asked = "limit=0&pinned=perhaps&state=open&state=trash&before=soon&colour=red&empty=null"
    found = faults_of(client, "GET", f"/api/chat-sessions?{asked}")
    assert found.keys() >= {"state", "empty"}
    asked = "limit=0&pinned=perhaps&before=soon&colour=red"
    assert faults_of(client, "GET", f"/api/chat-sessions?{asked}").keys() == {
        "limit",
        "pinned",
        "before",
        "colour",
    }


def test_a_refusal_of_the_store_names_the_field_as_well(client: TestClient) -> None:
    assert faults_of(client, "POST", "/api/projects", json={"name": " "}).keys() == {"name"}
    assert faults_of(client, "POST", "/api/projects", json={"name": "a\nb"}).keys() == {"name"}


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b'{"title": "\xff"}', b'{"title": "\\ud800"}', b"{'title': 1}",
        b"[" * 100_000, b'{"settings":' * 50_000, b'{"title": NaN}', b'{"contextSize": 1e400}',
        b'{"contextSize": 1' + b"0" * 5000 + b"}",
        b'{"title": "a", "title": 5}', b"\x00", b'{"title": "\\u0000"}',
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/chat-sessions", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert len(answer.content) < 2_000


def test_a_value_nested_too_deep_is_refused_and_one_nested_deep_is_kept(
    client: TestClient, store: Store
) -> None:
    session = store.create_session()
    for depth in (100, 500, 900, 950, 990, 1_000, 1_100, 100_000):
        args = "[" * depth + "]" * depth
        part = f'{{"type": "tool_call", "id": "c", "name": "f", "args": {args}}}'
        body = f'{{"chatSessionId": "{session.id}", "role": "assistant", "parts": [{part}]}}'
        answer = client.post("/api/chat-messages", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in ((201,) if depth <= 500 else (201, 400)), answer.text[:500]


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_of_another_kind_is_refused(client: TestClient, kind: str) -> None:
    answer = client.post("/api/projects", content=b'{"name": "x"}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_the_kind_of_a_body_is_told_in_any_way(client: TestClient, kind: str) -> None:
    answer = client.post("/api/projects", content=b'{"name": "x"}', headers={"Content-Type": kind})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\u202eabc", "a\x00b", "😀" * 100, "\u0301" * 50, "\r\n"]
)
def test_text_of_any_kind_comes_back_as_it_went_in(client: TestClient, store: Store, text: str) -> None:
    session = store.create_session()
    asked = {"chatSessionId": session.id, "role": "user", "content": text}
    answer = client.post("/api/chat-messages", json=asked)
    assert answer.json()["message"]["content"] == text
    assert (
        client.get("/api/chat-messages", params={"chatSessionId": session.id}).json()["messages"][0][
            "content"
        ]
        == text
    )


def test_a_path_that_is_no_text_is_not_found(client: TestClient) -> None:
    for path in ("/api/chat-sessions/%ff", "/api/chat-sessions/%00", "/api/projects/" + "x" * 5_000):
        assert client.get(path).status_code == 404


def test_every_method_that_is_not_there_says_which_are(client: TestClient, store: Store) -> None:
    session = a_conversation(store)
    answer = client.put(f"/api/chat-sessions/{session.id}", json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE, GET, HEAD, PATCH")
    assert client.head(f"/api/chat-sessions/{session.id}").status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "title",
    "settings",
    "projectId",
    "contextSize",
    "relation",
    "chatSessionId",
    "role",
    "parts",
    "usage",
    "type",
    "text",
]


@given(value=JSON | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6))
def test_faults_are_found_exactly_where_msgspec_finds_one(value: Any) -> None:
    for type in (CreateSession, CreateMessage):
        try:
            wire.decode(json.dumps(value), type)
        except Invalid:
            assert find_faults(value, type) != []
        else:
            assert find_faults(value, type) == []


def test_a_parameter_struct_is_walked_as_leniently_as_it_is_decoded() -> None:
    assert find_faults({"limit": "5", "pinned": "true", "tag": ["a"]}, SessionsQuery, strict=False) == []
