"""The list of models at `models`, as the OpenAI and the Anthropic protocol have it, and what it tells of each."""

from collections.abc import Mapping
from typing import Any

import msgspec

from palaver.errors import ProviderError
from palaver.providers.base import ModelInfo
from palaver.providers.fields import mapping, positive
from palaver.providers.hosted import completed
from palaver.providers.transport import Server

_WINDOW_FIELDS = (
    "max_model_len",
    "context_length",
    "context_window",
    "max_context_length",
    "max_input_tokens",
)
NO_LIST = (404, 405, 501)
"""What servers answer that have no list."""


def list_models(server: Server, path: str = "models") -> list[ModelInfo]:
    """Raises `ProviderError`."""
    return [_told(server, entry) for entry in _entries(server, path)]


def describe(server: Server, model: str, path: str = "models") -> ModelInfo:
    """What the list says, if there is one; llama.cpp's server says in `/props` what it was started with.

    Raises `ProviderError`.
    """
    entry = next((entry for entry in _entries_if_any(server, path) if entry["id"] == model), {"id": model})
    told = _told(server, entry)
    if entry.get("owned_by") == "llamacpp":
        return _with_props(told, mapping(server.get_json(f"{server.address.removesuffix('/v1')}/props")))
    return completed(told)


def _with_props(told: ModelInfo, props: Mapping[str, Any]) -> ModelInfo:
    running = mapping(props.get("default_generation_settings"))
    images = _flag(mapping(props.get("modalities")).get("vision"))
    return msgspec.structs.replace(
        told,
        window=positive(running.get("n_ctx")),
        images=told.images if images is None else images,
        tools=_flag(mapping(props.get("chat_template_caps")).get("supports_tools")),
    )


def _entries_if_any(server: Server, path: str) -> list[dict[str, Any]]:
    try:
        return _entries(server, path)
    except ProviderError as exc:
        if exc.status in NO_LIST:
            return []
        raise


def _entries(server: Server, path: str) -> list[dict[str, Any]]:
    listing = server.get_json(path)
    data = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(data, list):
        raise ProviderError(f"{server.name} did not answer with a list of models")
    return [entry for entry in data if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def _told(server: Server, entry: Mapping[str, Any]) -> ModelInfo:
    return ModelInfo(
        id=entry["id"],
        provider=server.name,
        window=next((size for field in _WINDOW_FIELDS if (size := positive(entry.get(field)))), None),
        images=_takes_images(entry),
        tools=_takes_tools(entry),
    )


def _takes_images(entry: Mapping[str, Any]) -> bool | None:
    """As OpenRouter and llama.cpp say it, as Anthropic does, and as Mistral does."""
    modalities = mapping(entry.get("architecture")).get("input_modalities")
    if isinstance(modalities, list):
        return "image" in modalities
    can = mapping(entry.get("capabilities"))
    return _flag(mapping(can.get("image_input")).get("supported"), can.get("vision"))


def _takes_tools(entry: Mapping[str, Any]) -> bool | None:
    """As OpenRouter says it, and as Mistral does."""
    parameters = entry.get("supported_parameters")
    if isinstance(parameters, list):
        return "tools" in parameters
    return _flag(mapping(entry.get("capabilities")).get("function_calling"))


def _flag(*values: Any) -> bool | None:
    return next((value for value in values if isinstance(value, bool)), None)
