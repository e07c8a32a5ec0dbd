"""The table of operations: whatever can be asked of the server, said once.

An operation is an async function whose signature says what it takes and gives: `path`, `query` and `body` are structs (a
body that is not JSON is a `Stream`), the answer is a struct, or a response of Starlette's own where `answers` names its
media type. From this come the routes, the checks of what arrives, the OpenAPI document and its tests.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from starlette.responses import Response

from palaver.model import MemberRole
from palaver.server.call import Answer, Call

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Who = Literal["anyone", "actor", "administrator"]

Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)

PROBLEMS_OF_ALL = ("unavailable", "too_fast")


class Stream:
    """The type of a body that the operation reads by itself, from `call.request.stream()`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked. `role` is what its caller needs in the project it is about."""

    id: str
    method: Method
    path: str
    run: Handler
    tag: str
    summary: str
    description: str
    who: Who
    role: MemberRole | None
    status: int
    takes: Mapping[str, Any]
    answer: Any
    errors: Sequence[str]
    example: Any
    accepts: Sequence[str]
    answers: Sequence[str]
    location: str | None
    gives: Mapping[str, str]
    secret: bool
    etag: bool

    @property
    def takes_json(self) -> bool:
        return self.takes.get("body", Stream) is not Stream

    @property
    def streams(self) -> bool:
        """Whether it reads the body by itself."""
        return self.takes.get("body") is Stream

    @property
    def plain_path(self) -> str:
        """The path as it is documented: `{name:path}`, which takes slashes, is `{name}`."""
        return self.path.replace(":path}", "}")

    @property
    def writes(self) -> bool:
        """Whether a token that may only read is refused."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Routes:
    """The operations about one noun, in the order they are documented."""

    tag: str
    description: str
    operations: list[Operation] = field(default_factory=list)

    def operation(
        self,
        method: Method,
        path: str,
        *,
        who: Who = "actor",
        role: MemberRole | None = None,
        status: int = 200,
        errors: Sequence[str] = (),
        example: Any = None,
        accepts: Sequence[str] = (),
        answers: Sequence[str] = (),
        location: str | None = None,
        gives: Mapping[str, str] = {},
        secret: bool = False,
        etag: bool = False,
    ) -> Callable[[H], H]:
        """Enter the decorated function.

        `errors` are codes it may answer beside those that follow from what it takes. `location` is filled from the answer
        for the header of that name, `gives` says which path parameter of other operations stands where in the answer.
        A `secret` answer is shown once and kept nowhere. One with an `etag` is not sent again to who has it.
        """

        def enter(run: H) -> H:
            takes, answer = _signature(run)
            summary, _, description = inspect.cleandoc(run.__doc__ or "").partition("\n\n")
            self.operations.append(
                Operation(
                    id=_camel(run.__name__),
                    method=method,
                    path=path,
                    run=run,
                    tag=self.tag,
                    summary=" ".join(summary.split()),
                    description=description,
                    who=who,
                    role=role,
                    status=status,
                    takes=takes,
                    answer=answer,
                    errors=_all_errors(method, takes, who, role, errors),
                    example=example,
                    accepts=accepts,
                    answers=answers,
                    location=location,
                    gives=gives,
                    secret=secret,
                    etag=etag,
                )
            )
            return run

        return enter


def _signature(run: Handler) -> tuple[dict[str, Any], Any]:
    hints = get_type_hints(run, include_extras=True)
    answer = hints.pop("return")
    takes = {name: type for name, type in hints.items() if type is not Call}
    return takes, _answer_type(answer)


def _answer_type(answer: Any) -> Any:
    """The struct of the answer; None where the operation makes a response of its own."""
    if get_origin(answer) is Answer:
        return get_args(answer)[0]
    if get_origin(answer) is UnionType:
        return next(filter(None, map(_answer_type, get_args(answer))), None)
    if inspect.isclass(answer) and issubclass(answer, Response):
        return None
    return answer


def _all_errors(
    method: Method, takes: Mapping[str, Any], who: Who, role: MemberRole | None, errors: Sequence[str]
) -> tuple[str, ...]:
    found = dict.fromkeys(errors)
    if "query" in takes or "body" in takes:
        found["invalid"] = None
    if "body" in takes:
        found |= dict.fromkeys(("too_large", "unsupported_media_type"))
    if "path" in takes or role is not None:
        found["not_found"] = None
    if method == "POST" and who != "anyone":
        found |= dict.fromkeys(("invalid", "busy", "key_reused"))
    if who != "anyone":
        found["unauthenticated"] = None
    if method != "GET" or who == "administrator":
        found["forbidden"] = None
    return (*found, *PROBLEMS_OF_ALL)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def struct_fields(type: Any) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields of a parameter struct."""
    return msgspec.structs.fields(type)
