"""Which providers there are, and which of them has a model."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from palaver.errors import Invalid, ProviderError
from palaver.providers.base import Provider
from palaver.providers.credentials import Keys
from palaver.providers.demo import DemoProvider
from palaver.providers.openai import OpenAIProvider, base_address
from palaver.providers.transport import Timeouts
from palaver.settings import ProviderSettings, Settings

OPENAI_ADDRESS = "https://api.openai.com/v1"
LOCAL: tuple[tuple[str, str], ...] = (
    ("ollama", "http://127.0.0.1:11434/v1"),
    ("lmstudio", "http://127.0.0.1:1234/v1"),
    ("llamacpp", "http://127.0.0.1:8080/v1"),
    ("vllm", "http://127.0.0.1:8000/v1"),
)
"""Where local servers usually are, by the name they get."""
_NO_CHAT = re.compile(
    r"embed|rerank|whisper|tts|transcribe|dall-e|image|audio|realtime|moderation|babbage|davinci|instruct-"
)
"""Models in the same lists that answer no chat."""
LOOK = Timeouts(connect=0.3, stall=1.0)


def find_providers(
    settings: Settings,
    environment: Mapping[str, str],
    credentials: Path,
    *,
    local: Sequence[tuple[str, str]] = LOCAL,
) -> list[Provider]:
    """Those of `config.toml`, then what the environment names, then local servers that answer; else `demo` alone.

    Names are unique, the first one wins. Takes at most about a second. Raises `Invalid` for a provider that is
    configured wrongly or a `credentials.toml` that others may read.
    """
    keys = Keys(environment, credentials)
    found = [_configured(provider, keys) for provider in settings.provider]
    if settings.discover:
        found += _in_environment(environment, keys)
        known = {provider.address for provider in found if isinstance(provider, OpenAIProvider)}
        found += _answering([(name, address) for name, address in local if address not in known])
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


def _configured(provider: ProviderSettings, keys: Keys) -> Provider:
    match provider.kind:
        case "demo":
            return DemoProvider(provider.name)
        case "openai":
            return OpenAIProvider(
                provider.name,
                provider.address or OPENAI_ADDRESS,
                key=_key(provider, keys),
                default_model=provider.model,
            )
        case kind:
            raise Invalid(
                f"provider {provider.name}: the kind {kind!r} is not supported yet; if its server also speaks the "
                'OpenAI protocol, use kind = "openai" and the address that ends in /v1',
                field="kind",
            )


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
    if key := keys.find("OPENROUTER_API_KEY"):
        yield OpenAIProvider("openrouter", "https://openrouter.ai/api/v1", key=key)


def _answering(candidates: Sequence[tuple[str, str]]) -> list[Provider]:
    """Those that answer with a list of models; all are asked at the same time."""
    if not candidates:
        return []
    with ThreadPoolExecutor(len(candidates)) as pool:
        answers = pool.map(_answers, *zip(*candidates, strict=True))
        return [
            OpenAIProvider(name, address)
            for (name, address), there in zip(candidates, answers, strict=True)
            if there
        ]


def _answers(name: str, address: str) -> bool:
    try:
        return bool(OpenAIProvider(name, base_address(address), timeouts=LOOK).list_models())
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
