"""Sessions, messages and what is around them, as a client of the REST API uses them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from palaver import Store
from tests.support.factories import NO_ID, a_conversation, ids, say


def get(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def numbered(count: int) -> list[str]:
    return [f"message {number}" for number in range(1, count + 1)]


def contents(found: Any) -> list[str]:
    return [message["content"] for message in found["messages"]]


def test_a_thread_is_read_in_both_directions_from_any_message(client: TestClient, store: Store) -> None:
    session = a_conversation(store, *numbered(20))
    all = ids(list(store.messages(session.id)))
    newest = get(client, "/api/chat-messages", chatSessionId=session.id, limit=5)
    assert contents(newest) == numbered(20)[15:]
    assert newest["newerCursor"] is None
    older = get(client, "/api/chat-messages", chatSessionId=session.id, limit=5, before=newest["nextCursor"])
    assert contents(older) == numbered(20)[10:15]
    newer = get(client, "/api/chat-messages", chatSessionId=session.id, limit=5, after=older["newerCursor"])
    assert contents(newer) == numbered(20)[15:]
    around = get(client, "/api/chat-messages", chatSessionId=session.id, limit=5, around=all[9])
    assert contents(around) == numbered(20)[7:12]
    before = get(client, "/api/chat-messages", chatSessionId=session.id, limit=5, before=around["nextCursor"])
    assert contents(before) == numbered(20)[2:7]
    after = get(client, "/api/chat-messages", chatSessionId=session.id, limit=5, after=around["newerCursor"])
    assert contents(after) == numbered(20)[12:17]
    assert (
        contents(
            get(client, "/api/chat-messages", chatSessionId=session.id, limit=5, before=after["nextCursor"])
        )
        == (numbered(20)[7:12])
    )


def test_the_ends_of_a_thread_have_no_cursor(client: TestClient, store: Store) -> None:
    session = a_conversation(store, *numbered(4))
    all = ids(list(store.messages(session.id)))
    first = get(client, "/api/chat-messages", chatSessionId=session.id, around=all[0], limit=50)
    assert (contents(first), first["nextCursor"], first["newerCursor"]) == (numbered(4), None, None)
    last = get(client, "/api/chat-messages", chatSessionId=session.id, after=all[3])
    assert (contents(last), last["newerCursor"]) == ([], None)


def test_a_hit_on_another_branch_is_shown_on_that_branch(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "one", "two", "three")
    one, two, three = store.messages(session.id)
    aside = say(store, session.id, "aside", parent_id=one.id)[0]
    store.set_head(session.id, three.id)
    found = get(client, "/api/chat-messages", chatSessionId=session.id, around=aside.id)
    assert (contents(found), found["newerCursor"]) == (["one", "aside"], None)
    assert two.parent_id == one.id


def test_a_thread_that_has_not_changed_is_not_sent_again(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "one")
    for path in (f"/api/chat-sessions/{session.id}", f"/api/chat-messages?chatSessionId={session.id}"):
        first = client.get(path)
        assert first.headers["Cache-Control"] == "private, no-cache"
        known = {"If-None-Match": first.headers["ETag"]}
        again = client.get(path, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        say(store, session.id, "two")
        assert client.get(path, headers=known).status_code == 200


def test_siblings_come_with_their_messages(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "one", "two")
    one, two = store.messages(session.id)
    other = say(store, session.id, "instead", parent_id=one.id)[0]
    found = get(client, "/api/chat-messages", chatSessionId=session.id, include="siblings")
    assert found["siblings"] == {two.id: [two.id, other.id]}
    assert "siblings" not in get(client, "/api/chat-messages", chatSessionId=session.id)
    listed = get(client, f"/api/chat-messages/{two.id}/siblings")
    assert contents(listed) == ["two", "instead"]


def test_every_message_says_its_content_beside_its_parts(client: TestClient, store: Store) -> None:
    session = store.create_session()
    parts = [
        {"type": "reasoning", "text": "hm"},
        {"type": "text", "text": "Hello "},
        {"type": "tool_call", "id": "c", "name": "f", "args": {"x": [1, None]}},
        {"type": "text", "text": "there"},
    ]
    asked = {"chatSessionId": session.id, "role": "assistant", "parts": parts}
    message = client.post("/api/chat-messages", json=asked).json()["message"]
    assert (message["content"], message["parts"]) == ("Hello there", parts)
    assert get(client, f"/api/chat-messages/{message['id']}")["message"] == message


def test_a_list_says_how_each_session_ended_and_not_all_of_it(client: TestClient, store: Store) -> None:
    a_conversation(store, "Hello?", "word " * 100)
    session = get(client, "/api/chat-sessions")["chatSessions"][0]
    assert len(session["lastMessage"]) <= 120
    assert session["lastMessage"].startswith("word word")
    assert "messages" not in session
    whole = get(client, "/api/chat-sessions", include="messages")["chatSessions"][0]
    assert len(whole["messages"]) == 2
    assert "lastMessage" not in whole


def test_lists_come_in_pages(client: TestClient, store: Store) -> None:
    made = [a_conversation(store, f"{number}").id for number in range(7)]
    found: list[str] = []
    cursor = None
    while True:
        page = get(client, "/api/chat-sessions", limit=3, **({"cursor": cursor} if cursor else {}))
        found += [session["id"] for session in page["chatSessions"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert found == made[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"tag": "a"}, {"tagged"}),
        ({"tag": ["a", "b"]}, {"tagged"}),
        ({"pinned": "true"}, {"pinned"}),
        ({"pinned": "false"}, {"tagged", "plain"}),
        ({"model": "m"}, {"pinned"}),
        ({"state": "archived"}, {"archived"}),
        ({"state": "trash"}, {"trashed"}),
        ({"state": "any"}, {"tagged", "pinned", "plain", "archived", "trashed"}),
        ({"after": "2100-01-01T00:00:00Z"}, set()),
        ({"before": "2100-01-01T00:00:00Z"}, {"tagged", "pinned", "plain"}),
    ],
)
def test_lists_are_narrowed(client: TestClient, store: Store, query: Any, found: set[str]) -> None:
    wanted: dict[str, dict[str, Any]] = {
        "tagged": {"tags": ["a", "b"]},
        "pinned": {"pinned": True, "model": "m"},
        "plain": {},
        "archived": {"archived": True},
        "trashed": {},
    }
    for title, fields in wanted.items():
        session = a_conversation(store, "hello", title=title)
        store.update_session(session.id, **fields)
        if title == "trashed":
            store.trash_session(session.id)
    assert {one["title"] for one in get(client, "/api/chat-sessions", **query)["chatSessions"]} == found


def test_a_session_is_changed_in_what_is_given_alone(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "hello", model="m")
    path = f"/api/chat-sessions/{session.id}"
    changed = client.patch(path, json={"name": "Named", "tags": ["x"], "model": None}).json()["chatSession"]
    assert (changed["title"], changed["titleSource"], changed["tags"], changed["model"]) == (
        "Named",
        "user",
        ["x"],
        None,
    )
    stale = client.patch(path, json={"pinned": True, "expectedRevision": session.revision})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")


def test_a_session_is_forked_cleared_and_moved(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "one", "two", "three")
    one, two, _ = store.messages(session.id)
    path = f"/api/chat-sessions/{session.id}"
    forked = client.post(f"{path}/fork", json={"leafId": two.id, "title": "Fork"})
    assert (forked.status_code, forked.json()["chatSession"]["relation"]) == (201, "fork")
    copy = get(client, forked.headers["Location"])["chatSession"]
    assert contents(copy) == ["one", "two"]
    assert client.post(f"{path}/clear").json()["chatSession"]["headId"] is None
    moved = client.post(f"{path}/head", json={"messageId": one.id}).json()["chatSession"]
    assert moved["headId"] == one.id
    assert client.post(f"{path}/head", json={}).status_code == 400


def test_what_was_trashed_comes_back(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "one", "two")
    message = next(store.messages(session.id))
    for path in (
        f"/api/chat-messages/{message.id}",
        f"/api/chat-sessions/{session.id}",
        f"/api/projects/{session.project_id}",
    ):
        assert client.delete(path).json() == {"success": True}
        back = client.post(f"{path}/untrash").json()
        assert next(iter(back.values()))["trashedAt"] is None
    assert contents(get(client, "/api/chat-messages", chatSessionId=session.id)) == ["one", "two"]


def test_a_message_is_kept_out_of_the_context_and_taken_in_again(client: TestClient, store: Store) -> None:
    message = next(store.messages(a_conversation(store).id))
    for wanted in (False, True):
        changed = client.patch(f"/api/chat-messages/{message.id}", json={"inContext": wanted})
        assert changed.json()["message"]["inContext"] is wanted


def test_a_repeated_message_is_the_same_and_another_one_with_its_id_a_conflict(
    client: TestClient, store: Store
) -> None:
    session = store.create_session()
    asked = {"chatSessionId": session.id, "role": "user", "content": "Once", "id": NO_ID}
    first, again = (client.post("/api/chat-messages", json=asked) for _ in range(2))
    assert (first.status_code, again.json()) == (201, first.json())
    assert client.post("/api/chat-messages", json={**asked, "content": "Twice"}).status_code == 409


def test_checkpoints_and_snapshots_come_and_go(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "one", "x" * 4_000, "three")
    all = ids(list(store.messages(session.id)))
    path = f"/api/chat-sessions/{session.id}"
    asked = {"fromId": all[0], "throughId": all[1], "summary": "They talk."}
    made = client.post(f"{path}/checkpoints", json=asked)
    assert made.status_code == 201
    checkpoint = made.json()["checkpoint"]
    assert get(client, f"{path}/checkpoints")["checkpoints"] == [checkpoint]
    snapshot = client.post(f"{path}/snapshots", json={"name": "Here"}).json()["snapshot"]
    assert snapshot["checkpointIds"] == [checkpoint["id"]]
    reverted = client.delete(f"{path}/checkpoints/{checkpoint['id']}").json()["checkpoint"]
    assert reverted["revertedAt"] is not None
    assert get(client, f"{path}/checkpoints")["checkpoints"] == []
    assert len(get(client, f"{path}/checkpoints", active=False)["checkpoints"]) == 1
    restored = client.post(f"{path}/snapshots/{snapshot['id']}/restore")
    assert restored.json()["chatSession"]["id"] == session.id
    assert len(get(client, f"{path}/checkpoints")["checkpoints"]) == 1
    assert client.delete(f"{path}/snapshots/{snapshot['id']}").json() == {"success": True}


def test_what_is_of_another_session_is_not_found_below_this_one(client: TestClient, store: Store) -> None:
    session, other = a_conversation(store, "one"), a_conversation(store, "two")
    snapshot = store.take_snapshot(other.id)
    for path in (f"snapshots/{snapshot.id}", f"checkpoints/{NO_ID}"):
        assert client.delete(f"/api/chat-sessions/{session.id}/{path}").status_code == 404
    restore = client.post(f"/api/chat-sessions/{session.id}/snapshots/{snapshot.id}/restore")
    assert restore.status_code == 404
    assert store.list_snapshots(other.id) == [snapshot]


def test_the_context_says_what_would_be_sent(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "Hello?", "Yes.", model="some-model", context_size=8_192)
    found = get(client, f"/api/chat-sessions/{session.id}/context")
    assert (found["context"]["window"], found["context"]["windowSource"]) == (8_192, "session")
    assert [line["preview"] for line in found["lines"]] == ["Hello?", "Yes."]
    assert sum(line["tokens"] for line in found["lines"]) == found["context"]["messages"]


def test_the_lines_of_the_context_come_in_pages_or_not_at_all(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "One.", "Two.", "Three.", model="some-model")
    path = f"/api/chat-sessions/{session.id}/context"
    newest = get(client, path, limit=2)
    assert [line["preview"] for line in newest["lines"]] == ["Two.", "Three."]
    oldest = get(client, path, limit=2, before=newest["nextCursor"])
    assert ([line["preview"] for line in oldest["lines"]], oldest["nextCursor"]) == (["One."], None)
    assert get(client, path, limit=0)["lines"] == []


def test_what_an_append_stored_the_next_search_finds(client: TestClient, store: Store) -> None:
    session = a_conversation(store, "The marigolds bloom late", title="Garden")
    found = get(client, "/api/search", q="marigolds")
    hit = found["hits"][0]
    assert (hit["sessionId"], hit["title"]) == (session.id, "Garden")
    start, end = hit["ranges"][0]
    assert hit["snippet"][start:end] == "marigolds"
    assert get(client, "/api/search", q="marigolds", role="assistant")["hits"] == []


def test_sizes_and_counts_are_told(client: TestClient, store: Store) -> None:
    large, small = a_conversation(store, "x" * 10_000), a_conversation(store, "x")
    assert get(client, "/api/stats")["stats"]["sessions"] == 2
    assert [one["sessionId"] for one in get(client, "/api/stats/sessions")["sessions"]] == [
        large.id,
        small.id,
    ]


def test_preferences_are_kept_by_name(client: TestClient) -> None:
    for name, value in {"page/theme": "dark", "page/size": {"list": 300}, "other": None}.items():
        answer = client.put(f"/api/preferences/{name}", json={"value": value})
        assert answer.json() == {"name": name, "value": value}
    kept = {"page/size": {"list": 300}, "page/theme": "dark"}
    assert get(client, "/api/preferences", prefix="page/")["preferences"] == kept
    client.put("/api/preferences/page/theme", json={"value": None})
    assert get(client, "/api/preferences")["preferences"] == {"page/size": {"list": 300}}


def test_with_no_model_server_the_one_that_is_built_in_answers(client: TestClient) -> None:
    assert [model["provider"] for model in get(client, "/api/models")["models"]] == ["demo"]


def test_a_provider_is_added_listed_and_taken_out(client: TestClient, tmp_path: Any) -> None:
    asked = {
        "name": "away",
        "kind": "openai",
        "address": "http://127.0.0.1:9/v1",
        "key": "sk-secret",
    }
    made = client.post("/api/providers", json=asked)
    assert made.status_code == 201, made.text
    assert made.json()["provider"] == {
        "name": "away", "kind": "openai", "address": "http://127.0.0.1:9/v1", "configured": True, "hasKey": True,
        "models": [], "error": made.json()["provider"]["error"],
    }  # fmt: skip
    assert made.json()["provider"]["error"]
    listed = client.get("/api/providers")
    assert [one["name"] for one in listed.json()["providers"]] == ["away"]
    assert "sk-secret" not in made.text + listed.text
    assert client.delete("/api/providers/away").json() == {"success": True}
    assert client.delete("/api/providers/away").status_code == 404
    assert "sk-secret" not in (tmp_path / "credentials.toml").read_text()


def test_a_provider_that_cannot_be_one_is_not_written(client: TestClient, tmp_path: Any) -> None:
    for address in ("http://u:secret@127.0.0.1:9/v1", "http://", "http://[::1"):
        answer = client.post("/api/providers", json={"name": "wrong", "address": address})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not (tmp_path / "config.toml").exists()


def test_a_provider_is_tried_without_being_written(client: TestClient, tmp_path: Any) -> None:
    tried = client.post("/api/providers/test", json={"kind": "demo"}).json()
    assert (tried["error"], tried["models"][0]["id"]) == (None, "demo")
    away = client.post("/api/providers/test", json={"address": "http://127.0.0.1:9/v1"}).json()
    assert away["error"]
    assert not (tmp_path / "config.toml").exists()


def test_a_server_of_one_person_has_no_accounts(client: TestClient) -> None:
    for path in ("accounts", "tokens", "sign-ins", "invitations"):
        answer = client.get(f"/api/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
