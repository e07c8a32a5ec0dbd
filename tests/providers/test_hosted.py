"""What is known of a model before it is asked: from its server's list, else from its name."""

from typing import Any

import pytest

from palaver.providers.anthropic import AnthropicProvider
from palaver.providers.base import ModelInfo
from palaver.providers.hosted import completed
from palaver.providers.openai import OpenAIProvider
from tests.support.scripted import ScriptedServer


def known(model: str) -> tuple[int | None, bool | None, bool | None]:
    info = completed(ModelInfo(id=model, provider="p"))
    return info.window, info.images, info.tools


@pytest.mark.parametrize(
    ("model", "window", "images"),
    [
        ("claude-opus-5-5", 1_000_000, True),
        ("claude-sonnet-4-6", 1_000_000, True),
        ("claude-sonnet-4-5-20250929", 200_000, True),
        ("claude-haiku-4-5-20251001", 200_000, True),
        ("models/gemini-3.5-flash", 1_048_576, True),
        ("gpt-3.5-turbo-0125", 16_385, False),
        ("gpt-4-0613", 8_192, False),
        ("openai/gpt-4o-mini", 128_000, True),
        ("gpt-5-mini", 400_000, True),
        ("gpt-5.4", 1_050_000, True),
        ("gpt-5.4-mini-2026-03-17", 400_000, True),
        ("gpt-6-sol", 1_050_000, True),
        ("o3-mini", 200_000, False),
        ("deepseek-v4-flash", 1_048_576, False),
    ],
)
def test_a_well_known_model_is_known_by_the_beginning_of_its_name(
    model: str, window: int, images: bool
) -> None:
    assert known(model) == (window, images, True)


@pytest.mark.parametrize("model", ["qwen3-32b", "my-gpt-5", "", "/", "gpt"])
def test_of_any_other_model_nothing_is_known(model: str) -> None:
    assert known(model) == (None, None, None)


def test_what_a_server_tells_goes_before_what_is_known() -> None:
    told = ModelInfo(id="gpt-5", provider="p", window=9_000, images=False, tools=False)
    assert completed(told) == told


@pytest.mark.parametrize(
    ("entry", "images", "tools"),
    [
        (
            {
                "architecture": {"input_modalities": ["text", "image"]},
                "supported_parameters": ["tools", "tool_choice"],
            },
            True,
            True,
        ),
        ({"architecture": {"input_modalities": ["text"]}, "supported_parameters": ["stop"]}, False, False),
        ({"capabilities": {"vision": True, "function_calling": False}}, True, False),
        ({"capabilities": {"image_input": {"supported": False}}}, False, None),
        ({"capabilities": ["vision"], "architecture": 7, "supported_parameters": None}, None, None),
        ({}, None, None),
    ],
    ids=["openrouter", "openrouter, text", "mistral", "anthropic", "junk", "nothing"],
)
def test_a_list_of_models_tells_what_they_take(
    server: ScriptedServer, entry: dict[str, Any], images: bool | None, tools: bool | None
) -> None:
    server.models = {"data": [{"id": "a-model", **entry}]}
    provider = OpenAIProvider("scripted", server.address)
    assert provider.describe("a-model") == ModelInfo(
        id="a-model", provider="scripted", images=images, tools=tools
    )
    assert provider.list_models() == [provider.describe("a-model")]


@pytest.mark.parametrize("kind", [OpenAIProvider, AnthropicProvider])
def test_a_model_of_a_server_without_a_list_is_known_by_its_name(
    server: ScriptedServer, kind: type[OpenAIProvider | AnthropicProvider]
) -> None:
    server.models = None
    provider = kind("gateway", server.address)
    assert provider.describe("claude-opus-5-5").images
    assert provider.describe("another") == ModelInfo(id="another", provider="gateway")
