"""What is known of hosted models whose servers say little of them."""

import msgspec

from palaver.providers.base import ModelInfo


class _Known(msgspec.Struct, frozen=True):
    window: int
    images: bool = True
    tools: bool = True


_MODELS = {
    "claude-": _Known(200_000),
    "claude-fable-": _Known(1_000_000),
    "claude-haiku-5": _Known(1_000_000),
    "claude-mythos-": _Known(1_000_000),
    "claude-opus-4-6": _Known(1_000_000),
    "claude-opus-4-7": _Known(1_000_000),
    "claude-opus-4-8": _Known(1_000_000),
    "claude-opus-5": _Known(1_000_000),
    "claude-sonnet-4-6": _Known(1_000_000),
    "claude-sonnet-5": _Known(1_000_000),
    "deepseek-v4": _Known(1_048_576, images=False),
    "deepseek-v4.1": _Known(1_048_576),
    "gemini-": _Known(1_048_576),
    "gpt-3.5-turbo": _Known(16_385, images=False),
    "gpt-4": _Known(8_192, images=False),
    "gpt-4-turbo": _Known(128_000),
    "gpt-4.1": _Known(1_047_576),
    "gpt-4o": _Known(128_000),
    "gpt-5": _Known(400_000),
    "gpt-5-chat": _Known(128_000),
    "gpt-5.1-chat": _Known(128_000),
    "gpt-5.2-chat": _Known(128_000),
    "gpt-5.3-chat": _Known(128_000),
    "gpt-5.4": _Known(1_050_000),
    "gpt-5.4-mini": _Known(400_000),
    "gpt-5.4-nano": _Known(400_000),
    "gpt-5.5": _Known(1_050_000),
    "gpt-5.6": _Known(1_050_000),
    "gpt-6": _Known(1_050_000),
    "o1": _Known(200_000),
    "o3": _Known(200_000),
    "o3-mini": _Known(200_000, images=False),
    "o4-mini": _Known(200_000),
}
"""By the beginning of their names; the longest that fits counts. From the makers' pages of models, November 2026."""


def completed(info: ModelInfo) -> ModelInfo:
    """What the server left open filled in for a well-known model, with or without its maker's name before it."""
    name = info.id.rpartition("/")[2]
    fitting = max(filter(name.startswith, _MODELS), key=len, default=None)
    if fitting is None:
        return info
    known = _MODELS[fitting]
    return msgspec.structs.replace(
        info,
        window=info.window or known.window,
        images=known.images if info.images is None else info.images,
        tools=known.tools if info.tools is None else info.tools,
    )
