"""Exit codes, one per error code, and what is said on stderr.

0    done
1    refused by the person, or an error without a code of its own
2    the command line itself is wrong
3-13 the error codes below
70   a defect of Palaver
130  Ctrl+C
141  whoever read the output went away
"""

import json
from typing import Any

from palaver.errors import PalaverError

EXIT_CODES: dict[str, int] = {
    "error": 1,
    "usage": 2,
    "not_found": 3,
    "conflict": 4,
    "busy": 5,
    "invalid": 6,
    "context_overflow": 7,
    "unavailable": 8,
    "corrupt": 9,
    "provider_error": 10,
    "unauthenticated": 11,
    "forbidden": 12,
    "too_fast": 13,
    "defect": 70,
    "interrupted": 130,
    "broken_pipe": 141,
}


def exit_code(code: str) -> int:
    """The exit code of an error code; 1 for one without its own."""
    return EXIT_CODES.get(code, 1)


def describe(error: PalaverError) -> dict[str, Any]:
    """The error as a JSON problem: `code`, `detail`, `exitCode` and the error's own attributes."""
    return problem(error.code, str(error), **vars(error))


def problem(code: str, detail: str, **attributes: Any) -> dict[str, Any]:
    """A JSON problem; attributes without a value are left out."""
    extra = {
        _camel(name): value
        for name, value in attributes.items()
        if name != "message" and value is not None and isinstance(value, str | int | float)
    }
    return {"code": code, "detail": detail, "exitCode": exit_code(code), **extra}


def render(problem: dict[str, Any], *, as_json: bool) -> str:
    """The one line for stderr."""
    if as_json:
        return json.dumps(problem)
    return f"palaver: {' '.join(str(problem['detail']).split())}"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
