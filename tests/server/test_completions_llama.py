"""The OpenAI-compatible door in front of a real llama.cpp server, asked by the official client."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.support import llama
from tests.support.factories import texts
from tests.support.office import Office, Worker, office
from tests.support.servers import llama_address

__all__ = ["llama_address"]

QUESTION: Any = {"role": "user", "content": "Say a few words."}


@pytest.fixture
def place(tmp_path: Path, llama_address: str) -> Iterator[Office]:
    with office(str(tmp_path / "palaver.db"), tmp_path, llama_address, servers=1) as place:
        yield place


@pytest.fixture
def worker(place: Office) -> Worker:
    return place.hire("Ann")


def test_a_real_models_answers_pass_through_and_are_recorded(
    place: Office, worker: Worker, llama_address: str
) -> None:
    key = worker.headers["Authorization"].removeprefix("Bearer ")
    # What llama.cpp alone knows goes along: without it the tiny model ends at once.
    fields: Any = {
        "model": llama.MODEL,
        "temperature": 0,
        "max_tokens": 12,
        "seed": 1,
        "extra_body": {"ignore_eos": True},
    }
    with (
        OpenAI(base_url=f"{place.places[0].address}/v1", api_key=key, max_retries=0) as through,
        OpenAI(base_url=f"{llama_address}/v1", api_key="none", max_retries=0) as straight,
    ):
        assert llama.MODEL in {model.id for model in through.models.list()}
        expected, answer = (
            client.chat.completions.create(messages=[QUESTION], **fields) for client in (straight, through)
        )
        said = expected.choices[0].message.content
        assert answer.choices[0].message.content == said
        assert said
        assert answer.choices[0].finish_reason == expected.choices[0].finish_reason
        assert answer.usage.completion_tokens == expected.usage.completion_tokens
        history = [QUESTION, {"role": "assistant", "content": said}, {"role": "user", "content": "More."}]
        chunks = through.chat.completions.create(messages=history, stream=True, **fields)
        more = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    [session] = worker.store.list_sessions().items
    assert texts(worker.store, session.id) == ["Say a few words.", said, "More.", more]
    usage = list(worker.store.messages(session.id))[1].usage
    assert usage is not None
    assert usage.output_tokens == expected.usage.completion_tokens
