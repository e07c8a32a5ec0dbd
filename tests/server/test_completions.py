"""Other programs talk through Palaver: the official client of OpenAI is one of them."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from palaver import File, Session, Store, ToolCall, ToolResult
from palaver.ids import new_id
from tests.chat.reading import until
from tests.chat.tools import calling
from tests.support.factories import texts
from tests.support.images import png
from tests.support.office import Office, Worker, office
from tests.support.scripted import DONE, Drop, ScriptedServer, Wait, delta, event, finish, text, whole

HEADER = "X-Palaver-Session"
TOOL: Any = {
    "type": "function",
    "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_server: ScriptedServer
) -> Iterator[Office]:
    """A server that tests share: each has a worker of its own."""
    folder = tmp_path_factory.mktemp("office")
    if request.param == "sqlite":
        with office(str(folder / "palaver.db"), folder, model_server.address, servers=1) as made:
            yield made
    else:
        databases = request.getfixturevalue("postgres_databases")
        with databases.fresh() as url, office(url, folder, model_server.address, servers=1) as made:
            yield made


@pytest.fixture
def worker(place: Office) -> Worker:
    return place.hire(f"Ann{new_id()[-12:]}")


@pytest.fixture
def client(place: Office, worker: Worker) -> Iterator[OpenAI]:
    with a_client(place, worker) as client:
        yield client


def a_client(place: Office, worker: Worker, **more: Any) -> OpenAI:
    key = worker.headers["Authorization"].removeprefix("Bearer ")
    return OpenAI(base_url=f"{place.places[0].address}/v1", api_key=key, max_retries=0, timeout=30, **more)


def usage(prompt: int = 1, completion: int = 1) -> bytes:
    """The event that tells the tokens."""
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}})


def user(content: Any) -> Any:
    return {"role": "user", "content": content}


def said(content: str) -> Any:
    return {"role": "assistant", "content": content}


def ask(client: OpenAI, *messages: Any, **more: Any) -> tuple[Any, str]:
    """An answer, and the session it is recorded in."""
    raw = client.chat.completions.with_raw_response.create(
        **{"model": "scripted", "messages": list(messages), **more}
    )
    return raw.parse(), raw.headers[HEADER]


def sessions(worker: Worker) -> list[Session]:
    return worker.store.list_sessions().items


def test_an_answer_is_given_and_recorded(worker: Worker, client: OpenAI, model: ScriptedServer) -> None:
    model.will(text("Lis"), text("bon."), finish("stop"), usage(9, 3), DONE)
    answer, session_id = ask(client, {"role": "system", "content": "Be brief."}, user("Portugal?"))
    assert answer.choices[0].message.content == "Lisbon."
    assert (answer.object, answer.choices[0].finish_reason) == ("chat.completion", "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (9, 3)
    [session] = sessions(worker)
    assert (session.id, session.title, session.system_prompt) == (session_id, "Portugal?", "Be brief.")
    stored = list(worker.store.messages(session_id))
    assert [(m.role, m.text, m.status) for m in stored] == [
        ("user", "Portugal?", "complete"),
        ("assistant", "Lisbon.", "complete"),
    ]
    assert stored[1].usage is not None
    assert stored[1].usage.input_tokens == 9


def test_a_streamed_answer_comes_in_the_chunks_of_the_model(
    worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    model.will(delta(reasoning_content="hm"), text("Lis"), text("bon."), finish("stop"), usage(), DONE)
    with client.chat.completions.create(
        model="scripted", messages=[user("Portugal?")], stream=True
    ) as chunks:
        read = list(chunks)
    assert [c.choices[0].delta.content for c in read if c.choices[0].delta.content] == ["Lis", "bon."]
    assert all(chunk.usage is None for chunk in read)
    assert read[-1].choices[0].finish_reason == "stop"
    model.scripts.clear()
    model.will(text("x"), finish("stop"), usage(1, 1), DONE)
    more = client.chat.completions.create(
        model="scripted",
        messages=[user("Portugal?"), said("Lisbon."), user("Again?")],
        stream=True,
        stream_options={"include_usage": True},
    )
    assert [chunk.usage.prompt_tokens for chunk in more if chunk.usage] == [1]
    [session] = sessions(worker)
    assert texts(worker.store, session.id) == ["Portugal?", "Lisbon.", "Again?", "x"]


def test_what_goes_to_the_model_is_what_the_program_sent(client: OpenAI, model: ScriptedServer) -> None:
    model.will(*whole("x"))
    messages = [
        {"role": "developer", "content": "Be brief."},
        {**user([{"type": "text", "text": "Portugal?"}]), "name": "ann"},
    ]
    fields = {"temperature": 0.25, "top_p": 0.5, "seed": 7, "logit_bias": {"50256": -100}, "user": "ann"}
    ask(client, *messages, **fields, metadata={"session": "mine", "more": "kept"}, extra_body={"min_p": 0.1})
    sent = model.requests[-1]
    assert sent["messages"] == messages
    assert {name: sent[name] for name in fields} == fields
    assert (sent["metadata"], sent["min_p"], sent["model"]) == ({"more": "kept"}, 0.1, "scripted")


def test_a_request_goes_on_where_its_messages_are_known_and_branches_where_they_differ(
    worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    for word in ("b", "d", "e", "f", "g"):
        model.will(delta(reasoning_content="thinking"), *whole(word))
    _, first = ask(client, user("a"))
    _, second = ask(client, user("a"), said("b"), user("c"))
    assert first == second
    assert texts(worker.store, first) == ["a", "b", "c", "d"]
    _, branched = ask(client, user("a"), said("b"), user("C"))
    assert branched == first
    assert texts(worker.store, first) == ["a", "b", "C", "e"]
    _, again = ask(client, user("a"), said("b"), user("C"))
    assert again == first
    answers = [m for m in worker.store.tree(first) if m.text in ("e", "f")]
    assert answers[0].parent_id == answers[1].parent_id
    _, other = ask(client, user("elsewhere"))
    assert other != first
    assert len(sessions(worker)) == 2


def test_a_whole_history_that_is_new_is_recorded(
    worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    model.will(*whole("f"))
    _, session_id = ask(client, user("a"), said("b"), user("c"), said("d"), user("e"))
    assert texts(worker.store, session_id) == list("abcdef")


def test_a_session_is_named_by_header_metadata_or_user(
    worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    model.will(*whole("x"))
    made = worker.store.create_session(title="Mine")
    for named in (
        {"extra_headers": {HEADER: made.id}},
        {"metadata": {"session": made.id}},
        {"user": made.id},
    ):
        _, session_id = ask(client, user(f"by {next(iter(named))}"), **named)
        assert session_id == made.id
    named_ids = {ask(client, user(word), metadata={"session": "my agent"})[1] for word in ("one", "two")}
    assert len(named_ids) == 1
    assert ask(client, user("one"), metadata={"session": "another"})[1] not in named_ids
    with pytest.raises(openai.NotFoundError):
        ask(client, user("x"), extra_headers={HEADER: new_id()})


def test_a_program_that_leaves_out_its_oldest_messages_goes_on_in_the_session_it_names(
    worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    for word in ("b", "d", "f"):
        model.will(*whole(word))
    named = {"metadata": {"session": "sliding"}}
    _, session_id = ask(client, user("a"), **named)
    ask(client, user("a"), said("b"), user("c"), **named)
    ask(client, said("d"), user("e"), **named)
    assert texts(worker.store, session_id) == list("abcdef")


def test_tools_are_the_programs_to_call(worker: Worker, client: OpenAI, model: ScriptedServer) -> None:
    model.will(*calling(("c1", "add", {"a": 1, "b": 2}), ("c2", "add", {"a": 3, "b": 4})))
    model.will(*whole("3 and 7."))
    answer, session_id = ask(client, user("Add."), tools=[TOOL])
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [(call.id, call.function.name) for call in message.tool_calls] == [("c1", "add"), ("c2", "add")]
    assert model.requests[-1]["tools"] == [TOOL]
    results = [{"role": "tool", "tool_call_id": f"c{n}", "content": str(4 * n - 1)} for n in (1, 2)]
    final, same = ask(client, user("Add."), message.model_dump(exclude_none=True), *results, tools=[TOOL])
    assert final.choices[0].message.content == "3 and 7."
    assert same == session_id
    parts = [message.parts for message in worker.store.messages(session_id)]
    assert parts[1] == (
        ToolCall("c1", "add", {"a": 1, "b": 2}),
        ToolCall("c2", "add", {"a": 3, "b": 4}),
    )
    assert [part[0] for part in parts[2:4]] == [ToolResult("c1", "add", "3"), ToolResult("c2", "add", "7")]


def test_images_are_kept_as_files_and_recognised(
    worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    model.will(*whole("A square."))
    model.will(*whole("Black."))
    image = png(8, 8)
    url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    asked = user([{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}])
    _, session_id = ask(client, asked)
    assert model.requests[-1]["messages"] == [asked]
    question = next(iter(worker.store.messages(session_id)))
    file = question.parts[1]
    assert isinstance(file, File)
    with worker.store.open_file(file.digest) as stored:
        assert stored.read() == image
    _, same = ask(client, asked, said("A square."), user("Its colour?"))
    assert same == session_id
    assert texts(worker.store, session_id)[-1] == "Black."


def test_two_requests_at_once_are_both_answered_and_both_recorded(
    place: Office, worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    model.will(*whole("b"))
    _, session_id = ask(client, user("a"))
    go = threading.Event()
    model.scripts.clear()
    model.will(text("one "), Wait(go), *whole("answer"))
    found: list[tuple[Any, str]] = []
    history = [user("a"), said("b"), user("c")]
    threads = [threading.Thread(target=lambda: found.append(ask(client, *history))) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: len(model.requests) == 3)
    go.set()
    for thread in threads:
        thread.join(30)
    assert [answer.choices[0].message.content for answer, _ in found] == ["one answer"] * 2
    ids = {id for _, id in found}
    assert session_id in ids
    assert len(ids) == 2
    for id in ids:
        assert texts(worker.store, id) == ["a", "b", "c", "one answer"]


def test_what_came_is_kept_when_the_program_goes_away(
    worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    model.will(text("so far "), Wait(threading.Event()))
    for stream in (True, False):
        known = {session.id for session in sessions(worker)}
        if stream:
            chunks = client.chat.completions.create(
                model="scripted", messages=[user("streamed")], stream=True
            )
            next(iter(chunks))
            chunks.close()
        else:
            with pytest.raises(openai.APITimeoutError):
                client.with_options(timeout=1).chat.completions.create(
                    model="scripted", messages=[user("whole")]
                )
        [made] = [session for session in sessions(worker) if session.id not in known]
        until(partial(is_kept, worker.store, made.id))


def is_kept(store: Store, session_id: str) -> bool:
    return last_of(store, session_id) == ("cancelled", "so far ")


def last_of(store: Store, session_id: str) -> tuple[str, str]:
    *_, last = store.messages(session_id)
    return last.status, last.text


def test_a_provider_that_fails_fails_in_the_clients_words(
    worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    model.will(b'{"error": {"message": "too fast"}}', status=429, Retry_After="7")
    with pytest.raises(openai.RateLimitError) as refused:
        ask(client, user("a"))
    assert refused.value.response.headers["retry-after"] == "7"
    model.scripts.clear()
    model.will(text("begun "), Drop())
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="scripted", messages=[user("b")], stream=True))
    statuses = {last_of(worker.store, session.id) for session in sessions(worker)}
    assert statuses == {("error", ""), ("interrupted", "begun ")}


def test_what_is_wrong_is_told_in_the_clients_words(
    place: Office, worker: Worker, client: OpenAI, model: ScriptedServer
) -> None:
    model.will(*whole("x"))
    with pytest.raises(openai.NotFoundError) as unknown:
        ask(client, user("x"), model="gpt-99")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as over:
        ask(client, user("word " * 9_000))
    assert (over.value.code, over.value.param) == ("context_length_exceeded", "messages")
    bodies: list[Any] = [
        {},
        {"messages": []},
        {"messages": [1]},
        {"messages": [{"role": "king", "content": "x"}]},
    ]
    for body in bodies:
        answer = httpx2.post(
            f"{place.places[0].address}/v1/chat/completions", headers=worker.headers, json=body
        )
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    with (
        pytest.raises(openai.AuthenticationError),
        OpenAI(base_url=client.base_url, api_key="pal_wrong", max_retries=0) as stranger,
    ):
        ask(stranger, user("x"))
    assert sessions(worker) == []


def test_a_reading_token_asks_nothing(place: Office, worker: Worker, model: ScriptedServer) -> None:
    issued = worker.person.accounts.create_token("reads", scope="read")
    with OpenAI(
        base_url=f"{place.places[0].address}/v1", api_key=str(issued.secret), max_retries=0
    ) as reader:
        assert "scripted" in {one.id for one in reader.models.list()}
        with pytest.raises(openai.PermissionDeniedError):
            ask(reader, user("x"))


def test_models_are_listed_and_found(client: OpenAI) -> None:
    listed = {one.id: one.owned_by for one in client.models.list()}
    assert listed["scripted"] == "scripted"
    assert listed["demo"] == "demo"
    assert client.models.retrieve("scripted").id == "scripted"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-99")


def test_a_provider_of_another_protocol_is_asked_in_its_own(worker: Worker, client: OpenAI) -> None:
    answer, session_id = ask(client, user("What are you?"), model="demo")
    chunks = client.chat.completions.create(model="demo", messages=[user("What are you?")], stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert answer.choices[0].message.content == streamed != ""
    assert texts(worker.store, session_id)[1] == streamed


def test_the_asynchronous_client_is_served_as_well(
    place: Office, worker: Worker, model: ScriptedServer
) -> None:
    model.will(*whole("Lisbon."))

    async def talk() -> str:
        key = worker.headers["Authorization"].removeprefix("Bearer ")
        async with openai.AsyncOpenAI(
            base_url=f"{place.places[0].address}/v1", api_key=key, max_retries=0
        ) as client:
            chunks = await client.chat.completions.create(
                model="scripted", messages=[user("Portugal?")], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    assert asyncio.run(talk()) == "Lisbon."
