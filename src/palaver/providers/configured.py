"""Providers that a person adds and removes: their tables in `config.toml`, their keys in `credentials.toml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from palaver.errors import Invalid
from palaver.providers.credentials import read_credentials
from palaver.settings import ProviderSettings
from palaver.settings_file import change, write_toml

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def add_provider(
    config: Path, credentials: Path, provider: ProviderSettings, *, secret: str | None = None
) -> ProviderSettings:
    """Write it, in place of one of the same name, and return what stands there.

    The secret goes into `credentials.toml` under a name made from the provider's. Without one, the key of the provider
    that it replaces stays. Raises `Invalid` and `Unavailable`; a file that could not be written is as it was.
    """
    if secret is not None:
        provider = msgspec.structs.replace(provider, key=_key_name(provider.name))
        _put_key(credentials, provider.key or "", secret)
    stored = provider

    def put(document: "TOMLDocument") -> None:
        nonlocal stored
        tables = _tables(document)
        at = _place(tables, provider.name)
        if at is not None and provider.key is None and "key" in tables[at]:
            stored = msgspec.structs.replace(provider, key=str(tables[at]["key"]))
        if at is None:
            tables.append(_table(stored))
        else:
            tables[at] = _table(stored)

    change(config, put)
    return stored


def remove_provider(config: Path, credentials: Path, name: str) -> bool:
    """Take it out, with its key where that was made for it. False where none of this name is written there."""
    removed: Mapping[str, Any] | None = None

    def take(document: "TOMLDocument") -> None:
        nonlocal removed
        tables = _tables(document)
        at = _place(tables, name)
        if at is not None:
            removed = dict(tables[at])
            del tables[at]
        if not tables:
            document.pop("provider", None)

    if not config.exists():
        return False
    change(config, take)
    if removed is not None and removed.get("key") == _key_name(name):
        _drop_key(credentials, _key_name(name))
    return removed is not None


def _tables(document: "TOMLDocument") -> Any:
    """Those of the document as `[[provider]]`, also where they stood in one line."""
    import tomlkit  # noqa: PLC0415 (for this alone)
    from tomlkit.items import AoT  # noqa: PLC0415

    known = document.get("provider")
    if isinstance(known, AoT):
        return known
    made = tomlkit.aot()
    for one in known or ():
        table = tomlkit.table()
        table.update(one)
        made.append(table)
    document.pop("provider", None)
    document.append("provider", made)
    return document["provider"]


def _place(tables: Any, name: str) -> int | None:
    return next((at for at, table in enumerate(tables) if table.get("name") == name), None)


def _table(provider: ProviderSettings) -> Any:
    import tomlkit  # noqa: PLC0415 (for this alone)

    table = tomlkit.table()
    for field, value in msgspec.structs.asdict(provider).items():
        if value not in (None, ""):
            table[field] = value
    return table


def _key_name(provider: str) -> str:
    return f"{''.join(sign if sign.isalnum() else '_' for sign in provider).upper()}_KEY"


def _put_key(path: Path, name: str, secret: str) -> None:
    if not secret.isprintable() or not secret.strip():
        raise Invalid("a key is one line of text", field="key")
    read_credentials(path)
    write_toml(path, lambda document: document.update({name: secret}), check=read_credentials)


def _drop_key(path: Path, name: str) -> None:
    if name in read_credentials(path):
        write_toml(path, lambda document: document.pop(name), check=read_credentials)
