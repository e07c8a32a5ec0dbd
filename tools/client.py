"""Writes web/src/api/schema.ts, the page's view of the server, from its table of operations: `python -m tools.client`.

A test holds that it is current.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from palaver.chat.events import TurnEvent
from palaver.model import Change, Time
from palaver.server.openapi import describe
from palaver.server.table import ROUTES

FILE = Path(__file__).parents[1] / "web" / "src" / "api" / "schema.ts"
NOTICE = "// Written by `python -m tools.client` from the server's table of operations; a test holds that it is current."
_ABOUT = "/** What can be asked of the server: what each operation takes, and what it answers. */"
_REF = "#/components/schemas/{name}"
_WIDTH = 120
_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}

Schema = Mapping[str, Any]


def write() -> None:
    """Put the file where it belongs."""
    FILE.write_text(render(), encoding="utf-8")


def render() -> str:
    """The text of the file."""
    document = describe(ROUTES, version="")
    schemas = {**_streamed(), **document["components"]["schemas"]}
    shapes = [_declare(name, schemas[name]) for name in sorted(schemas)]
    operations = "".join(f"  {line}\n" for line in _operations(document["paths"]))
    whole = f"export interface Operations {{\n{operations}}}"
    return "\n\n".join([NOTICE, *shapes, f"{_ABOUT}\n{whole}"]) + "\n"


def _streamed() -> dict[str, Any]:
    """What comes as events, beside what the document has."""
    (events, _), found = msgspec.json.schema_components(
        (TurnEvent, Change), schema_hook=_hook, ref_template=_REF
    )
    return {**found, "TurnEvent": events}


def _hook(type: type) -> dict[str, Any]:
    if type is Time:
        return {"type": "string"}
    raise NotImplementedError(type.__name__)


def _declare(name: str, schema: Schema) -> str:
    about = "".join(f"/** {text} */\n" for text in [_about(schema)] if text)
    if "properties" not in schema:
        return f"{about}export type {name} = {_type(schema)}"
    fields = "".join(f"  {field}\n" for field in _fields(schema))
    return f"{about}export interface {name} {{\n{fields}}}"


def _about(schema: Schema) -> str:
    """The first sentence of what is said about it."""
    return " ".join(schema.get("description", "").partition("\n\n")[0].split()).replace("*/", "")


def _fields(schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    for name, one in schema["properties"].items():
        yield f"{name}{'' if name in required else '?'}: {_type(one)}"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if alternatives := list(_alternatives(schema)):
        return " | ".join(dict.fromkeys(alternatives))
    kind = str(schema.get("type"))
    return {"array": _array, "object": _object}.get(kind, _simple)(schema)


def _alternatives(schema: Schema) -> Iterator[str]:
    """The types of which a value has one, where more than one is named or it is one of some constants."""
    yield from (json.dumps(one) for one in schema.get("enum", ()))
    if "const" in schema:
        yield json.dumps(schema["const"])
    yield from (_type(one) for several in ("anyOf", "oneOf") for one in schema.get(several, ()))
    if isinstance(kinds := schema.get("type"), list):
        yield from (_type({**schema, "type": one}) for one in kinds)


def _simple(schema: Schema) -> str:
    return _SIMPLE.get(str(schema.get("type")), "unknown")


def _array(schema: Schema) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_type(one) for one in schema['prefixItems'])}]"
    inner = _type(schema.get("items", {}) or {})
    return f"({inner})[]" if " | " in inner else f"{inner}[]"


def _object(schema: Schema) -> str:
    if "properties" in schema:
        return f"{{ {'; '.join(_fields(schema))} }}"
    more = schema.get("additionalProperties", True)
    return f"Record<string, {_type(more) if isinstance(more, Mapping) else 'unknown'}>"


def _operations(paths: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            yield f"/** {operation['summary']} */"
            takes = [*_parameters(operation), *_body(operation), f"answer: {_answer(operation)}"]
            one_line = f"'{method.upper()} {path}': {{ {'; '.join(takes)} }}"
            if len(one_line) <= _WIDTH:
                yield one_line
            else:
                yield f"'{method.upper()} {path}': {{"
                yield from (f"  {one}" for one in takes)
                yield "}"


def _parameters(operation: Schema) -> Iterator[str]:
    for place in ("path", "query"):
        own = [one for one in operation["parameters"] if one["in"] == place]
        fields = [f"{one['name']}{'' if one.get('required') else '?'}: {_type(one['schema'])}" for one in own]
        if fields:
            optional = "" if any(one.get("required") for one in own) else "?"
            yield f"{place}{optional}: {{ {'; '.join(fields)} }}"


def _body(operation: Schema) -> Iterator[str]:
    body = operation.get("requestBody")
    if body is None:
        return
    content = body["content"].get("application/json")
    optional = "" if body.get("required") else "?"
    yield f"body{optional}: {_type(content['schema']) if content else 'Blob'}"


def _answer(operation: Schema) -> str:
    for status, response in operation["responses"].items():
        content = response.get("content", {}).get("application/json") if status.startswith("2") else None
        if content:
            return _type(content["schema"])
    return "unknown"


if __name__ == "__main__":
    write()
