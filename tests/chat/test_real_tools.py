"""Rounds with a real model server that calls tools, and with tools of a real tool server."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from palaver import Session, Store, ToolCall, ToolResult
from palaver.chat.events import InputRequired, TurnFinished
from palaver.chat.modes import change_mode
from palaver.providers.base import Request
from palaver.providers.openai import OpenAIAnswer, OpenAIProvider
from palaver.settings import ModeSettings, Settings, ToolServerSettings
from palaver.tools.mcp import McpToolbox
from tests.chat.conftest import MakeEngine
from tests.support.llama import MODEL
from tests.support.tiny_model import CALL, END
from tests.tools.conftest import SERVERS

ROUNDS = 2


class Eager(OpenAIProvider):
    """The tiny model, made to call tools in its first answers and to say something in the next."""

    def stream(self, request: Request) -> OpenAIAnswer:
        answers = sum(message.role == "assistant" for message in request.messages)
        bias = {str(CALL): 100} if answers < ROUNDS else {str(END): -100}
        extra = {"logit_bias": bias, "stop": ["</tool_call>"], "seed": 3 + answers}
        return super().stream(msgspec.structs.replace(request, extra=extra))


@pytest.fixture
def toolbox() -> Iterator[McpToolbox]:
    echo = ToolServerSettings(
        name="plain", command=sys.executable, args=(str(SERVERS / "plain.py"),), allow="ask"
    )
    with closing(McpToolbox([echo], environment=dict(os.environ), patience=60.0)) as box:
        yield box


@pytest.fixture
def session(store: Store) -> Session:
    session = store.create_session(model=MODEL, provider="llama", settings={"max_tokens": 200})
    return change_mode(store, session, ModeSettings(name="sums", tools=("*add",)))


def test_a_real_model_calls_tools_of_a_real_server_and_is_answered(
    make_engine: MakeEngine, store: Store, session: Session, llama_address: str, toolbox: McpToolbox
) -> None:
    engine = make_engine(
        store,
        Eager("llama", llama_address),
        toolbox=toolbox,
        asks=True,
        settings=Settings(model_title=False),
    )
    turn = engine.start_turn(session.id, "tell me a story")
    for event in turn.events():
        if isinstance(event, InputRequired):
            turn.answer(event.request_id, "session")
    end = list(turn.events())[-1]
    assert isinstance(end, TurnFinished), end
    assert (end.message.status, end.finish_reason) == ("complete", "length")
    stored = list(store.messages(session.id))
    answers = [m for m in stored if m.role == "assistant"]
    results = {part.call_id: m for m in stored for part in m.parts if isinstance(part, ToolResult)}
    calls = [part for m in answers for part in m.parts if isinstance(part, ToolCall)]
    assert len(answers) == ROUNDS + 1
    assert [call.id for call in calls] == list(results)
    assert all(m.metadata["allowedBy"] in ("person", "session") for m in results.values())
    assert all(m.metadata["durationMs"] >= 0 for m in results.values())
    assert all(m.usage is not None for m in answers)
