"""Images in all three protocols, with their makers' own clients as witnesses."""

import base64
from collections.abc import Iterator
from typing import Any

import anthropic
import ollama
import openai
import pytest
from anthropic.types import MessageParam
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

import palaver
from palaver import Invalid, Store
from palaver.chat.attachments import Attachments
from palaver.context.attachments import Image
from palaver.context.prompt import Sent
from palaver.errors import ProviderError
from palaver.model import Text
from palaver.providers import anthropic_request, openai_request
from palaver.providers import ollama as ollama_provider
from palaver.providers.anthropic import AnthropicProvider
from palaver.providers.ollama import OllamaProvider
from palaver.providers.openai import OpenAIProvider
from tests.providers.asking import a_request, ask, sent
from tests.providers.dialects import DIALECTS
from tests.support import images
from tests.support.llama import MODEL
from tests.support.scripted import ScriptedServer

PNG = images.png(40, 30)
DATA = base64.b64encode(PNG).decode()
VIEW = Image("view.png", "image/png", PNG, 256)
ASKED = [
    sent("be brief", "system"),
    Sent("user", (Text("What is this?"), VIEW), 260),
    sent("A black image.", "assistant"),
    Sent("user", (VIEW,), 256),
    sent("And this?"),
]
OPENAI_IMAGE = {
    "type": "image_url",
    "image_url": {"url": f"data:image/png;base64,{DATA}", "detail": "high"},
}
ANTHROPIC_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def answered(server: ScriptedServer, dialect: str) -> None:
    [chosen] = [known for known in DIALECTS if known.name == dialect]
    chosen.will(server, *chosen.whole("a black image"))


@pytest.fixture
def claude(server: ScriptedServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.address, api_key="k", max_retries=0) as client:
        yield client


def test_openai_s_client_sends_an_image_in_the_same_words(server: ScriptedServer) -> None:
    answered(server, "openai")
    ask(OpenAIProvider("scripted", server.address), a_request(messages=ASKED))
    asked: Any = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [text("What is this?"), OPENAI_IMAGE]},
        {"role": "assistant", "content": "A black image."},
        {"role": "user", "content": [OPENAI_IMAGE, text("And this?")]},
    ]
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key="k", max_retries=0) as witness:
        stream = witness.chat.completions.create(
            model="tiny", messages=asked, stream=True, stream_options={"include_usage": True}
        )
        assert any(chunk.choices for chunk in stream)
    ours, theirs = server.requests
    assert ours == theirs


def test_ollama_s_client_sends_an_image_in_the_same_words(server: ScriptedServer) -> None:
    answered(server, "ollama")
    ask(OllamaProvider("scripted", server.address), a_request(messages=ASKED))
    with ollama.Client(server.address) as witness:
        stream = witness.chat(
            "tiny",
            [
                ollama.Message(role="system", content="be brief"),
                ollama.Message(role="user", content="What is this?", images=[ollama.Image(value=PNG)]),
                ollama.Message(role="assistant", content="A black image."),
                ollama.Message(role="user", content="And this?", images=[ollama.Image(value=PNG)]),
            ],
            stream=True,
        )
        assert list(stream)
    ours, theirs = server.requests
    assert ours["messages"] == theirs["messages"]


def test_anthropic_s_client_sends_an_image_in_the_same_words(
    server: ScriptedServer, claude: anthropic.Anthropic
) -> None:
    answered(server, "anthropic")
    ask(AnthropicProvider("scripted", server.address), a_request(messages=ASKED))
    asked: Any = [
        {"role": "user", "content": [text("What is this?"), ANTHROPIC_IMAGE]},
        {"role": "assistant", "content": [text("A black image.")]},
        {"role": "user", "content": [ANTHROPIC_IMAGE, text("And this?")]},
    ]
    with claude.messages.stream(model="tiny", max_tokens=8192, system="be brief", messages=asked) as stream:
        stream.until_done()
    ours, theirs = server.requests
    assert ours == theirs


@pytest.mark.parametrize("parts", [(VIEW,), (Text("  "), VIEW), (VIEW, Text("x"), VIEW)])
def test_what_is_sent_is_what_their_typed_models_take(parts: tuple[Text | Image, ...]) -> None:
    asked = [Sent("user", parts, 1), sent("ok", "assistant")]
    for message in openai_request.to_wire(asked):
        TypeAdapter(ChatCompletionMessageParam).validate_python(message, strict=True)
    for message in anthropic_request.to_wire(asked)[1]:
        TypeAdapter(MessageParam).validate_python(message, strict=True)


def test_an_image_that_is_not_the_user_s_is_named() -> None:
    asked = [sent("draw"), Sent("assistant", (Text("Here."), VIEW), 1), sent("thanks")]
    assert openai_request.to_wire(asked)[1]["content"] == "Here.\n[image: view.png]"
    assert ollama_provider.to_wire(asked)[1]["content"] == "Here.\n[image: view.png]"
    _, wire = anthropic_request.to_wire(asked)
    assert wire[1]["content"] == [text("Here."), text("[image: view.png]")]


def test_a_real_server_without_eyes_says_so_before_the_turn(llama_address: str, store: Store) -> None:
    provider = OpenAIProvider("llama", llama_address)
    file = store.put_file(PNG, name="view.png")
    attachments = Attachments(store)
    with pytest.raises(Invalid, match="tiny takes no images"):
        attachments.check(palaver.user("look", parts=(file,)), provider.describe(MODEL))
    with pytest.raises(ProviderError, match="image input is not supported"):
        ask(provider, a_request(messages=ASKED))
