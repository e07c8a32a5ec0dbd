"""A model that needs no network: it answers from what it was told, always the same, and says what it is."""

import re
import threading
from collections.abc import Iterator

from palaver.context.tokens import count_parts, estimate
from palaver.model import Text, Usage, text_of
from palaver.providers.base import Delta, Finish, ModelInfo, Request

MODEL = "demo"
WINDOW = 8192
HOW_TO_ADD = (
    "To talk with a real model, start a local server (Ollama, LM Studio, llama.cpp or vLLM), or set `OPENAI_API_KEY`, "
    "or add a `[[provider]]` to `config.toml`; then start Palaver again."
)


class DemoProvider:
    """`delay` is the seconds between two words."""

    def __init__(self, name: str = "demo", *, delay: float = 0.02) -> None:
        self.name = name
        self.default_model: str | None = MODEL
        self._delay = delay

    def list_models(self) -> list[ModelInfo]:
        return [self.describe(MODEL)]

    def describe(self, model: str) -> ModelInfo:
        window = WINDOW if model == MODEL else None
        return ModelInfo(id=model, provider=self.name, window=window, images=False, tools=False)

    def stream(self, request: Request) -> "DemoAnswer":
        return DemoAnswer(request, self._delay)


class DemoAnswer:
    def __init__(self, request: Request, delay: float) -> None:
        self._request = request
        self._delay = delay
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Delta]:
        pieces = re.findall(r"\S+\s*", compose(self._request))
        limit = self._request.settings.get("max_tokens")
        sent = pieces if limit is None else pieces[:limit]
        for piece in sent:
            if self._closed.wait(self._delay):
                return
            yield Text(piece)
        yield Usage(
            input_tokens=sum(count_parts(message.parts) for message in self._request.messages),
            output_tokens=estimate("".join(sent)),
        )
        yield Finish("stop" if len(sent) == len(pieces) else "length")

    def close(self) -> None:
        self._closed.set()


def compose(request: Request) -> str:
    """The whole answer to a request."""
    told = [text_of(message.parts).strip() for message in request.messages if message.role == "user"]
    if not told:
        return f"I am the demo model. Nothing was asked yet. {HOW_TO_ADD}"
    if len(told) == 1:
        return f"I am the demo model: I work offline and only repeat.\n\nYou said:\n\n{_quoted(told[-1])}\n\n{HOW_TO_ADD}"
    return (
        f"You said:\n\n{_quoted(told[-1])}\n\nThat is your message number {len(told)} that I can see; the first was:\n\n"
        f"{_quoted(told[0])}\n\n(I am the demo model.)"
    )


def _quoted(text: str) -> str:
    shown = text if len(text) <= 400 else text[:399] + "…"
    return "\n".join(f"> {line}" for line in shown.splitlines() or [""])
