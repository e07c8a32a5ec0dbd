"""`palaver serve`."""

import secrets
import socket
import tempfile
import webbrowser
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import click

from palaver import __version__, locations
from palaver.cli.app import App, command
from palaver.errors import Unavailable
from palaver.server.app import create_app
from palaver.server.local import LocalDoor
from palaver.server.places import Places
from palaver.server.running import bind, run
from palaver.server.trace import log_to_stderr


@command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port to listen at; 0 takes any free one.")
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the token for programs into this file, for you alone to read.",
)
@click.option("--log/--no-log", default=False, help="Write a line of JSON on stderr for every request.")
def serve(
    app: App, *, host: str, port: int | None, no_browser: bool, token_file: Path | None, log: bool
) -> None:
    """Serve the web page and the REST API.

    Prints the address to open. It signs the browser in: whoever has it can read and write all of your conversations.
    """
    if not _is_loopback(host):
        raise click.UsageError(
            f"{host} can be reached from other machines: only --team has accounts for that."
        )
    log_to_stderr(requests=log)
    token = secrets.token_urlsafe(32)
    at = bind(host, port)
    taken = at.getsockname()[1]
    made = create_app(
        app.store(),
        door=LocalDoor(actor=app.settings.actor, token=token, port=taken),
        settings=app.settings,
        places=Places(
            config=app.config_path, credentials=locations.credentials(), environment=app.environment
        ),
        version=__version__,
    )
    if token_file is not None:
        _write_secret(token_file, token)
    address = f"http://{_host_in_url(at)}:{taken}/?token={token}"

    def started() -> None:
        click.echo(f"Palaver is at {address}")
        if not no_browser:
            webbrowser.open(address)

    run(made, at, started=started)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _host_in_url(at: socket.socket) -> str:
    host = at.getsockname()[0]
    return f"[{host}]" if at.family == socket.AF_INET6 else str(host)


def _write_secret(path: Path, secret: str) -> None:
    """All of it or nothing, and never for a moment readable by others."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as exc:
        raise Unavailable(f"The token file {path} cannot be written: {exc.strerror}") from exc
    try:
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 (an open handle)
            file.write(secret + "\n")
        Path(name).replace(path)
    except OSError as exc:
        with suppress(OSError):
            Path(name).unlink()
        raise Unavailable(f"The token file {path} cannot be written: {exc.strerror}") from exc
