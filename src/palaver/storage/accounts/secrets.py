"""What gives access: made of 32 random bytes and kept as a SHA-256 digest. So much chance needs no slow hash."""

import secrets
from hashlib import sha256

from palaver.accounts import Secret

_MAX = 200


def new_secret(prefix: str = "") -> Secret:
    return Secret(prefix + secrets.token_urlsafe(32))


def digest_of(secret: str) -> bytes:
    """What stands in the database for it; rows are found by it, so that no comparison tells how much of it was right."""
    text = secret if isinstance(secret, str) and len(secret) <= _MAX else ""
    return sha256(text.encode("utf-8", "replace")).digest()
