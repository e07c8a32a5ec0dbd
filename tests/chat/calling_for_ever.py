"""What a process does that is killed in the middle of its tools."""

import itertools
from collections.abc import Callable
from contextlib import closing
from typing import Any

import palaver
from palaver.chat.engine import Engine
from palaver.providers.openai import OpenAIProvider
from palaver.tools.base import Returned
from tests.chat.tools import Toolkit


def call_for_ever(report: Callable[[str], None], database: str, address: str, session_id: str) -> None:
    """One turn after another in the session. Reports what a model, a person or the world has seen of each."""
    turns = itertools.count(1)
    question = ""

    def first(_: Any) -> Returned:
        report(f"first {question}")
        return Returned(f"result of {question}")

    def second(_: Any) -> Returned:
        report(f"second {question}")
        return Returned("and another")

    with palaver.open_store(database) as store:
        toolbox = Toolkit(first=first, second=second)
        with closing(Engine(store, [OpenAIProvider("scripted", address)], toolbox=toolbox)) as engine:
            for number in turns:
                question = f"question {number}"
                turn = engine.start_turn(session_id, question)
                report(f"asked {question}")
                turn.wait()
                report(f"answered {question}")
