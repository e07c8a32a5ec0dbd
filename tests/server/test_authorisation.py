"""Who may do what: every operation of the OpenAPI document as everybody who may ask.

What an operation needs stands in the document (`x-palaver-who`, `-role`, `-scope`), and so does an example of its body; the
ids in it are put in place of those of a project in which everybody has a role, made anew for each of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

import palaver
from palaver.model import File, MemberRole, Time
from palaver.server import examples
from palaver.server.openapi import describe
from palaver.server.table import ROUTES
from tests.support.factories import NO_ID, a_question, an_answer
from tests.support.http import Team, a_token, team_server
from tests.support.people import Person

DOCUMENT = describe(ROUTES, version="0")
ROLES: tuple[MemberRole, ...] = get_args(MemberRole)
Called = tuple[str, str, dict[str, Any]]


def _called() -> Iterator[Called]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


OPERATIONS = list(_called())
NEEDING_A_ROLE = [one for one in OPERATIONS if one[2]["x-palaver-role"]]
FOR_SOMEBODY = [one for one in OPERATIONS if one[2]["x-palaver-who"] != "anyone"]


def named(called: Called) -> str:
    return called[2]["operationId"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder: Path = tmp_path_factory.mktemp("team")
    with palaver.open_store(folder / "palaver.db") as store, team_server(store, folder) as team:
        yield team


@pytest.fixture(scope="module")
def people(team: Team) -> Mapping[str, Person]:
    """One of each role, one who is a member to be changed, and one who has nothing to do with any of it."""
    return {name: team.join(name) for name in (*ROLES, "third", "stranger")}


@pytest.fixture(scope="module")
def headers(people: Mapping[str, Person]) -> Mapping[str, Mapping[str, str]]:
    return {name: a_token(person) for name, person in people.items()}


@dataclass
class World:
    """A project with something of everything in it. `ids` are by the names of path parameters."""

    ids: dict[str, str]
    examples: dict[str, str]

    def body(self, operation: Mapping[str, Any]) -> Any:
        """The example, about this project."""
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return None
        text = json.dumps(content["application/json"].get("example", {}))
        for example, id in self.examples.items():
            text = text.replace(example, id)
        body = json.loads(text)
        if operation["operationId"] in ("createSession", "ensureSession"):
            body["projectId"] = self.ids["projectId"]
        return body


def a_world(people: Mapping[str, Person]) -> World:
    owner = people["owner"]
    project = owner.store.create_project("Engine")
    for role in ("viewer", "editor"):
        owner.accounts.put_member(project.id, people[role].id, role)
    owner.accounts.put_member(project.id, people["third"].id, "viewer")
    session = owner.store.create_session(project_id=project.id)
    file: File = owner.store.put_file(project.id.encode(), name="notes.txt")
    asked, answered = owner.store.append(session.id, a_question(parts=(file,)), an_answer("x" * 4_000))
    checkpoint = owner.store.add_checkpoint(
        session.id, from_id=asked.id, through_id=answered.id, summary="They talk."
    )
    ids = {
        "projectId": project.id,
        "sessionId": session.id,
        "messageId": answered.id,
        "checkpointId": checkpoint.id,
        "snapshotId": owner.store.take_snapshot(session.id).id,
        "digest": file.digest,
        "accountId": people["third"].id,
    }
    placed = {
        examples.PROJECT_ID: project.id,
        examples.SESSION_ID: session.id,
        examples.QUESTION_ID: asked.id,
        examples.MESSAGE_ID: answered.id,
    }
    return World(ids, placed)


def send(team: Team, called: Called, world: World, headers: Mapping[str, str]) -> Any:
    method, path, operation = called
    for name in (one["name"] for one in operation["parameters"] if one["in"] == "path"):
        path = path.replace(f"{{{name}}}", world.ids.get(name, NO_ID))
    query = {"chatSessionId": world.ids["sessionId"]} if named(called) == "listMessages" else {}
    for one in operation["parameters"]:
        if one["in"] == "query" and one["required"]:
            query.setdefault(one["name"], "x")
    body = world.body(operation)
    return team.client.request(method, path, params=query, json=body, headers=dict(headers))


ENDLESS = ("followChanges",)
"""Who may ask gets a stream that does not end by itself: tests/server/test_turns.py reads it."""


def has_all(called: Called, world: World) -> bool:
    """Whether the world holds everything that the operation is about."""
    return all(one["name"] in world.ids for one in called[2]["parameters"] if one["in"] == "path")


@pytest.mark.parametrize("called", NEEDING_A_ROLE, ids=named)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_is_enough_for_and_nothing_else(
    team: Team,
    people: Mapping[str, Person],
    headers: Mapping[str, Mapping[str, str]],
    called: Called,
    role: MemberRole,
) -> None:
    world = a_world(people)
    answer = send(team, called, world, headers[role])
    enough = ROLES.index(role) >= ROLES.index(called[2]["x-palaver-role"])
    if enough and has_all(called, world):
        assert str(answer.status_code) in called[2]["responses"]
        assert answer.status_code < 300, answer.text
    elif enough:
        assert answer.status_code == 404, answer.text
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("called", NEEDING_A_ROLE, ids=named)
def test_what_belongs_to_others_is_answered_like_what_does_not_exist(
    team: Team, people: Mapping[str, Person], headers: Mapping[str, Mapping[str, str]], called: Called
) -> None:
    world = a_world(people)
    absent = World(
        {name: "0" * 64 if name == "digest" else NO_ID for name in world.ids},
        dict.fromkeys(world.examples, NO_ID),
    )
    foreign, nowhere = (send(team, called, each, headers["stranger"]) for each in (world, absent))
    assert foreign.status_code == nowhere.status_code == 404, foreign.text
    told = foreign.text
    for id in {*world.ids.values(), *world.examples.values()}:
        told = told.replace(id, "0" * 64 if len(id) == 64 else NO_ID)
    assert told == nowhere.text


@pytest.mark.parametrize("called", FOR_SOMEBODY, ids=named)
def test_nobody_and_who_has_an_ended_token_gets_in_nowhere(
    team: Team, people: Mapping[str, Person], called: Called, ended: Mapping[str, Mapping[str, str]]
) -> None:
    world = a_world(people)
    for headers in ({}, *ended.values()):
        answer = send(team, called, world, headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.fixture(scope="module")
def ended(people: Mapping[str, Person]) -> Mapping[str, Mapping[str, str]]:
    """Tokens of the owner that no longer hold."""
    soon = Time.of(datetime.now(UTC) + timedelta(milliseconds=50))
    accounts = people["owner"].accounts
    revoked = accounts.create_token("revoked")
    accounts.revoke_token(revoked.token.id)
    expired = a_token(people["owner"], expires_at=soon)
    while Time.current() <= soon:
        pass
    return {"revoked": {"Authorization": f"Bearer {revoked.secret!s}"}, "expired": expired}


@pytest.mark.parametrize("called", FOR_SOMEBODY, ids=named)
def test_a_reading_token_reads_all_and_writes_nothing(
    team: Team, people: Mapping[str, Person], called: Called, reading: Mapping[str, str]
) -> None:
    if named(called) in ENDLESS:
        return
    world = a_world(people)
    answer = send(team, called, world, reading)
    if called[2]["x-palaver-scope"] == "write":
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    elif called[2]["x-palaver-who"] == "administrator":
        assert answer.status_code == 403
    elif has_all(called, world):
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def reading(people: Mapping[str, Person]) -> Mapping[str, str]:
    return a_token(people["owner"], "read")


@pytest.mark.parametrize(
    "called", [one for one in OPERATIONS if one[2]["x-palaver-who"] == "administrator"], ids=named
)
def test_what_is_for_administrators_is_for_nobody_else(
    team: Team, people: Mapping[str, Person], headers: Mapping[str, Mapping[str, str]], called: Called
) -> None:
    world = a_world(people)
    for name in people:
        assert send(team, called, world, headers[name]).status_code == 403


@pytest.mark.parametrize("called", [one for one in OPERATIONS if one not in FOR_SOMEBODY], ids=named)
def test_what_is_for_anyone_asks_for_no_sign_in(
    team: Team, people: Mapping[str, Person], called: Called
) -> None:
    answer = send(team, called, a_world(people), {})
    wrong_password = called[2]["operationId"] in ("signIn", "acceptInvitation")
    assert answer.status_code != 403
    assert answer.status_code != 401 or wrong_password


BY_PARAMETER = [
    (called, one["name"])
    for called in OPERATIONS
    for one in called[2]["parameters"]
    if one["in"] == "query" and one["name"] in ("projectId", "sessionId", "chatSessionId", "leafId", "around")
]


@pytest.mark.parametrize(
    ("called", "name"), BY_PARAMETER, ids=[f"{named(called)}-{name}" for called, name in BY_PARAMETER]
)
def test_a_parameter_shows_nothing_of_others(
    team: Team,
    people: Mapping[str, Person],
    headers: Mapping[str, Mapping[str, str]],
    called: Called,
    name: str,
) -> None:
    world = a_world(people)
    own = people["stranger"].store.create_session()
    method, path, _ = called
    required = {"chatSessionId": own.id} if named(called) == "listMessages" else {}
    kind = {"leafId": "messageId", "around": "messageId", "chatSessionId": "sessionId"}.get(name, name)
    foreign, absent = (
        team.client.request(
            method,
            path.replace("{sessionId}", own.id),
            params={**required, name: id},
            headers=dict(headers["stranger"]),
        )
        for id in (world.ids[kind], NO_ID)
    )
    assert foreign.status_code == absent.status_code
    if foreign.headers["Content-Type"] != "application/x-ndjson":  # which says when it was written
        assert foreign.text.replace(world.ids[kind], NO_ID) == absent.text
