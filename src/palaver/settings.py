"""One frozen `Settings`: flags over environment (`PALAVER_…`) over `config.toml` over defaults."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from palaver.errors import Invalid, Unavailable

ProviderKind = Literal["openai", "ollama", "anthropic", "demo"]
Allow = Literal["ask", "always", "never"]


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[provider]]` of `config.toml`. `key` names an environment variable or an entry of `credentials.toml`."""

    name: str
    kind: ProviderKind = "openai"
    address: str = ""
    key: str | None = None
    model: str | None = None


class ModeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[mode]]` of `config.toml`: a way of working that `/mode NAME` changes to.

    `system_prompt` follows the session's own. `tools` names the tools that are offered, as `/tools` does; `files__*` are
    all of the server "files", None offers every tool.
    """

    name: str
    description: str = ""
    system_prompt: str | None = None
    temperature: float | None = None
    tools: tuple[str, ...] | None = None


class ToolServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[tool_server]]` of `config.toml`: a server of the Model Context Protocol whose tools models may call.

    Either `command` with its `args`, `env` and `cwd`, or `url` with its `headers`. `${NAME}` in a value stands for the
    environment variable or the entry of `credentials.toml` of that name. `timeout` is what a call may take, in seconds.
    `allow` says whether calls are asked about, always allowed, or never, and then the server is not started.
    """

    name: str
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] = {}
    timeout: float = 60.0
    allow: Allow = "ask"

    def __repr__(self) -> str:
        return f"ToolServerSettings({self.name!r})"


class SsoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[sso]]` of `config.toml`: an OpenID provider that people sign in to `palaver serve --team` with.

    `issuer` is its address, under which `/.well-known/openid-configuration` is. `secret` names an environment variable or
    an entry of `credentials.toml`; None where the provider takes clients without. Its button says `title`. With
    `allow_new` everybody whom it knows gets an account, else who is invited. Needs the extra `palaver[sso]`.
    """

    name: str
    issuer: str
    client_id: str
    secret: str | None = None
    title: str = ""
    allow_new: bool = False


class TokenizerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[tokenizer]]` of `config.toml`: the `tokenizer.json` of the models whose name fits `model`.

    In `model`, `*` stands for any characters, and capitals do not matter. Needs the extra `palaver[tokens]`.
    """

    model: str
    file: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting with its default."""

    store: str | None = None
    """Path or address of the database; None is the embedded one in the user's data folder."""
    actor: str = "local"
    """Whose conversations these are."""
    key_file: str | None = None
    """A file whose content is the passphrase of an encrypted database."""
    mirror: str | None = None
    """Plain files kept beside the database: `ollm:DIR` or `enteract:FILE`."""
    model: str | None = None
    """The model a new session starts with; `provider/model` where several providers have it."""
    context_size: int | None = None
    """The window, in tokens, a new session starts with; None is what the provider reports."""
    system_prompt: str | None = None
    """The system prompt a new session starts with."""
    max_sessions: int | None = None
    """Open sessions kept; older ones go to the trash by themselves. None keeps all."""
    auto_title: bool = True
    """Make a session's title from its first message."""
    model_title: bool = True
    """Let the model give a session a better title after its first answer, where somebody talks with it."""
    stay_on_model_change: bool = False
    """Another model goes on in the same session; otherwise it starts a linked one."""
    backup_keep: int = 5
    """How many dated backups `palaver backup` leaves."""
    discover: bool = True
    """Look for model servers on the usual local ports and in the environment."""
    server_address: str | None = None
    """Where `palaver serve` is reached from outside, such as https://chat.example.org: for its links, and no other name
    is then answered."""
    server_body_limit: int = 16 * 2**20
    """Bytes that a body of JSON sent to `palaver serve` may have."""
    server_file_limit: int = 128 * 2**20
    """Bytes that a file uploaded to `palaver serve` may have."""
    server_import_limit: int = 2**30
    """Bytes that a file of conversations sent to `palaver serve` may have."""
    server_rate: int | None = 6_000
    """Requests a minute that one person may send to a process of `palaver serve`. None does not count."""
    provider: tuple[ProviderSettings, ...] = ()
    """Model servers, one `[[provider]]` table each."""
    mode: tuple[ModeSettings, ...] = ()
    """Ways of working that `/mode` changes between, one `[[mode]]` table each."""
    tool_server: tuple[ToolServerSettings, ...] = ()
    """Servers of tools that models may call, one `[[tool_server]]` table each."""
    sso: tuple[SsoSettings, ...] = ()
    """OpenID providers that people may sign in with, one `[[sso]]` table each."""
    tokenizer: tuple[TokenizerSettings, ...] = ()
    """Tokenizers of models on this machine, for exact counts, one `[[tokenizer]]` table each."""


TABLES: frozenset[str] = frozenset({"provider", "mode", "tool_server", "sso", "tokenizer"})
"""Settings that are lists of tables, which no environment variable can hold."""
NO_MODE = "default"
"""What having no mode is called."""
NAMES: tuple[str, ...] = tuple(field.name for field in msgspec.structs.fields(Settings))
_LEAST = {
    "context_size": 1,
    "max_sessions": 1,
    "backup_keep": 1,
    "server_body_limit": 1_024,
    "server_file_limit": 1_024,
    "server_import_limit": 1_024,
    "server_rate": 1,
}
_SERVER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*")
_SERVER_NAME_LENGTH = 32
_LONGEST_TIMEOUT = 86_400.0


def load(*, flags: Mapping[str, Any], environment: Mapping[str, str], config: Path) -> Settings:
    """The settings in force. Raises `Invalid` that names the file or variable and the field; an absent file is empty."""
    merged = {
        **_from_file(config),
        **_from_environment(environment),
        **{k: v for k, v in flags.items() if v is not None},
    }
    return _convert(merged, "settings")


def printable(value: Any) -> Any:
    """A setting's value as plain data, without what may be secret in it."""
    if isinstance(value, ToolServerSettings):
        shown = msgspec.to_builtins(value)
        for field in ("env", "headers"):
            shown[field] = dict.fromkeys(shown[field], "…")
        return {**shown, "url": without_secrets(value.url)}
    return [printable(one) for one in value] if isinstance(value, tuple) else msgspec.to_builtins(value)


def without_secrets(url: str | None) -> str | None:
    """A URL without a password and without what is asked of it."""
    if url is None:
        return None
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def parse(name: str, text: str) -> Any:
    """The value that a text means for the setting of this name. Raises `Invalid`, also for a name there is not."""
    if name in TABLES:
        raise Invalid(f"{name} is a list of tables: write [[{name}]] into config.toml itself", field=name)
    if name not in NAMES:
        single = [known for known in NAMES if known not in TABLES]
        near = difflib.get_close_matches(name, single, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(single)}"
        raise Invalid(f"there is no setting {name!r}{hint}", field="name")
    return getattr(_convert({name: text}, f"{name} = {text}", strict=False), name)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise Invalid(f"{path} is not valid TOML: {exc}") from exc
    except OSError as exc:
        raise Unavailable(f"{path} cannot be read: {exc.strerror}") from exc
    _convert(raw, str(path))
    return raw


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in NAMES:
        variable = f"PALAVER_{name.upper()}"
        text = environment.get(variable)
        if name in TABLES or text is None or text == "":
            continue
        found[name] = getattr(_convert({name: text}, f"environment variable {variable}", strict=False), name)
    return found


def _convert(raw: Mapping[str, Any], where: str, *, strict: bool = True) -> Settings:
    try:
        settings = msgspec.convert(raw, type=Settings, strict=strict)
    except msgspec.ValidationError as exc:
        raise Invalid(f"{where}: {_plainly(str(exc))}") from exc
    for name, low in _LEAST.items():
        value = getattr(settings, name)
        if value is not None and value < low:
            raise Invalid(f"{where}: {name} must be at least {low}, not {value}", field=name)
    if settings.server_address is not None and not _is_web(settings.server_address):
        raise Invalid(
            f"{where}: server_address begins with https:// or http:// and a host", field="server_address"
        )
    _check_modes(settings.mode, where)
    _check_tool_servers(settings.tool_server, where)
    _check_sso(settings.sso, where)
    return settings


def _plainly(told: str) -> str:
    """What msgspec says of a value, in the words of the file: `$.mode[0]` is the first [[mode]]."""
    what, _, path = told.partition(" - at `$.")
    what = re.sub(r"Object contains unknown field `(.*)`", r"there is no setting \1", what)
    what = re.sub(r"Object missing required field `(.*)`", r"\1 is missing", what)
    table = re.match(r"(\w+)\[(\d+)\]\.?(.*)`", path)
    if table:
        field = f", {table[3]}" if table[3] else ""
        return f"[[{table[1]}]] number {int(table[2]) + 1}{field}: {what}"
    return f"{path.rstrip('`')}: {what}" if path else what


def _check_modes(modes: Sequence[ModeSettings], where: str) -> None:
    names = [mode.name.lower() for mode in modes]
    for name in names:
        if not name or len(name.split()) != 1 or name in (NO_MODE, "history"):
            raise Invalid(
                f"{where}: a mode cannot be called {name!r}: it is one word, and neither {NO_MODE!r} nor 'history'",
                field="mode",
            )
        if names.count(name) > 1:
            raise Invalid(f"{where}: two modes are called {name!r}", field="mode")


def _check_sso(providers: Sequence[SsoSettings], where: str) -> None:
    names = [one.name for one in providers]
    for one in providers:
        if not _SERVER_NAME.fullmatch(one.name) or names.count(one.name) > 1:
            raise Invalid(
                f"{where}: an [[sso]] cannot be called {one.name[:80]!r}: letters, digits, - and _, and once",
                field="sso",
            )
        parts = urlsplit(one.issuer)
        local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
        if not (parts.hostname and (parts.scheme == "https" or local)):
            raise Invalid(
                f"{where}: the issuer of [[sso]] {one.name} begins with https:// and a host", field="sso"
            )


def _check_tool_servers(servers: Sequence[ToolServerSettings], where: str) -> None:
    names = [server.name.lower() for server in servers]
    for server in servers:
        problem = next(_problems(server), None)
        if problem is None and names.count(server.name.lower()) > 1:
            problem = "has the name of another one"
        if problem is not None:
            raise Invalid(f"{where}: tool_server {server.name[:80]!r} {problem}", field="tool_server")


def _problems(server: ToolServerSettings) -> Iterator[str]:
    if len(server.name) > _SERVER_NAME_LENGTH or not _SERVER_NAME.fullmatch(server.name):
        yield (
            "cannot be called so: a name begins with a letter, has letters, digits and single - or _ between them, "
            f"and at most {_SERVER_NAME_LENGTH} characters"
        )
    if (server.command is None) == (server.url is None):
        yield "needs either command, for a program, or url, for a server that runs elsewhere"
    if server.command is not None and (not server.command.strip() or server.headers):
        yield "is a program: its command is not empty, and it has no headers"
    if server.url is not None and (server.args or server.env or server.cwd is not None):
        yield "has a url, so args, env and cwd have no meaning"
    if server.url is not None and not _is_web(server.url):
        yield "has a url that does not begin with http:// or https:// and a host"
    if not 0 < server.timeout <= _LONGEST_TIMEOUT:
        yield f"has a timeout that is not between 0 and {_LONGEST_TIMEOUT:g} seconds"
    if any("\0" in text or "\n" in text for text in (*server.headers.values(), *server.env.values())):
        yield "has a value of more than one line in env or headers"


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
