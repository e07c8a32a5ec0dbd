"""Importing from and exporting to bytes."""

import io
import json
from pathlib import Path
from typing import Any

from palaver import Store
from palaver.formats import ImportReport, bring_in, take_out


def bring(store: Store, content: bytes | str | Path | Any, **options: Any) -> ImportReport:
    """Import bytes, text, a file, or any other value as JSON."""
    if isinstance(content, Path):
        return bring_in(store, content, **options)
    if isinstance(content, str):
        content = content.encode()
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return bring_in(store, io.BytesIO(raw), **options)


def taken(store: Store, format: str = "palaver", **options: Any) -> bytes:
    """An export as bytes."""
    out = io.BytesIO()
    take_out(store, out, format=format, **options)
    return out.getvalue()


def without_header(exported: bytes) -> bytes:
    """Palaver's own format after its first line, which holds the time of the export."""
    return exported.split(b"\n", 1)[1]


def everything(store: Store) -> bytes:
    """All that is in a store."""
    return without_header(taken(store))


def parsed(store: Store, format: str, **options: Any) -> Any:
    return json.loads(taken(store, format, **options))
