"""Answers that a browser may keep, and asks about before it shows them again."""

from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

ASK_AGAIN = "private, no-cache"


def answer_cached(request: Request, body: bytes, media_type: str, *, status: int = 200) -> Response:
    """The body, or only the word that it is still the same as the one that was sent before."""
    tag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": ASK_AGAIN}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type)


def is_known(request: Request, tag: str) -> bool:
    """Whether the one who asks has what carries this tag."""
    asked = request.headers.get("if-none-match", "")
    bare = tag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") in (bare, "*") for one in asked.split(","))
