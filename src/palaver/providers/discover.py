"""Which providers there are, and which of them has a model."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from palaver.errors import Invalid, ProviderError
from palaver.providers.anthropic import AnthropicProvider
from palaver.providers.base import Provider
from palaver.providers.credentials import Keys
from palaver.providers.demo import DemoProvider
from palaver.providers.ollama import PORT, OllamaProvider, address_of_host
from palaver.providers.openai import OpenAIProvider
from palaver.providers.transport import Timeouts
from palaver.settings import ProviderKind, ProviderSettings, Settings

OPENAI_ADDRESS = "https://api.openai.com/v1"
ANTHROPIC_ADDRESS = "https://api.anthropic.com"
OLLAMA_ADDRESS = f"http://127.0.0.1:{PORT}"
LOCAL: tuple[ProviderSettings, ...] = (
    ProviderSettings(name="ollama", kind="ollama", address=OLLAMA_ADDRESS),
    ProviderSettings(name="lmstudio", address="http://127.0.0.1:1234/v1"),
    ProviderSettings(name="llamacpp", address="http://127.0.0.1:8080/v1"),
    ProviderSettings(name="vllm", address="http://127.0.0.1:8000/v1"),
)
"""Where local servers usually are, and the names they get."""
_NO_CHAT = re.compile(
    r"embed|rerank|whisper|tts|transcribe|dall-e|image|audio|realtime|moderation|babbage|davinci|instruct-"
)
"""Models in the same lists that answer no chat."""
LOOK = Timeouts(connect=0.3, stall=1.0)

_Served = OpenAIProvider | OllamaProvider | AnthropicProvider
_KINDS: Mapping[ProviderKind, tuple[type[_Served], str]] = {
    "openai": (OpenAIProvider, OPENAI_ADDRESS),
    "ollama": (OllamaProvider, OLLAMA_ADDRESS),
    "anthropic": (AnthropicProvider, ANTHROPIC_ADDRESS),
}
"""Who speaks a protocol, and where it is usually spoken."""


def find_providers(
    settings: Settings,
    environment: Mapping[str, str],
    credentials: Path,
    *,
    local: Sequence[ProviderSettings] = LOCAL,
) -> list[Provider]:
    """Those of `config.toml`, then what the environment names, then local servers that answer; else `demo` alone.

    Names are unique, the first one wins. Takes at most about a second. Raises `Invalid` for a provider that is
    configured wrongly or a `credentials.toml` that others may read.
    """
    keys = Keys(environment, credentials)
    found = [make_provider(provider, _key(provider, keys)) for provider in settings.provider]
    if settings.discover:
        found += _in_environment(environment, keys)
        known = {_place(provider.address) for provider in found if isinstance(provider, _Served)}
        found += _answering([provider for provider in local if _place(provider.address) not in known])
    return list(_by_name(found)) or [DemoProvider()]


def choose(
    providers: Sequence[Provider], model: str | None = None, provider: str | None = None
) -> tuple[Provider, str]:
    """The provider and the model's name for what was asked: "model", "provider/model", or nothing for the first there is.

    A provider that is named is taken at its word and not asked for its models. Raises `Invalid` where none fits,
    `ProviderError` where a provider has to be asked and does not answer.
    """
    named = {p.name: p for p in providers}
    prefix, _, rest = (model or "").partition("/")
    if provider is None and rest and prefix in named:
        provider, model = prefix, rest
    if provider is not None:
        if provider not in named:
            raise Invalid(f"no provider is called {provider!r}; there are: {_names(named)}", field="provider")
        chosen = named[provider]
        return chosen, model or _first_model(chosen)
    if model is None:
        return providers[0], _first_model(providers[0])
    for candidate in providers:
        if model == candidate.default_model or model in _models(candidate):
            return candidate, model
    raise Invalid(
        f"no provider has the model {model!r} now; there are: {_names(named)}. "
        "Start its server, or choose another model",
        field="model",
    )


def make_provider(
    provider: ProviderSettings, key: str | None = None, timeouts: Timeouts | None = None
) -> Provider:
    """The provider that these settings mean; an empty address is the usual one of its kind."""
    if provider.kind == "demo":
        return DemoProvider(provider.name)
    made, usual = _KINDS[provider.kind]
    return made(
        provider.name, provider.address or usual, key=key, default_model=provider.model, timeouts=timeouts
    )


def kind_of(provider: Provider) -> ProviderKind:
    """The protocol that a provider is spoken to over."""
    return next((kind for kind, (made, _) in _KINDS.items() if isinstance(provider, made)), "demo")


def _place(address: str) -> tuple[str | None, int | None]:
    """Host and port: one server may speak several protocols and is still one."""
    url = urlsplit(address)
    return ("127.0.0.1" if url.hostname == "localhost" else url.hostname, url.port)


def _key(provider: ProviderSettings, keys: Keys) -> str | None:
    if provider.key is None:
        return None
    key = keys.find(provider.key)
    if not key:
        raise Invalid(
            f"provider {provider.name}: the key {provider.key} is neither in the environment nor in credentials.toml",
            field="key",
        )
    return key


def _in_environment(environment: Mapping[str, str], keys: Keys) -> Iterator[Provider]:
    address = environment.get("OPENAI_BASE_URL")
    key = keys.find("OPENAI_API_KEY")
    if address or key:
        yield OpenAIProvider("openai", address or OPENAI_ADDRESS, key=key)
    address = environment.get("ANTHROPIC_BASE_URL")
    key = keys.find("ANTHROPIC_API_KEY")
    if address or key:
        yield AnthropicProvider("anthropic", address or ANTHROPIC_ADDRESS, key=key)
    if key := keys.find("OPENROUTER_API_KEY"):
        yield OpenAIProvider("openrouter", "https://openrouter.ai/api/v1", key=key)
    if host := environment.get("OLLAMA_HOST"):
        yield OllamaProvider("ollama", address_of_host(host), key=keys.find("OLLAMA_API_KEY"))


def _answering(candidates: Sequence[ProviderSettings]) -> list[Provider]:
    """Those that answer with a list of models; all are asked at the same time."""
    if not candidates:
        return []
    with ThreadPoolExecutor(len(candidates)) as pool:
        answers = pool.map(_answers, candidates)
        return [make_provider(one) for one, there in zip(candidates, answers, strict=True) if there]


def _answers(candidate: ProviderSettings) -> bool:
    try:
        return bool(make_provider(candidate, timeouts=LOOK).list_models())
    except ProviderError:
        return False


def _by_name(providers: Sequence[Provider]) -> Iterator[Provider]:
    seen: set[str] = set()
    for provider in providers:
        if provider.name not in seen:
            yield provider
        seen.add(provider.name)


def _first_model(provider: Provider) -> str:
    if provider.default_model:
        return provider.default_model
    models = provider.list_models()
    if not models:
        raise Invalid(f"{provider.name} has no model: load one there first", field="model")
    return next((info.id for info in models if not _NO_CHAT.search(info.id)), models[0].id)


def _models(provider: Provider) -> set[str]:
    """The models of a provider; one that does not answer now has none."""
    try:
        return {info.id for info in provider.list_models()}
    except ProviderError:
        return set()


def _names(providers: Mapping[str, Provider]) -> str:
    return ", ".join(sorted(providers))
