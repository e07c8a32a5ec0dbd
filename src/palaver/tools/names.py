"""The names tools go by: `server__tool`, in the characters and the length that every model's protocol takes."""

import hashlib
import re

MAX_NAME = 64
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_DIGEST = 4
"""Bytes that tell a name which had to be changed from others like it."""


def offered_name(server: str, tool: str) -> str:
    """The name a model is told; the same whatever else there is.

    A name that must be changed, or cut, ends in a digest of what it was. `server` is a name that settings take, so it has
    no `__` and no `_` at its end: two servers' tools never meet.
    """
    whole = f"{server}__{tool}"
    name = _FOREIGN.sub("_", whole)
    if name == whole and tool and len(name) <= MAX_NAME:
        return name
    digest = hashlib.blake2b(tool.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).hexdigest()
    return f"{name[: MAX_NAME - len(digest) - 1]}_{digest}"
