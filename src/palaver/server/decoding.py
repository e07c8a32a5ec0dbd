"""What arrives, made into what an operation takes. Raises `Invalid` that names every bad field."""

from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from starlette.requests import Request

from palaver import wire
from palaver.errors import Invalid
from palaver.server.faults import Fault, find_faults
from palaver.server.operations import Operation, Stream
from palaver.server.problems import BadFields, HttpError

JSON = "application/json"


def decode_call(operation: Operation, request: Request, body: bytes) -> dict[str, Any]:
    """The keyword arguments of an operation; `body` is what was sent where it takes JSON."""
    taken: dict[str, Any] = {}
    for name, type in operation.takes.items():
        if name == "path":
            taken[name] = wire.convert(request.path_params, type)
        elif name == "query":
            taken[name] = decode_query(request, type)
        elif type is Stream:
            taken[name] = Stream()
        else:
            taken[name] = decode_body(request, body, type)
    return taken


def decode_query(request: Request, type: Any) -> Any:
    """The parameters behind the question mark. A name may come several times only where a list is meant."""
    raw: dict[str, Any] = {}
    faults: list[Fault] = []
    several = _lists_of(type)
    for name, text in request.query_params.multi_items():
        if text.lower() == "null" and name in _not_text(type):
            faults.append(Fault(name, "cannot be null: leave it out"))
        elif name in several:
            raw.setdefault(name, []).append(text)
        elif name in raw:
            faults.append(Fault(name, "is given more than once"))
        else:
            raw[name] = text
    if not faults:
        try:
            return wire.convert(raw, type, strict=False)
        except Invalid as exc:
            faults = find_faults(raw, type, strict=False) or [Fault("", exc.message)]
    raise BadFields(faults)


def decode_body(request: Request, data: bytes, type: Any) -> Any:
    """A JSON body as a value of `type`; an empty body is an empty object."""
    if not data:
        return decode_json(b"{}", type)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise HttpError(
            "unsupported_media_type", f"the body must be {JSON}, not {kind or 'without a Content-Type'}"
        )
    return decode_json(data, type)


def decode_json(data: bytes, type: Any) -> Any:
    """The value in `data`; only where it is none of `type`, all that is wrong with it is looked for."""
    try:
        return wire.decode(data, type)
    except Invalid as exc:
        raise _all_that_is_wrong(data, type, exc) from exc


def _all_that_is_wrong(data: bytes, type: Any, first: Invalid) -> Invalid:
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        return BadFields([Fault("", f"is not valid JSON: {exc}")])
    return BadFields(find_faults(raw, type) or [Fault("", first.message)])


async def read_body(request: Request, limit: int) -> bytes:
    """The body, counted while it comes: a length that is claimed is refused before any of it is read."""
    check_length(request.headers, limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def check_length(headers: Mapping[str, str], limit: int) -> None:
    claimed = headers.get("content-length", "")
    if claimed.isdecimal() and int(claimed[:20]) > limit:
        raise too_large(limit)


def too_large(limit: int) -> HttpError:
    return HttpError("too_large", f"the body may have at most {limit} bytes", headers={"Connection": "close"})


@cache
def _not_text(type: Any) -> frozenset[str]:
    """Parameters that may be left out and are no text: of these a text that says null would pass for nothing."""
    fields = msgspec.structs.fields(type)
    return frozenset(one.encode_name for one in fields if str not in get_args(one.type))


@cache
def _lists_of(type: Any) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(type) if _is_list(field.type))


def _is_list(type: Any) -> bool:
    origin = get_origin(type)
    if origin is Annotated:
        return _is_list(get_args(type)[0])
    if origin in (Union, UnionType):
        return any(map(_is_list, get_args(type)))
    return origin in (list, tuple)
