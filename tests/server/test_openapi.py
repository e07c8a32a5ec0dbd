"""The OpenAPI document is true and complete."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from palaver import wire
from palaver.server.examples import example_of
from palaver.server.openapi import describe
from palaver.server.operations import Operation, Stream
from palaver.server.table import OPERATIONS, ROUTES

DOCUMENT = describe(ROUTES, version="1.0.0")


def operations() -> Iterator[dict[str, Any]]:
    for methods in DOCUMENT["paths"].values():
        yield from methods.values()


def named(operation: Operation) -> str:
    return operation.id


def test_the_server_gives_it(client: TestClient) -> None:
    answer = client.get("/api/openapi.json")
    assert answer.json()["paths"].keys() == DOCUMENT["paths"].keys()
    again = client.get("/api/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_every_operation_has_a_name_of_its_own() -> None:
    ids = [one["operationId"] for one in operations()]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)


def test_every_reference_leads_somewhere() -> None:
    known = DOCUMENT["components"]["schemas"].keys()
    assert {ref.rpartition("/")[2] for ref in references(DOCUMENT)} <= known


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from references(one)


def test_every_link_names_an_operation_and_a_parameter_it_has() -> None:
    by_id = {one["operationId"]: one for one in operations()}
    for one in operations():
        for link in one["responses"][min(one["responses"])].get("links", {}).values():
            names = {parameter["name"] for parameter in by_id[link["operationId"]]["parameters"]}
            assert link["parameters"].keys() <= names


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_every_operation_says_what_it_does(operation: Operation) -> None:
    assert re.fullmatch(r"[A-Z].*\.", operation.summary)
    assert set(re.findall(r"{(\w+)}", operation.plain_path)) == parameters(operation, "path")


def parameters(operation: Operation, place: str) -> set[str]:
    described = DOCUMENT["paths"][operation.plain_path][operation.method.lower()]
    return {one["name"] for one in described["parameters"] if one["in"] == place}


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_every_example_is_what_it_is_an_example_of(operation: Operation) -> None:
    body = operation.takes.get("body")
    if body not in (None, Stream) and operation.example is not None:
        wire.convert(operation.example, body)
    if operation.answer is not None:
        example = example_of(operation.answer)
        assert wire.decode(wire.encode(example), operation.answer) == example


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_every_body_has_an_example(operation: Operation) -> None:
    assert (operation.takes.get("body") in (None, Stream)) == (operation.example is None)
