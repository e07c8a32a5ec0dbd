"""docs/reference/rest.md, from the table of operations by way of the OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

from palaver.server.openapi import describe
from palaver.server.problems import STATUS, TITLES
from palaver.server.table import ROUTES
from tools.markdown import code, fenced, line, table

Schema = Mapping[str, Any]
_WHO = {"anyone": "anyone", "actor": "whoever is signed in", "administrator": "administrators"}


def rest() -> Iterator[str]:
    """The blocks of the page."""
    document = describe(ROUTES, version="")
    yield "# REST"
    yield document["info"]["description"]
    yield (
        "A server shows the same at `/api/docs`, where requests can be tried, and as OpenAPI 3.1 at `/api/openapi.json`. "
        "[Serving](../how-to/serve.md) says how to start one."
    )
    yield "## Problems"
    yield "`code` never changes; `errors` names every field that cannot be taken. Seconds to wait stand in `Retry-After`."
    yield table(
        ("status", "`code`", "what"), [(str(STATUS[each]), code(each), TITLES[each]) for each in STATUS]
    )
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for tag in document["tags"]:
        yield f"## {tag['name']}"
        yield tag["description"]
        for method, path, operation in operations:
            if tag["name"] in operation["tags"]:
                yield from _operation(method, path, operation)
    yield "## Shapes"
    yield "A `?` marks what may be missing."
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"### {name}"
        yield line(schema.get("description", ""))
        yield fenced(_fields(schema), "ts")


def _operation(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f"### {method} {path}"
    needs = operation["x-palaver-role"]
    role = f", with the role {needs} at least" if needs else ""
    yield f"{operation['description']} For {_WHO[operation['x-palaver-who']]}{role}."
    rows = [
        (code(one["name"]), one["in"], code(_type(one["schema"])), line(one.get("description", "")))
        for one in operation["parameters"]
        if one["in"] == "query"
    ]
    if rows:
        yield table(("parameter", "in", "type", ""), rows)
    yield " ".join(filter(None, (_body(operation), *map(_answer, operation["responses"].items()))))


def _body(operation: Schema) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    if content.get("application/json"):
        return f"Takes {_shape(content['application/json'])}."
    return f"Takes the content itself ({', '.join(map(code, content))})." if content else ""


def _answer(answer: tuple[str, Schema]) -> str:
    status, described = answer
    content = described.get("content", {})
    if "application/problem+json" in content:
        return ""
    shapes = [
        _shape(one) if media == "application/json" and one else code(media) for media, one in content.items()
    ]
    return f"Answers {status}{' with ' + ' or '.join(shapes) if shapes else ''}."


def _shape(content: Schema) -> str:
    name = content["schema"]["$ref"].rpartition("/")[2]
    return f"[{name}](#{name.lower()})"


def _fields(schema: Schema) -> str:
    needed = schema.get("required", ())
    lines = [
        f"{name}{'' if name in needed else '?'}: {_type(one)}"
        for name, one in schema.get("properties", {}).items()
    ]
    return "\n".join(lines) or "{}"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(f'"{one}"' for one in schema["enum"])
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(map(_type, schema['prefixItems']))}]"
        inner = _type(schema.get("items", {}))
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    named = {"integer": "int", "object": "{}", None: "any"}
    kind = named.get(schema.get("type"), str(schema.get("type")))
    return f"{kind} ({schema['format']})" if "format" in schema else kind
