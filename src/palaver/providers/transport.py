"""One HTTP server that answers in JSON, events or lines. The only place that knows httpx2 and translates its errors."""

import json
import re
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import msgspec

from palaver.errors import Invalid, ProviderError
from palaver.providers.base import ConnectionLost
from palaver.providers.text import mend

RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
MAX_ERROR_BODY = 64 * 1024
MAX_ERROR_TEXT = 300
MAX_LINE = 4 * 1024 * 1024
_SECRETS = re.compile(r"\b(sk-|Bearer\s+)[\w*.\-]{6,}", re.IGNORECASE)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds: to connect, without a single byte of an answer, and the same for what a server knows at once.

    Loading a large model takes minutes before its first word.
    """

    connect: float = 10.0
    stall: float = 300.0
    known: float = 15.0


class Server:
    """Requests to one address. A key is in the headers alone: never in an error, a log or a repr.

    `key_header` is where the key goes, `headers` are sent beside it.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        key: str | None = None,
        key_header: str = "Authorization",
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.name = name
        self.address = address
        self.host = _host(address)
        self._key = key
        self._key_header = key_header
        self._headers = dict(headers or {})
        self._timeouts = timeouts or Timeouts()
        self._client: httpx2.Client | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Server({self.name!r}, {self.address!r})"

    def get_json(self, address: str) -> Any:
        """What a GET answers. Raises `ProviderError`."""
        return self._ask("GET", address, None)

    def post_json(self, address: str, body: Mapping[str, Any]) -> Any:
        """What a POST of `body` answers. Raises `ProviderError`."""
        return self._ask("POST", address, body)

    def stream(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> "Events":
        """POST `body`, with these headers too, and read the server-sent events that answer it."""
        return Events(self, path, body, _server_sent, headers)

    def stream_lines(self, path: str, body: Mapping[str, Any]) -> "Events":
        """POST `body` and read the lines of JSON that answer it."""
        return Events(self, path, body, _lines)

    def parse(self, text: str) -> Any:
        """JSON as this server sent it; lone surrogates stay, so that a pair cut in two can be joined."""
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise ProviderError(
                f"{self.name} sent something that is not JSON: {self.quote(text)}", retryable=True
            ) from exc

    def quote(self, text: str) -> str:
        """Text of the server for a person: short, printable, without secrets."""
        if self._key:
            text = text.replace(self._key, "…")
        text = _SECRETS.sub(r"\1…", mend(text))
        text = " ".join("".join(c if c.isprintable() else " " for c in text[:5000]).split())
        return text if len(text) <= MAX_ERROR_TEXT else text[: MAX_ERROR_TEXT - 1] + "…"

    def failure(
        self,
        error: Any,
        status: int | None = None,
        retry_after: float | None = None,
        *,
        retryable: bool = False,
    ) -> ProviderError:
        """An error as the server told it: a text, or an object with `message`, `code` or `type`.

        `retryable`: worth another try where no status says whether it is.
        """
        detail = error if isinstance(error, Mapping) else {}
        text = detail.get("message") if detail else error
        code = detail.get("code") or detail.get("type")
        if status is None and isinstance(code, int) and 400 <= code < 600:
            status = code
        said = self.quote(text if isinstance(text, str) else json.dumps(error)) if error else ""
        return ProviderError(
            f"{self.name} answered with an error{f' ({status})' if status else ''}{': ' if said else ''}{said}",
            status=status,
            retry_after=retry_after,
            retryable=(status in RETRYABLE or (status is None and retryable))
            and code != "insufficient_quota",
        )

    def refusal(self, response: httpx2.Response) -> ProviderError:
        """What a response that is not what was asked for says went wrong."""
        body = b""
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) >= MAX_ERROR_BODY:
                break
        return self.failure(
            _error_in(response.headers.get("content-type", ""), body),
            None if response.is_success else response.status_code,
            _retry_after(response.headers),
        )

    def open(self) -> httpx2.Client:
        """The client, made when it is first needed: reading the certificates takes a while."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _ask(self, method: str, address: str, body: Mapping[str, Any] | None) -> Any:
        seconds = min(self._timeouts.known, self._timeouts.stall)
        timeout = httpx2.Timeout(seconds, connect=self._timeouts.connect)
        with self.translated(seconds=seconds):
            response = self.open().request(method, address, json=body, timeout=timeout)
            if not response.is_success:
                raise self.refusal(response)
            return self.parse(response.text)

    def _connect(self) -> httpx2.Client:
        headers = dict(self._headers)
        if self._key:
            headers[self._key_header] = (
                f"Bearer {self._key}" if self._key_header == "Authorization" else self._key
            )
        seconds = self._timeouts
        return httpx2.Client(
            base_url=self.address,
            headers=headers,
            timeout=httpx2.Timeout(seconds.stall, connect=seconds.connect),
            # A connection of its own for each request: closing an answer can then cut its connection.
            limits=httpx2.Limits(max_keepalive_connections=0),
            trust_env=self.host not in _LOOPBACK,  # a proxy does not lead to this machine
        )

    @contextmanager
    def translated(self, *, begun: bool = False, seconds: float | None = None) -> Iterator[None]:
        """Foreign errors as ours; `begun` says that an answer has begun, so that what breaks is its connection.

        `seconds` is how long the server may be silent.
        """
        error = ConnectionLost if begun else ProviderError
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as exc:
            raise ProviderError(
                f"{self.name} cannot be reached at {self.host}: is the server running?", retryable=True
            ) from exc
        except httpx2.TimeoutException as exc:
            seconds = seconds or self._timeouts.stall
            raise error(f"{self.name} has sent nothing for {seconds:g} seconds", retryable=True) from exc
        except httpx2.SSEError as exc:
            raise ProviderError(f"{self.name} did not answer with events: {self.quote(str(exc))}") from exc
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as exc:
            raise ProviderError(f"{self.name} has no usable address: {self.quote(self.address)}") from exc
        except httpx2.TransportError as exc:
            raise error(
                f"the connection to {self.name} was lost: {self.quote(str(exc))}", retryable=True
            ) from exc
        except (httpx2.HTTPError, httpx2.StreamError, UnicodeError) as exc:
            raise ProviderError(f"{self.name} could not be asked: {self.quote(str(exc))}") from exc


Framing = Callable[[Server, httpx2.Response], Iterator[str]]
"""Cuts the body of an answer into the texts of its events."""


class Events:
    """The data of each event that answers one request. Iterate once; `close` from any thread."""

    def __init__(
        self,
        server: Server,
        path: str,
        body: Mapping[str, Any],
        framing: Framing,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._server = server
        self._path = path
        self._body = body
        self._framing = framing
        self._headers = headers
        self._closed = False
        self._stream: Any = None

    def __iter__(self) -> Generator[str]:
        try:
            yield from self._events()
        except ProviderError:
            if not self._closed:
                raise

    def close(self) -> None:
        """End it now, also while a read waits."""
        self._closed = True
        self._cut()

    def _events(self) -> Iterator[str]:
        server = self._server
        if self._closed:
            return
        with server.translated():
            client = server.open()
            request = client.build_request(
                "POST",
                self._path,
                json=self._body,
                headers=self._headers,
                extensions={"trace": self._on_trace},
            )
            response = client.send(request, stream=True)
        try:
            if not response.is_success:
                with server.translated():
                    raise server.refusal(response)
            with server.translated(begun=True):
                yield from self._framing(server, response)
        finally:
            response.close()

    def _on_trace(self, name: str, info: Mapping[str, Any]) -> None:
        if name.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]
            if self._closed:
                self._cut()

    def _cut(self) -> None:
        """Whoever waits for this connection finds it ended."""
        connection = self._stream.get_extra_info("socket") if self._stream is not None else None
        if connection is not None:
            # Not the method of a TLS socket: that one forgets its state while another thread reads through it.
            with suppress(OSError):  # it has ended by itself
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _server_sent(server: Server, response: httpx2.Response) -> Iterator[str]:
    if "json" in response.headers.get("content-type", ""):
        raise server.refusal(response)
    for event in httpx2.EventSource(response):
        yield event.data


def _lines(server: Server, response: httpx2.Response) -> Iterator[str]:
    """Lines as JSON has them, ended by a newline alone: other ends of lines that Unicode knows may stand in a text."""
    held = b""
    for chunk in response.iter_bytes():
        *lines, held = (held + chunk).split(b"\n")
        if len(held) > MAX_LINE:
            raise ProviderError(f"{server.name} sent a line longer than {MAX_LINE} bytes")
        yield from _texts(lines)
    yield from _texts([held])


def _texts(lines: list[bytes]) -> Iterator[str]:
    for line in lines:
        if line.strip():
            yield line.decode("utf-8", "replace")


def _host(address: str) -> str:
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL as exc:
        raise Invalid(f"not the address of a server: {address[:80]!r}", field="address") from exc
    if url.userinfo:
        raise Invalid(f"the address of {url.host} holds a password: name a key instead", field="address")
    if url.scheme not in ("http", "https") or not url.host:
        raise Invalid(
            f"the address of a server begins with http:// or https://, not {address[:80]!r}", field="address"
        )
    return url.host


def _error_in(content_type: str, body: bytes) -> Any:
    """The error a body tells of; a page for browsers tells nothing."""
    text = body.decode("utf-8", "replace")
    if "html" in content_type:
        return None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return parsed.get("error", parsed.get("detail", parsed)) if isinstance(parsed, dict) else parsed


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds, from a number or a date."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
