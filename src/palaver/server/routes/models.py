"""Models, and the servers that have them."""

from typing import Annotated

from anyio import to_thread
from msgspec import Meta

from palaver.errors import NotFound
from palaver.providers.base import ModelInfo, Provider
from palaver.providers.configured import add_provider, remove_provider
from palaver.providers.discover import kind_of, make_provider
from palaver.server.call import Call
from palaver.server.operations import Routes
from palaver.server.shapes import Asked, Given, Label, Success
from palaver.settings import ProviderKind, ProviderSettings, without_secrets

routes = Routes("Models", "Models, and the servers that have them.")

ProviderName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Address = Annotated[str, Meta(max_length=2_000, pattern=r"^(https?://\S+)?$")]
Key = Annotated[str, Meta(min_length=1, max_length=10_000, pattern=r"^[!-~]+$")]


class ProviderPath(Asked, frozen=True, kw_only=True):
    name: str


class TestProvider(Asked, frozen=True, kw_only=True):
    """`key` is the secret itself. An empty `address` is the usual one of the kind."""

    kind: ProviderKind = "openai"
    address: Address = ""
    key: Key | None = None


class AddProvider(TestProvider, frozen=True, kw_only=True):
    """`key` goes into `credentials.toml`, all else into `config.toml`."""

    name: ProviderName
    model: Label | None = None


class ProviderInfo(Given, frozen=True, kw_only=True):
    """A server of models. `configured` and `hasKey` are what `config.toml` says; `error` why it has no models now."""

    name: str
    kind: ProviderKind
    address: str | None
    configured: bool
    has_key: bool
    models: list[ModelInfo]
    error: str | None


class ModelsAnswer(Given, frozen=True, kw_only=True):
    """`default` is the configured one: "name" or "provider/name"."""

    models: list[ModelInfo]
    default: str | None


class ProvidersAnswer(Given, frozen=True, kw_only=True):
    providers: list[ProviderInfo]


class ProviderAnswer(Given, frozen=True, kw_only=True):
    provider: ProviderInfo


class TestAnswer(Given, frozen=True, kw_only=True):
    """`error` is null where the server answered."""

    models: list[ModelInfo]
    error: str | None


@routes.operation("GET", "/api/models")
async def list_models(call: Call) -> ModelsAnswer:
    """The models of every server that answers now."""
    found = await to_thread.run_sync(call.services.servers.list_models)
    return ModelsAnswer(models=found, default=call.services.settings.model)


@routes.operation("GET", "/api/providers", who="administrator")
async def list_providers(call: Call) -> ProvidersAnswer:
    """The servers that are configured or were found, each asked for its models."""

    def look() -> list[ProviderInfo]:
        servers = call.services.servers
        servers.look_again()
        providers, configured = servers.find(), {one.name: one for one in servers.configured}
        asked = servers.ask(providers)
        return [
            _info(provider, models, error, configured.get(provider.name))
            for provider, (models, error) in zip(providers, asked, strict=True)
        ]

    return ProvidersAnswer(providers=await to_thread.run_sync(look))


def _info(
    provider: Provider, models: list[ModelInfo], error: str | None, configured: ProviderSettings | None
) -> ProviderInfo:
    return ProviderInfo(
        name=provider.name,
        kind=kind_of(provider),
        address=without_secrets(getattr(provider, "address", None)),
        configured=configured is not None,
        has_key=configured is not None and configured.key is not None,
        models=models,
        error=error,
    )


@routes.operation(
    "POST",
    "/api/providers",
    who="administrator",
    status=201,
    errors=("conflict",),
    example={"name": "workstation", "kind": "ollama", "address": "http://127.0.0.1:11434"},
)
async def create_provider(call: Call, body: AddProvider) -> ProviderAnswer:
    """Write a server into `config.toml`, in place of one of the same name, and ask it for its models."""

    def add() -> ProviderInfo:
        places, servers = call.services.places, call.services.servers
        settings = ProviderSettings(name=body.name, kind=body.kind, address=body.address, model=body.model)
        make_provider(settings, body.key)  # what cannot be one is not written
        stored = add_provider(places.config, places.credentials, settings, secret=body.key)
        servers.look_again()
        provider = make_provider(stored, servers.key_of(stored))
        models, error = servers.ask([provider])[0]
        return _info(provider, models, error, stored)

    return ProviderAnswer(provider=await to_thread.run_sync(add))


@routes.operation(
    "POST",
    "/api/providers/test",
    who="administrator",
    example={"kind": "openai", "address": "http://127.0.0.1:8080/v1"},
)
async def test_provider(call: Call, body: TestProvider) -> TestAnswer:
    """Ask a server for its models, and write nothing."""

    def ask() -> TestAnswer:
        settings = ProviderSettings(name="test", kind=body.kind, address=body.address)
        models, error = call.services.servers.ask([make_provider(settings, body.key)])[0]
        return TestAnswer(models=models, error=error)

    return await to_thread.run_sync(ask)


@routes.operation("DELETE", "/api/providers/{name}", who="administrator")
async def delete_provider(call: Call, path: ProviderPath) -> Success:
    """Take a server out of `config.toml`, and its key out of `credentials.toml` where no other one uses it."""

    def remove() -> bool:
        places = call.services.places
        return remove_provider(places.config, places.credentials, path.name)

    if not await to_thread.run_sync(remove):
        raise NotFound("provider", path.name)
    call.services.servers.look_again()
    return Success()
