"""`palaver serve`."""

import logging
import secrets
import socket
import tempfile
import webbrowser
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import click
from starlette.applications import Starlette

from palaver import __version__, locations, storage
from palaver.cli.app import App, command
from palaver.cli.toolboxes import find_tools
from palaver.errors import Unavailable
from palaver.server.app import create_app
from palaver.server.door import Door
from palaver.server.local import LocalDoor
from palaver.server.people import People
from palaver.server.places import Places
from palaver.server.running import bind, run
from palaver.server.team import TeamDoor
from palaver.server.trace import log_to_stderr

logger = logging.getLogger("palaver.server")


@command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port to listen at; 0 takes any free one.")
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
@click.option("--team", is_flag=True, help="Accounts and sign-in; with postgresql:// always so.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Without --team: write the token for programs into this file, for you alone to read.",
)
@click.option(
    "--behind-proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Believe what this reverse proxy says of whom it forwards for; may be repeated.",
)
@click.option("--log/--no-log", default=None, help="Log every request on stderr.  [default: with --team]")
def serve(
    app: App,
    *,
    host: str,
    port: int | None,
    no_browser: bool,
    team: bool,
    token_file: Path | None,
    proxies: tuple[str, ...],
    log: bool | None,
) -> None:
    """Serve the web page and the REST API.

    Prints the address to open. Without --team that signs the browser in: whoever has it can read and write all of your
    conversations, and nobody else gets in. With --team people have accounts; the log of the first start holds the link
    to make the first one.
    """
    team = team or storage.is_postgres(app.settings.store)
    if not team and not is_loopback(host):
        raise click.UsageError(
            f"{host} can be reached from other machines: only --team has accounts for that."
        )
    if team and token_file:
        raise click.UsageError(
            "--token-file is for a server without --team; people make tokens in the settings."
        )
    log_to_stderr(requests=team if log is None else log)
    at = bind(host, port)
    made, address = _team(app, at) if team else _local(app, at, token_file)

    def started() -> None:
        click.echo(f"Palaver is at {address}")
        if not (no_browser or team):
            webbrowser.open(address)

    run(made, at, started=started, proxies=proxies)


def _local(app: App, at: socket.socket, token_file: Path | None) -> tuple[Starlette, str]:
    token = secrets.token_urlsafe(32)
    door = LocalDoor(actor=app.settings.actor, token=token, port=at.getsockname()[1])
    made = _create(app, door)
    if token_file is not None:
        _write_secret(token_file, token)
    return made, f"{_address(at)}/?token={token}"


def _team(app: App, at: socket.socket) -> tuple[Starlette, str]:
    people = People(storage.open_accounts(app.store()))
    address = (app.settings.server_address or _address(at)).rstrip("/")
    made = _create(app, TeamDoor(people, address=app.settings.server_address), people)
    code = people.accounts.bootstrap()
    if code is not None:
        logger.warning(
            "no account yet: open %s/setup#code=%s within a day to make the first", address, str(code)
        )
    return made, f"{address}/"


def _create(app: App, door: Door, people: People | None = None) -> Starlette:
    places = Places(config=app.config_path, credentials=locations.credentials(), environment=app.environment)
    toolbox = find_tools(app, asks=True)
    if toolbox is not None:
        click.get_current_context().call_on_close(toolbox.close)
    return create_app(
        app.store(),
        door=door,
        settings=app.settings,
        places=places,
        version=__version__,
        people=people,
        toolbox=toolbox,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _address(at: socket.socket) -> str:
    host, port = at.getsockname()[:2]
    return f"http://[{host}]:{port}" if at.family == socket.AF_INET6 else f"http://{host}:{port}"


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
