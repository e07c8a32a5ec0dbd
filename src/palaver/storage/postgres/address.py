"""Where a PostgreSQL store is: an address as everybody writes it, and the same without secrets."""

from typing import Any, NamedTuple

import psycopg
from psycopg import conninfo

from palaver.errors import Invalid

SCHEMES = ("postgresql", "postgres")
_DEFAULTS = {
    "connect_timeout": "10",
    "tcp_user_timeout": "30000",
    "fallback_application_name": "palaver",
}


class Address(NamedTuple):
    """What libpq is told, and what people are."""

    parameters: dict[str, Any]
    location: str


def parse(url: str) -> Address:
    """Raises `Invalid` for an address that libpq does not understand."""
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as exc:
        # Not the driver's words: it quotes the address, which may hold a password.
        raise Invalid(
            "this is no address of a PostgreSQL database: write postgresql://USER@HOST:PORT/DATABASE",
            field="url",
        ) from exc
    return Address({**_DEFAULTS, **given, "client_encoding": "UTF8"}, _location(given))


def _location(given: dict[str, Any]) -> str:
    host, port = given.get("host") or given.get("hostaddr") or "", given.get("port")
    database = given.get("dbname") or given.get("user") or ""
    if host.startswith("/"):
        return f"postgresql:///{database}?host={host}" + (f"&port={port}" if port else "")
    return f"postgresql://{host}{f':{port}' if port else ''}/{database}"
