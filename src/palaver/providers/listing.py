"""The list of models at `models`, as the OpenAI and the Anthropic protocol have it, and the windows it tells."""

from collections.abc import Mapping
from typing import Any

from palaver.errors import ProviderError
from palaver.providers.base import ModelInfo
from palaver.providers.fields import mapping, positive
from palaver.providers.transport import Server

_WINDOW_FIELDS = (
    "max_model_len",
    "context_length",
    "context_window",
    "max_context_length",
    "max_input_tokens",
)
_KNOWN_WINDOWS = (
    ("claude-", 200_000),
    ("gpt-5", 400_000),
    ("gpt-4.1", 1_047_576),
    ("gpt-4o", 128_000),
    ("gpt-4-turbo", 128_000),
    ("gpt-4", 8_192),
    ("gpt-3.5-turbo", 16_385),
    ("o1", 200_000),
    ("o3", 200_000),
    ("o4-mini", 200_000),
)
"""Hosted models whose servers do not tell their window, by the beginning of their names; the first that fits counts."""


def list_models(server: Server, path: str = "models") -> list[ModelInfo]:
    """Raises `ProviderError`."""
    entries = _entries(server, path)
    return [ModelInfo(id=entry["id"], provider=server.name, window=_told(entry)) for entry in entries]


def find_window(server: Server, model: str, path: str = "models") -> int | None:
    """What the list says; llama.cpp's server says in `/props` what it was started with. Raises `ProviderError`."""
    entry = next((entry for entry in _entries(server, path) if entry["id"] == model), None)
    if entry is not None and entry.get("owned_by") == "llamacpp":
        props = server.get_json(f"{server.address.removesuffix('/v1')}/props")
        return positive(mapping(mapping(props).get("default_generation_settings")).get("n_ctx"))
    return _told(entry or {}) or known_window(model)


def known_window(model: str) -> int | None:
    """The window of a well-known hosted model, with or without its maker's name before it."""
    name = model.rpartition("/")[2]
    return next((window for prefix, window in _KNOWN_WINDOWS if name.startswith(prefix)), None)


def _entries(server: Server, path: str) -> list[dict[str, Any]]:
    listing = server.get_json(path)
    data = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(data, list):
        raise ProviderError(f"{server.name} did not answer with a list of models")
    return [entry for entry in data if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def _told(entry: Mapping[str, Any]) -> int | None:
    return next((size for field in _WINDOW_FIELDS if (size := positive(entry.get(field)))), None)
