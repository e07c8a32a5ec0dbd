"""Encrypted files: ChaCha20-Poly1305 on every page, which also finds a flipped bit in any of them.

The file's first 16 bytes are a random salt in clear. A passphrase is stretched with it by PBKDF2-HMAC-SHA256,
600,000 rounds, so that any build of SQLite3 Multiple Ciphers can open the file with `PRAGMA kdf_iter = 600000`.
"""

import os
import threading
import unicodedata
from hashlib import pbkdf2_hmac
from pathlib import Path

import apsw

from palaver.errors import Invalid

SALT_SIZE = 16
RAW_SIZE = 32
ROUNDS = 600_000
CIPHER = "chacha20"

MAGIC = b"SQLite format 3\0"
HEADER_SIZE = 100
_RESERVED = 32  # bytes at the end of each page for nonce and tag
_FRACTIONS = bytes((64, 32, 32))  # fixed by SQLite's file format at offset 21


class Key:
    """What opens an encrypted file. Stretched once for each salt, never shown."""

    __slots__ = ("_lock", "_raw", "_secret")

    def __init__(self, secret: bytes, *, raw: bool) -> None:
        self._secret = secret
        self._raw: dict[bytes, bytes] | None = None if raw else {}
        self._lock = threading.Lock()

    def raw(self, salt: bytes) -> bytes:
        """The 32 bytes for a file with this salt; takes about 0.2 s the first time."""
        if self._raw is None:
            return self._secret
        with self._lock:
            if salt not in self._raw:
                self._raw[salt] = pbkdf2_hmac("sha256", self._secret, salt, ROUNDS, RAW_SIZE)
            return self._raw[salt]

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")


def derive(path: Path | None, key: str | bytes) -> Key:
    """A passphrase, or 32 bytes taken as they are, as a key ready for `path`. Raises `Invalid` for an empty one."""
    if not key:
        raise Invalid("the key is empty", field="key")
    secret = _passphrase(key) if isinstance(key, str) else bytes(key)
    made = Key(secret, raw=isinstance(key, bytes) and len(key) == RAW_SIZE)
    if path is not None and is_encrypted(path):
        made.raw(read_header(path)[:SALT_SIZE])
    return made


def _passphrase(text: str) -> bytes:
    # The same letters typed on another system may arrive composed differently.
    try:
        return unicodedata.normalize("NFC", text).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise Invalid("the key holds half a surrogate pair, which is no Unicode text", field="key") from exc


def is_encrypted(path: Path) -> bool:
    """Whether the file is an encrypted database. False where it is absent, plain, or no database at all."""
    return path.is_file() and looks_encrypted(read_header(path))


def looks_encrypted(header: bytes) -> bool:
    """A salt instead of SQLite's name, then the part of the header that stays readable."""
    return (
        len(header) == HEADER_SIZE
        and not header.startswith(MAGIC)
        and header[16:18] == b"\x10\x00"
        and header[20] == _RESERVED
        and header[21:24] == _FRACTIONS
    )


def read_header(path: Path) -> bytes:
    """Its first 100 bytes, fewer where there are no more.

    Read through SQLite: where a process opens the file by itself, closing it again drops all locks SQLite holds there.
    """
    flags = [apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_MAIN_DB, 0]
    file = apsw.VFSFile("win32" if os.name == "nt" else "unix", os.path.realpath(path), flags)
    try:
        return file.xRead(HEADER_SIZE, 0)
    finally:
        file.xClose()


def apply(connection: apsw.Connection, key: Key, header: bytes) -> None:
    """Give a connection its key, before anything else is done with it. An empty `header` is that of a new file."""
    salt = header[:SALT_SIZE] if header else os.urandom(SALT_SIZE)
    connection.pragma("cipher", CIPHER)
    connection.pragma("key", f"raw:{key.raw(salt).hex()}{salt.hex()}")


def new_header() -> bytes:
    """What stands at the beginning of a new encrypted file."""
    return os.urandom(SALT_SIZE)


def parameters(key: Key | None, header: bytes) -> str:
    """The same as `apply`, for the query of a file's URI. Secret: not for messages."""
    if key is None:
        return "key="
    salt = header[:SALT_SIZE]
    return f"cipher={CIPHER}&key=raw:{key.raw(salt).hex()}{salt.hex()}"
