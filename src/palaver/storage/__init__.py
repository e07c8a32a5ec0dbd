"""Where conversations are kept. `open_store` is the only door."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard
from urllib.parse import unquote, urlsplit

from palaver import locations
from palaver.accounts import Accounts
from palaver.errors import Corrupt, Invalid
from palaver.storage.sqlite import cipher, copies
from palaver.storage.sqlite.opening import open_store as open_file
from palaver.storage.sqlite.rescue import RescuedStore
from palaver.storage.sqlite.store import SqliteStore
from palaver.storage.store import DatabaseStore
from palaver.store import LOCAL_ACTOR, SYSTEM_ACTOR, Store

if TYPE_CHECKING:
    from palaver.storage.accounts.passwords import Passwords
    from palaver.storage.copying import CopyReport, Progress

_SQLITE = "sqlite"
_POSTGRES = ("postgresql://", "postgres://")


def open_store(
    url: str | Path | None = None,
    *,
    actor: str = LOCAL_ACTOR,
    key: str | bytes | None = None,
    mirror: str | None = None,
    max_sessions: int | None = None,
    auto_title: bool = True,
) -> Store:
    """Open the store at `url`, made where there is none.

    `url` is None for the embedded database in the user's data folder, a path, `sqlite:///…`, or `postgresql://…` for a
    server's. `key` (a passphrase, or bytes) opens or creates an encrypted file, on SQLite alone. `mirror` keeps plain
    files in step: `ollm:DIR` or `enteract:FILE`, not together with `key`. `max_sessions` sends the oldest open sessions
    to the trash when a new one is made; `auto_title` makes a title from the first question. Raises `Invalid`,
    `Unavailable` or `Corrupt`; what was refused is untouched.
    """
    if is_postgres(url):
        from palaver.storage.postgres.opening import open_store as open_on_server  # noqa: PLC0415  (its driver is slow to load)

        return open_on_server(
            url, actor=actor, key=key, mirror=mirror, max_sessions=max_sessions, auto_title=auto_title
        )
    return open_file(
        find_path(url), actor=actor, key=key, mirror=mirror, max_sessions=max_sessions, auto_title=auto_title
    )


def rescued(store: Store, lost: Callable[[Corrupt], object]) -> Store:
    """The same store, to read from: what is damaged is passed over and told to `lost`, as `palaver export` does."""
    return RescuedStore(store, lost) if isinstance(store, SqliteStore) else store


def copy(
    source: Store,
    target: Store,
    *,
    owners: Mapping[str, str] | None = None,
    progress: "Progress | None" = None,
) -> "CopyReport":
    """Bring everything of one open store into another, whichever databases they live in, and compare it afterwards.

    Ids, times, states and owners stay; `owners` gives what belongs to one actor to another. What is there already changes
    nothing, so a copy that was cut off is made again. Raises `Invalid` where both are the same database.
    """
    from palaver.storage import copying  # noqa: PLC0415 - few ever copy

    if not isinstance(source, DatabaseStore) or not isinstance(target, DatabaseStore):
        raise Invalid("only a store with a database of its own can be copied", field="source")
    if source.location == target.location:
        raise Invalid(f"{source.location} cannot be copied into itself", field="target")
    with source.database.read(SYSTEM_ACTOR) as tx:
        return copying.copy(tx, target, owners=owners, progress=progress)


def open_accounts(store: Store, *, passwords: "Passwords | None" = None) -> Accounts:
    """The accounts in the database of an open store, for the store's actor; they end with the store.

    `passwords` hashes otherwise than with argon2id by RFC 9106, which costs 64 MiB and a quarter of a second. Raises
    `Invalid` for a store that has no database of its own.
    """
    from palaver.storage.accounts import accounts  # noqa: PLC0415 - who has no accounts loads no argon2
    from palaver.storage.accounts.passwords import Passwords  # noqa: PLC0415

    if not isinstance(store, DatabaseStore):
        raise Invalid(f"{type(store).__name__} has no accounts", field="store")
    return accounts.DatabaseAccounts(store.database, store.actor, passwords or Passwords())


def encrypt(path: str | Path, key: str | bytes) -> None:
    """Encrypt a database nobody else has open. Raises `Busy`, `Invalid`, `Unavailable`."""
    found = find_path(path)
    copies.encrypt(found, cipher.derive(None, key))


def decrypt(path: str | Path, key: str | bytes) -> None:
    """The opposite of `encrypt`."""
    found = find_path(path)
    copies.decrypt(found, cipher.derive(found if found.is_file() else None, key))


def is_encrypted(path: str | Path | None) -> bool:
    """Whether the file at `path` is an encrypted database; False where there is none."""
    found = find_path(path)
    return found.is_file() and cipher.is_encrypted(found)


def is_postgres(url: str | Path | None) -> TypeGuard[str]:
    """Whether the address is that of a PostgreSQL database."""
    return isinstance(url, str) and url.startswith(_POSTGRES)


def find_path(url: str | Path | None) -> Path:
    """The file a store's address names. Raises `Invalid` for an address of another kind."""
    if url is None:
        return locations.database()
    if isinstance(url, Path) or "://" not in url:
        return _checked(str(url))
    parts = urlsplit(url)
    if parts.scheme != _SQLITE:
        raise Invalid(
            f"a store is a path or sqlite:///PATH; {parts.scheme}:// is not known here", field="url"
        )
    if parts.netloc:
        raise Invalid(
            "a SQLite store lies on this machine: write sqlite:///PATH with three slashes", field="url"
        )
    # As everybody writes it: three slashes and a relative path, four and an absolute one.
    return _checked(unquote(parts.path.removeprefix("/")))


def _checked(text: str) -> Path:
    if not text or "\0" in text:
        raise Invalid("the path of a store must not be empty or hold a NUL", field="url")
    return Path(text).expanduser()
