"""What a server can do wrong: each fault is told as what it is, and what came before it stays good."""

import logging
import socket
import threading
import time

import pytest

from palaver.errors import Invalid, ProviderError
from palaver.model import Text
from palaver.providers.base import ConnectionLost, Delta, Provider
from palaver.providers.ollama import OllamaProvider
from palaver.providers.openai import OpenAIProvider
from palaver.providers.transport import Timeouts
from tests.providers.asking import a_request, ask, text_in
from tests.providers.dialects import DIALECTS, Dialect
from tests.support.scripted import Drop, ScriptedServer, Wait

SECRET = "sk-very-secret-0123456789"


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Every fault is tried in every protocol."""
    chosen: Dialect = request.param
    return chosen


@pytest.fixture
def provider(server: ScriptedServer, dialect: Dialect) -> Provider:
    """The scripted server; two seconds without a byte are a stall."""
    return dialect.provider("scripted", server.address, timeouts=Timeouts(connect=2, stall=2))


def fail(provider: Provider) -> tuple[str, ProviderError]:
    """What came, and the error it ended with."""
    came: list[Delta] = []
    with pytest.raises(ProviderError) as caught:
        came.extend(provider.stream(a_request()))
    return text_in(came), caught.value


def test_a_connection_cut_in_the_middle_is_a_lost_connection(
    server: ScriptedServer, dialect: Dialect, provider: Provider
) -> None:
    dialect.will(server, dialect.text("half an "), dialect.text("answer"), Drop())
    came, error = fail(provider)
    assert came == "half an answer"
    assert isinstance(error, ConnectionLost)
    assert error.retryable


def test_an_end_without_a_reason_is_a_lost_connection(
    server: ScriptedServer, dialect: Dialect, provider: Provider
) -> None:
    dialect.will(server, dialect.text("half"))
    came, error = fail(provider)
    assert came == "half"
    assert isinstance(error, ConnectionLost)


def test_a_server_that_falls_silent_is_a_lost_connection(server: ScriptedServer, dialect: Dialect) -> None:
    provider = dialect.provider("silent", server.address, timeouts=Timeouts(connect=1, stall=0.2))
    dialect.will(server, dialect.text("then "), Wait(threading.Event()))
    came, error = fail(provider)
    assert came == "then "
    assert isinstance(error, ConnectionLost)
    assert "nothing for 0.2 seconds" in error.message


def test_what_a_server_knows_is_not_waited_for_as_long_as_an_answer(server: ScriptedServer) -> None:
    provider = OllamaProvider("silent", server.address, timeouts=Timeouts(connect=1, stall=60, known=0.2))
    server.will(Wait(threading.Event()))
    with pytest.raises(ProviderError, match=r"nothing for 0\.2 seconds") as caught:
        provider.describe("a-model")
    assert caught.value.retryable


def test_a_slow_server_is_waited_for(server: ScriptedServer, dialect: Dialect) -> None:
    provider = dialect.provider("slow", server.address, timeouts=Timeouts(connect=1, stall=0.5))
    dialect.will(
        server,
        *(
            step
            for word in ("one", "two", "three", "four")
            for step in (dialect.text(word), Wait(_after(0.2)))
        ),
        *dialect.whole(),
    )
    began = time.monotonic()
    assert text_in(ask(provider)) == "onetwothreefour"
    assert time.monotonic() - began > 0.5


def _after(seconds: float) -> threading.Event:
    """An event that sets itself; for the double of a slow server."""
    return _Delay(seconds)


class _Delay(threading.Event):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._until: float | None = None

    def is_set(self) -> bool:
        self._until = self._until or time.monotonic() + self._seconds
        return time.monotonic() >= self._until


@pytest.mark.parametrize(
    ("status", "retryable"), [(429, True), (500, True), (503, True), (400, False), (401, False)]
)
def test_a_refusal_is_told_with_status_and_words(
    server: ScriptedServer, provider: Provider, status: int, retryable: bool
) -> None:
    server.will(
        b'{"error": {"message": "not like this", "type": "x"}}',
        status=status,
        Content_Type="application/json",
    )
    _, error = fail(provider)
    assert (error.status, error.retryable) == (status, retryable)
    assert error.message == f"scripted answered with an error ({status}): not like this"


def test_retry_after_is_told_in_seconds(server: ScriptedServer, provider: Provider) -> None:
    server.will(b"slow down", status=429, Retry_After="17")
    _, error = fail(provider)
    assert error.retry_after == 17


def test_retry_after_as_a_date_is_told_in_seconds(server: ScriptedServer, provider: Provider) -> None:
    server.will(b"slow down", status=429, Retry_After="Wed, 21 Oct 2099 07:28:00 GMT")
    _, error = fail(provider)
    assert error.retry_after is not None
    assert error.retry_after > 1e9


def test_an_empty_purse_is_not_worth_a_retry(server: ScriptedServer, provider: Provider) -> None:
    server.will(b'{"error": {"message": "quota", "code": "insufficient_quota"}}', status=429)
    _, error = fail(provider)
    assert not error.retryable


def test_a_long_body_is_cut_and_made_printable(server: ScriptedServer, provider: Provider) -> None:
    server.will(b"\x1b[31m" + b"bad " * 100_000, status=500)
    _, error = fail(provider)
    assert len(error.message) < 400
    assert error.message.isprintable()


def test_a_page_for_browsers_is_not_shown(server: ScriptedServer, provider: Provider) -> None:
    server.will(b"<html><body>Bad gateway</body></html>", status=502, Content_Type="text/html")
    _, error = fail(provider)
    assert error.message == "scripted answered with an error (502)"


def test_a_key_is_in_no_error_no_log_and_no_repr(
    server: ScriptedServer, dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider = dialect.provider("keyed", server.address, key=SECRET)
    server.will(f"wrong key {SECRET} or sk-another-one-987654".encode(), status=401)
    _, error = fail(provider)
    assert server.headers[0][dialect.key_header].removeprefix("Bearer ") == SECRET
    for told in (error.message, repr(error), repr(provider), repr(provider.__dict__), caplog.text):
        assert "secret" not in told
        assert "another-one" not in told


def test_a_malformed_event_keeps_what_came(
    server: ScriptedServer, dialect: Dialect, provider: Provider
) -> None:
    dialect.will(
        server, dialect.text("good "), dialect.wrapped('{"choices": [{"del'), *dialect.whole("never")
    )
    came, error = fail(provider)
    assert came == "good "
    assert "not JSON" in error.message
    assert not isinstance(error, ConnectionLost)


@pytest.mark.parametrize("junk", ["[]", "7", '"text"', "null"])
def test_an_event_of_another_shape_is_an_error(
    server: ScriptedServer, dialect: Dialect, provider: Provider, junk: str
) -> None:
    dialect.will(server, dialect.text("good "), dialect.wrapped(junk), *dialect.whole("never"))
    came, error = fail(provider)
    assert came == "good "
    assert "unknown shape" in error.message


def test_an_error_inside_the_stream_keeps_what_came(
    server: ScriptedServer, dialect: Dialect, provider: Provider
) -> None:
    dialect.will(server, dialect.text("good "), dialect.error)
    came, error = fail(provider)
    assert came == "good "
    assert (error.status, error.retryable) == dialect.error_told
    assert "overloaded" in error.message


def test_an_answer_that_is_no_stream_is_told(server: ScriptedServer, provider: Provider) -> None:
    server.will(b'{"error": "streams are not served"}', Content_Type="application/json")
    _, error = fail(provider)
    assert "streams are not served" in error.message


def test_an_event_without_an_end_is_bounded(server: ScriptedServer, provider: Provider) -> None:
    server.will(b"data: ", *(b"x" * 65_536 for _ in range(32)))
    _, error = fail(provider)
    assert len(error.message) < 400


def test_a_server_that_is_not_there_is_told_with_its_place() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _, error = fail(OpenAIProvider("away", f"http://127.0.0.1:{port}"))
    assert error.message == "away cannot be reached at 127.0.0.1: is the server running?"
    assert error.retryable
    assert not isinstance(error, ConnectionLost)


@pytest.mark.parametrize("address", ["", "localhost:8080", "ftp://host/v1", "http://", "http://host:port"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(Invalid, match="address"):
        OpenAIProvider("nowhere", address)


def test_a_password_in_an_address_is_refused_without_showing_it() -> None:
    with pytest.raises(Invalid, match="holds a password") as caught:
        OpenAIProvider("mine", "http://me:hunter2@host/v1")
    assert "hunter2" not in str(caught.value)


def test_closing_ends_an_answer_that_has_not_begun(
    server: ScriptedServer, dialect: Dialect, provider: Provider
) -> None:
    dialect.will(server, Wait(threading.Event()))
    answer = provider.stream(a_request())
    came: list[Delta] = []
    reader = threading.Thread(target=lambda: came.extend(answer))
    reader.start()
    server.asked.acquire()
    answer.close()
    reader.join(2)
    assert not reader.is_alive()
    assert came == []
    assert server.gone.wait(2)


def test_closing_before_asking_asks_nothing(
    server: ScriptedServer, dialect: Dialect, provider: Provider
) -> None:
    dialect.will(server, *dialect.whole("never"))
    answer = provider.stream(a_request())
    answer.close()
    assert list(answer) == []
    assert server.requests == []


def test_closing_while_the_server_is_silent_ends_the_answer(
    server: ScriptedServer, dialect: Dialect, provider: Provider
) -> None:
    dialect.will(server, dialect.text("a word"), Wait(threading.Event()))
    answer = provider.stream(a_request())
    pieces = iter(answer)
    assert next(pieces) == Text("a word")
    threading.Timer(0.1, answer.close).start()
    assert list(pieces) == []
    assert server.gone.wait(2)
