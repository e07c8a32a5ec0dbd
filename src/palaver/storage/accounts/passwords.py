"""Passwords: which may be taken, and how they are kept (argon2id, RFC 9106). Nothing here runs within a transaction."""

import os
import re
import threading
import unicodedata
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from palaver.accounts import MAX_PASSWORD, MIN_PASSWORD
from palaver.errors import Invalid
from palaver.storage.rows import check_text

_AROUND = re.compile(r"^[\d\W_]+|[\d\W_]+$")
_SHORTEST_WORD = 4


class Passwords:
    """Hashes and checks, a few at a time: each takes 64 MiB."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turns = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
        self._mutex = threading.Lock()
        self._decoy: str | None = None

    def hash(self, password: str) -> str:
        with self._turns:
            return self._hasher.hash(_normal(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether this is the password. It takes the same time where there is none to compare with."""
        if not isinstance(password, str) or len(password) > MAX_PASSWORD:
            password = ""
        decoy = self._make_decoy()
        with self._turns:
            try:
                return self._hasher.verify(stored or decoy, _normal(password)) and stored is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, stored: str) -> bool:
        """Whether it was hashed with other parameters than those of today."""
        return self._hasher.check_needs_rehash(stored)

    def _make_decoy(self) -> str:
        with self._mutex:
            if self._decoy is None:
                self._decoy = self._hasher.hash(os.urandom(16))
            return self._decoy


def check_password(password: str, *, email: str, name: str, field: str = "password") -> str:
    """Long enough, and not one of the first to be guessed (NIST SP 800-63B): else it raises `Invalid`."""
    if not isinstance(password, str):
        raise Invalid(f"{field} must be text", field=field)
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid(f"{field} must have {MIN_PASSWORD} to {MAX_PASSWORD} characters", field=field)
    try:
        check_text(password, field)
    except Invalid:
        raise Invalid(f"{field} must be Unicode text", field=field) from None  # without showing a piece of it
    if is_common(password):
        raise Invalid(f"{field} is among the first that are guessed: choose another", field=field)
    if _is_about(password, email, name):
        raise Invalid(f"{field} must not be made of your name or your address: choose another", field=field)
    return password


def is_common(password: str) -> bool:
    """Whether it is a common one as it is, with digits or signs around it, or one said several times."""
    folded = _normal(password).casefold()
    words = _common()
    core = _AROUND.sub("", folded)
    return (
        folded in words or core in words or len(core) < 2 or _period(folded) in words or len(set(folded)) < 4
    )


def _period(text: str) -> str:
    """The shortest piece of which the text is a repetition."""
    return text[: (text + text).index(text, 1)]


def _is_about(password: str, email: str, name: str) -> bool:
    core = _AROUND.sub("", _normal(password).casefold())
    told = {"palaver", email.casefold(), *re.split(r"[@.+_-]", email.casefold()), *name.casefold().split()}
    told |= {name.casefold().replace(" ", ""), email.casefold().partition("@")[0]}
    return core in {word for word in told if len(word) >= _SHORTEST_WORD} or _period(core) in told


def _normal(password: str) -> str:
    """As every keyboard types it."""
    return unicodedata.normalize("NFKC", password.encode("utf-8", "replace").decode())


@cache
def _common() -> frozenset[str]:
    text = (files("palaver.storage.accounts") / "common-passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
