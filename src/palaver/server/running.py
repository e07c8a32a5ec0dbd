"""A process that serves: its socket, its start and its graceful end."""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from palaver.errors import Unavailable

DEFAULT_PORT = 8420
_BACKLOG = 2_048
_GRACE_SECONDS = 20


def bind(host: str, port: int | None) -> socket.socket:
    """A listening address: the port that is named, else the usual one, else any. Raises `Unavailable`."""
    ports = (DEFAULT_PORT, 0) if port is None else (port,)
    for each in ports[:-1]:
        try:
            return _bound(host, each)
        except OSError:
            continue
    try:
        return _bound(host, ports[-1])
    except OSError as exc:
        raise Unavailable(
            f"{host}:{ports[-1]} cannot be listened at: {exc.strerror}; --port names another one"
        ) from exc


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # Here and not in the server: who is told the address may come at once.
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def run(
    app: Starlette, at: socket.socket, *, started: Callable[[], None], proxies: tuple[str, ...] = ()
) -> None:
    """Serve until SIGTERM or Ctrl+C, then end what is under way. `proxies` are believed whom they forward for."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _Server(config, started, app.state.close_streams).run(sockets=[at])


class _Server(uvicorn.Server):
    """Ends with 0 after a signal, and lets streams, which would never end by themselves, know of it."""

    def __init__(
        self, config: uvicorn.Config, started: Callable[[], None], close_streams: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._tell_started = started
        self._close_streams = close_streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._close_streams()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # else it raises them again when it has ended
