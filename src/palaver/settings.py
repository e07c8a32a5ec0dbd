"""One frozen `Settings`: flags over environment (`PALAVER_…`) over `config.toml` over defaults."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

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

    `system_prompt` follows the session's own. `temperature` is the mode's; `tools` names the tools that are offered,
    None offers all.
    """

    name: str
    description: str = ""
    system_prompt: str | None = None
    temperature: float | None = None
    tools: tuple[str, ...] | None = None


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
    backup_keep: int = 5
    """How many dated backups `palaver backup` leaves."""
    discover: bool = True
    """Look for model servers on the usual local ports and in the environment."""
    provider: tuple[ProviderSettings, ...] = ()
    """Model servers, one `[[provider]]` table each."""
    mode: tuple[ModeSettings, ...] = ()
    """Ways of working that `/mode` changes between, one `[[mode]]` table each."""


TABLES: frozenset[str] = frozenset({"provider", "mode"})
"""Settings that are lists of tables, which no environment variable can hold."""
NO_MODE = "default"
"""What having no mode is called."""
NAMES: tuple[str, ...] = tuple(field.name for field in msgspec.structs.fields(Settings))


def load(*, flags: Mapping[str, Any], environment: Mapping[str, str], config: Path) -> Settings:
    """The settings in force. Raises `Invalid` that names the file or variable and the field; an absent file is empty."""
    merged = {
        **_from_file(config),
        **_from_environment(environment),
        **{k: v for k, v in flags.items() if v is not None},
    }
    return _convert(merged, "settings")


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
        found[name] = _convert(
            {name: text}, f"environment variable {variable}", strict=False
        ).__getattribute__(name)
    return found


def _convert(raw: Mapping[str, Any], where: str, *, strict: bool = True) -> Settings:
    try:
        settings = msgspec.convert(raw, type=Settings, strict=strict)
    except msgspec.ValidationError as exc:
        raise Invalid(f"{where}: {exc}") from exc
    for name, low in (("context_size", 1), ("max_sessions", 1), ("backup_keep", 1)):
        value = getattr(settings, name)
        if value is not None and value < low:
            raise Invalid(f"{where}: {name} must be at least {low}, not {value}", field=name)
    _check_modes(settings.mode, where)
    return settings


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
