"""`/v1/chat/completions` and `/v1/models`, as programs that know OpenAI's ask for them."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from palaver import wire
from palaver.errors import Forbidden, PalaverError, Unauthenticated
from palaver.providers.base import ModelInfo
from palaver.server.completions.answers import Answering, Gone
from palaver.server.completions.asked import read_asked
from palaver.server.completions.failures import NoModel, answer_failure
from palaver.server.decoding import read_body
from palaver.server.door import Caller
from palaver.server.endpoint import SAFE, check_same_site
from palaver.server.problems import code_of
from palaver.server.services import Services
from palaver.server.trace import log_defect, trace_of

_GONE = 499
"""What nginx calls a client that has closed its connection; nobody reads it."""

Work = Callable[[Request, Caller], Awaitable[Response]]


def completion_routes(services: Services) -> list[Route]:
    """The routes of this door."""
    door = _Door(services)
    return [
        door.route("POST", "/v1/chat/completions", door.complete),
        door.route("GET", "/v1/models", door.list_models),
        door.route("GET", "/v1/models/{model:path}", door.get_model),
    ]


class _Door:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._since = int(time.time())

    def route(self, method: str, path: str, work: Work) -> Route:
        async def respond(request: Request) -> Response:
            trace_of(request.scope).route = path
            try:
                return await work(request, await self._admit(request))
            except Gone:
                return Response(status_code=_GONE)
            except PalaverError as exc:
                if code_of(exc) == "defect" and not isinstance(exc, NoModel):
                    log_defect(exc, trace_of(request.scope))
                return answer_failure(exc)

        return Route(path, respond, methods=[method])

    async def complete(self, request: Request, caller: Caller) -> Response:
        data = await read_body(request, self._services.settings.server_file_limit)
        asked = read_asked(data, request.headers)
        store = self._services.plain_store.as_actor(caller.actor)
        answering = Answering(store, self._services.engine_as(caller.actor), asked)
        await to_thread.run_sync(answering.begin)
        return await answering.answer(request)

    async def list_models(self, _: Request, __: Caller) -> Response:
        found = await self._models()
        return _json({"object": "list", "data": list(found.values())})

    async def get_model(self, request: Request, _: Caller) -> Response:
        name = request.path_params["model"]
        found = (await self._models()).get(name)
        if found is None:
            raise NoModel(name, f"no provider has the model {name[:80]!r} now")
        return _json(found)

    async def _models(self) -> dict[str, dict[str, Any]]:
        listed = await to_thread.run_sync(self._services.servers.list_models)
        times = Counter(model.id for model in listed)
        return {(id := _name(model, times)): self._model(id, model) for model in listed}

    def _model(self, id: str, model: ModelInfo) -> dict[str, Any]:
        return {"id": id, "object": "model", "created": self._since, "owned_by": model.provider}

    async def _admit(self, request: Request) -> Caller:
        caller = await self._services.door.identify(request)
        writes = request.method not in SAFE
        trace_of(request.scope).actor = caller.actor if caller else None
        self._services.rates.count(caller, request)
        if caller is None:
            raise Unauthenticated(
                "No token was sent: make one in the settings, and give it to the program as its API key."
            )
        if writes and caller.by_cookie:
            check_same_site(request, certain=True)
        if writes and caller.scope == "read":
            raise Forbidden("This token may only read.")
        return caller


def _name(model: ModelInfo, times: Counter[str]) -> str:
    """Its own name, unless several providers have one of that name."""
    return model.id if times[model.id] == 1 else f"{model.provider}/{model.id}"


def _json(value: Any) -> Response:
    return Response(wire.encode(value), 200, {"Cache-Control": "no-store"}, "application/json")
