"""Every bad field of what came in. msgspec stops at the first: this walks the raw value beside its type for all of them."""

import difflib
import functools
import operator
import re
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import UnsetType

from palaver import wire
from palaver.errors import Invalid

SAYS = "says"
"""In `extra` of a pattern: what is wrong with a text that does not fit it."""

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "Time": "a time such as 2026-01-27T09:00:00.000Z",
}


class Fault(msgspec.Struct, frozen=True):
    """One bad field: where it stands (`parts[0].text`; empty for the whole) and what is wrong with it."""

    field: str
    detail: str


def find_faults(value: Any, type: Any, *, strict: bool = True) -> list[Fault]:
    """What of a raw value keeps it from being one of `type`, in order; empty where nothing does."""
    return list(_faults(value, type, "", strict))


def _faults(value: Any, type: Any, path: str, strict: bool) -> Iterator[Fault]:
    whole = get_args(type)[0] if get_origin(type) is Annotated else type
    origin = get_origin(whole)
    if _is_struct(whole):
        yield from _faults_of_struct(value, whole, path, strict)
    elif origin in (Union, UnionType):
        yield from _faults_of_union(value, type, path, strict)
    elif origin in (list, tuple) and isinstance(value, list):
        inner = get_args(whole)[0]
        for at, one in enumerate(value):
            yield from _faults(one, inner, f"{path}[{at}]", strict)
        yield from _leaf(
            value, Annotated[list[Any], *get_args(type)[1:]] if whole is not type else Any, path, strict
        )
    else:
        yield from _leaf(value, type, path, strict)


def _faults_of_struct(value: Any, type: Any, path: str, strict: bool) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(path, f"must be an object, not {_kind_of(value)}")
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(type)}
    for name, field in fields.items():
        where = f"{path}.{name}" if path else name
        if name in value:
            yield from _faults(value[name], field.type, where, strict)
        elif field.required:
            yield Fault(where, "is missing")
    if type.__struct_config__.forbid_unknown_fields:
        tag = type.__struct_config__.tag_field
        for name in value.keys() - fields.keys() - {tag}:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            yield Fault(f"{path}.{name[:80]}" if path else name[:80], f"is not known here{hint}")


def _faults_of_union(value: Any, type: Any, path: str, strict: bool) -> Iterator[Fault]:
    members = get_args(get_args(type)[0] if get_origin(type) is Annotated else type)
    members = tuple(one for one in members if one is not UnsetType)
    if value is None and NoneType in members:
        return
    members = tuple(one for one in members if one is not NoneType)
    tagged = {one.__struct_config__.tag: one for one in members if _is_struct(one) and len(members) > 1}
    if len(members) == 1:
        yield from _faults(value, members[0], path, strict)
    elif tagged and isinstance(value, dict):
        field = next(iter(tagged.values())).__struct_config__.tag_field
        member = tagged.get(value.get(field)) if isinstance(value.get(field), str) else None
        if member is None:
            yield Fault(f"{path}.{field}" if path else field, f"must be one of {', '.join(map(str, tagged))}")
        else:
            yield from _faults(value, member, path, strict)
    else:
        yield from _leaf(value, functools.reduce(operator.or_, members), path, strict)


def _leaf(value: Any, type: Any, path: str, strict: bool) -> Iterator[Fault]:
    try:
        wire.convert(value, type, strict=strict)
    except Invalid as exc:
        yield Fault(path, _plainly(exc, type))


def _plainly(exc: Invalid, type: Any) -> str:
    metas = get_args(type)[1:] if get_origin(type) is Annotated else ()
    bare = get_args(type)[0] if get_origin(type) is Annotated else type
    if get_origin(bare) is Literal:
        return f"must be one of {', '.join(map(str, get_args(bare)))}"
    told = str(exc.__cause__ or exc).partition(" - at ")[0]
    found = re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", told)
    if found:
        expected = " or ".join(_WORDS.get(one, one) for one in found[1].split(" | "))
        return f"must be {expected}, not {_WORDS.get(found[2], found[2])}"
    if "matching regex" in told:
        return next((meta.extra[SAYS] for meta in metas if meta.extra), "is not of the right form")
    if told.startswith("Expected "):
        for name, word in _WORDS.items():
            told = told.replace(f"`{name}`", word)
        return told.replace("Expected ", "must be ", 1).replace("`", "")
    return told


def _kind_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a number"


def _is_struct(type: Any) -> bool:
    return isinstance(type, msgspec.StructMeta)
