"""Signing in with an OpenID provider."""

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from palaver.accounts import NotWelcome, SignedIn
from palaver.errors import Invalid
from palaver.server.call import Call
from palaver.server.operations import Routes
from palaver.server.problems import HttpError
from palaver.server.shapes import Asked
from palaver.server.team import cookie_of, origin_of

if TYPE_CHECKING:
    from palaver.server.sso import Flow, OpenId

logger = logging.getLogger(__name__)

routes = Routes("Signing in with a provider", "How one comes in with an account elsewhere.")

_COOKIE = "palaver_sso"
_HTML = "text/html"


class SsoPath(Asked, frozen=True, kw_only=True):
    name: str


class SsoQuery(Asked, frozen=True, kw_only=True):
    """`then` is the page to go on with, a path; `code` that of an invitation."""

    then: Annotated[str, Meta(max_length=500)] = "/"
    code: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


@routes.operation("GET", "/api/auth/sso/{name}", who="anyone", status=303, answers=(_HTML,))
async def begin_sign_in(call: Call, path: SsoPath, query: SsoQuery) -> Response:
    """Begin at a provider that `GET /api/auth` names: sends the browser there.

    It comes back at `/api/auth/sso/{name}/callback`, which is the address to enter at the provider.
    """
    from palaver.server.sso import FLOW_SECONDS, SignInFailed  # noqa: PLC0415 - only where the extra is installed

    provider = _provider(call, path.name)
    try:
        address, flow = await provider.begin(_callback(call, path.name), then=query.then, code=query.code)
    except SignInFailed as exc:
        return _sorry(call.request, path.name, "failed", exc)
    answer = _to(address)
    kept = urlsafe_b64encode(msgspec.json.encode(flow)).decode()
    secure = call.request.url.scheme == "https"
    answer.set_cookie(
        _cookie(call.request), kept, max_age=FLOW_SECONDS, secure=secure, httponly=True, samesite="lax"
    )
    return answer


@routes.operation("GET", "/api/auth/sso/{name}/callback", who="anyone", status=303, answers=(_HTML,))
async def finish_sign_in(call: Call, path: SsoPath) -> Response:
    """Where a provider sends the browser back to: sets the cookie, or leads to the sign-in page with what is wrong."""
    from palaver.server.sso import SignInFailed  # noqa: PLC0415 - only where the extra is installed

    provider, people = _provider(call, path.name), call.people
    flow = _flow(call.request, path.name)
    if flow is None:
        return _sorry(call.request, path.name, "failed", "the browser brought no sign-in that was begun here")
    address, agent = origin_of(call.request)
    try:
        vouched = await provider.finish(flow, call.request.query_params, _callback(call, path.name))
        signed_in: SignedIn = await people.ask(
            people.accounts.sign_in_external,
            vouched.issuer,
            vouched.subject,
            email=vouched.email,
            email_verified=vouched.email_verified,
            name=vouched.name,
            code=flow.code,
            allow_new=provider.settings.allow_new,
            address=address,
            user_agent=agent,
        )
    except SignInFailed as exc:
        return _sorry(call.request, path.name, "failed", exc)
    except NotWelcome as exc:
        return _sorry(call.request, path.name, exc.reason, exc.reason)
    except Invalid:
        return _sorry(call.request, path.name, "unverified", "it named no e-mail address")
    answer = _to(flow.then)
    answer.raw_headers.append((b"set-cookie", cookie_of(call.request, signed_in)["Set-Cookie"].encode()))
    return _without_flow(answer, call.request)


def _provider(call: Call, name: str) -> "OpenId":
    found = call.services.sso.find(name) if call.services.sso is not None else None
    if found is None:
        raise HttpError("not_found", "There is no provider of this name here.")
    return found


def _callback(call: Call, name: str) -> str:
    """As it is entered at the provider: of the address the server is reached at."""
    base = call.services.settings.server_address or str(call.request.base_url)
    return f"{base.rstrip('/')}/api/auth/sso/{name}/callback"


def _cookie(request: Request) -> str:
    return f"__Host-{_COOKIE}" if request.url.scheme == "https" else _COOKIE


def _flow(request: Request, name: str) -> "Flow | None":
    from palaver.server.sso import Flow  # noqa: PLC0415 - only where the extra is installed

    try:
        raw = urlsafe_b64decode(request.cookies.get(_cookie(request), ""))
        flow = msgspec.json.decode(raw, type=Flow)
    except (ValueError, msgspec.MsgspecError):
        return None
    return flow if flow.name == name else None


def _sorry(request: Request, name: str, reason: str, why: object) -> Response:
    """To the sign-in page, which has words for each reason: one that stood in the address could be anybody's."""
    logger.info("sign-in with %s: %s", name, why)
    return _without_flow(_to(f"/sign-in#{urlencode({'sso': reason})}"), request)


def _without_flow(answer: Response, request: Request) -> Response:
    secure = request.url.scheme == "https"
    answer.delete_cookie(_cookie(request), secure=secure, httponly=True, samesite="lax")
    return answer


def _to(address: str) -> Response:
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})
