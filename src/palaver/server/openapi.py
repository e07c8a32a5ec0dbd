"""The OpenAPI 3.1 document, made from the table of operations."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, get_args

import msgspec
from msgspec import UnsetType

from palaver import wire
from palaver.errors import Invalid
from palaver.model import Time
from palaver.server.door import COOKIE
from palaver.server.examples import IDS, example_of
from palaver.server.faults import Fault
from palaver.server.operations import Operation, Routes, Stream, struct_fields
from palaver.server.problems import MEDIA_TYPE, STATUS, TITLES, Problem
from palaver.server.shapes import Asked

JSON = "application/json"
_REF = "#/components/schemas/{name}"
_ABOUT = """\
Every answer and every body is JSON in camelCase; times are RFC 3339 in UTC with milliseconds, ids are UUIDs. Lists come in
pages: pass `nextCursor` as `cursor` to go on, until it is null. What the one who asks may not see does not exist for them.

A browser is known by its cookie, a program by a token in the header `Authorization: Bearer …`. A POST with the header
`Idempotency-Key` is done once, however often it is sent. Errors are problem documents (RFC 9457) with a stable `code`.\
"""


def describe(routes: Sequence[Routes], *, version: str, cookie: str = COOKIE) -> dict[str, Any]:
    """The document as plain data."""
    operations = [one for each in routes for one in each.operations]
    schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.plain_path, {})[operation.method.lower()] = _operation(
            operation, operations, schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Palaver",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": each.tag, "description": each.description} for each in routes],
        "paths": paths,
        "components": {
            "schemas": {name: one for name, one in schemas.items() if not name.endswith(("Path", "Query"))},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A program's token."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie, "description": "A browser."},
            },
        },
    }


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    """Those of all structs by name, as what goes out and what comes in has them."""
    types: dict[Any, None] = {Problem: None}
    for operation in operations:
        types |= dict.fromkeys(type for type in operation.takes.values() if type is not Stream)
        if operation.answer is not None:
            types[operation.answer] = None
    _, components = msgspec.json.schema_components(list(types), schema_hook=_hook, ref_template=_REF)
    for type in _structs(types):
        if type.__name__ in components:
            _complete(components[type.__name__], type)
    return components


def _hook(type: type) -> dict[str, Any]:
    if type is Time:
        return {"type": "string", "format": "date-time"}
    raise NotImplementedError(type.__name__)


def _structs(types: Iterable[Any]) -> set[Any]:
    """All structs that are reachable from these."""
    found: set[Any] = set()
    waiting = list(types)
    while waiting:
        type = waiting.pop()
        if isinstance(type, msgspec.StructMeta):
            if type not in found:
                found.add(type)
                waiting += [field.type for field in struct_fields(type)]
        else:
            waiting += get_args(type)
    return found


def _complete(schema: dict[str, Any], type: Any) -> None:
    """What goes out has all its fields, defaults too; what may be missing from it is of the type UnsetType."""
    if issubclass(type, Asked) or type.__struct_config__.omit_defaults:
        return
    for one in schema["properties"].values():
        one.pop("default", None)
    required = [
        field.encode_name for field in msgspec.structs.fields(type) if UnsetType not in get_args(field.type)
    ]
    tag = type.__struct_config__.tag_field
    schema["required"] = [*([tag] if tag else []), *required]


def _operation(operation: Operation, all: Sequence[Operation], schemas: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description or operation.summary,
        "security": [] if operation.who == "anyone" else [{"token": []}, {"cookie": []}],
        "x-palaver-who": operation.who,
        "x-palaver-role": operation.role,
        "x-palaver-scope": "write" if operation.writes else "read",
        "parameters": list(_parameters(operation, schemas)),
        "responses": _responses(operation, all),
    }
    if "body" in operation.takes:
        made["requestBody"] = _body(operation)
    return made


def _parameters(operation: Operation, schemas: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for place in ("path", "query"):
        if place not in operation.takes:
            continue
        schema = schemas[operation.takes[place].__name__]
        for name, described in schema["properties"].items():
            made = {
                "name": name,
                "in": place,
                "required": name in schema.get("required", ()),
                "schema": _without_null(described),
            }
            if name in IDS and place == "path":
                made["example"] = IDS[name]
            yield made
    if operation.method == "POST" and operation.who != "anyone":
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Done once with the same key: a repeat gets the first answer.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter is there or it is not: in an address nothing is null."""
    made = {name: value for name, value in schema.items() if name != "default" or value not in (None, [])}
    if "anyOf" in made:
        members = [one for one in made.pop("anyOf") if one.get("type") != "null"]
        made |= members[0] if len(members) == 1 else {"anyOf": members}
    if "enum" in made:
        made["enum"] = [one for one in made["enum"] if one is not None]
    return made


def _body(operation: Operation) -> dict[str, Any]:
    type = operation.takes["body"]
    if type is Stream:
        return {"content": {media: {} for media in operation.accepts}}
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(name=type.__name__)}}
    if operation.example is not None:
        content["example"] = operation.example
    return {"required": _needs_body(type), "content": {JSON: content}}


def _needs_body(type: Any) -> bool:
    try:
        wire.decode(b"{}", type)
    except Invalid:
        return True
    return False


def _responses(operation: Operation, all: Sequence[Operation]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in operation.errors:
        by_status.setdefault(STATUS[code], []).append(code)
    problems = {str(status): _problem(codes) for status, codes in sorted(by_status.items())}
    known = (
        {"304": {"description": "Not changed: `If-None-Match` names what it was."}} if operation.etag else {}
    )
    return {str(operation.status): _success(operation, all), **known, **problems}


def _success(operation: Operation, all: Sequence[Operation]) -> dict[str, Any]:
    made: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    content: dict[str, Any] = {media: {} for media in operation.answers}
    if operation.answer is not None:
        example = wire.to_builtins(example_of(operation.answer))
        schema = {"$ref": _REF.format(name=operation.answer.__name__)}
        content[JSON] = {"schema": schema, "example": example}
    if content:
        made["content"] = content
    if operation.location is not None:
        made["headers"] = {"Location": {"schema": {"type": "string"}}}
    links = dict(_links(operation, all))
    if links:
        made["links"] = links
    return made


def _links(operation: Operation, all: Sequence[Operation]) -> Iterable[tuple[str, dict[str, Any]]]:
    """To what can be done with the thing that this operation gives."""
    for parameter, pointer in operation.gives.items():
        for other in all:
            if f"{{{parameter}}}" in other.plain_path:
                yield (
                    other.id,
                    {"operationId": other.id, "parameters": {parameter: f"$response.body#{pointer}"}},
                )


def _problem(codes: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": "; ".join(f"{TITLES[code]} (`{code}`)" for code in codes),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(name="Problem")},
                "example": wire.to_builtins(_example_problem(codes[0])),
            }
        },
    }
    if "too_fast" in codes or "unavailable" in codes:
        made["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return made


def _example_problem(code: str) -> Problem:
    return Problem(
        type=f"/api/docs#{code}",
        title=TITLES[code],
        status=STATUS[code],
        detail=TITLES[code],
        code=code,
        errors=(Fault("title", "must be text, not a whole number"),) if code == "invalid" else (),
    )
