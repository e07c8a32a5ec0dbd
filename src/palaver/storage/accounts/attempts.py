"""Slowing down who guesses. Failures are counted in the database: they count in every process and after a restart."""

import math
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from palaver.errors import TooFast
from palaver.storage.transaction import Writing

FREE_BY_EMAIL = 5
FREE_BY_ADDRESS = 30
MAX_WAIT = 15 * 60
FORGOTTEN_MS = 24 * 60 * 60 * 1000


class Subject(NamedTuple):
    """What failures are counted for, and how many are free; after that each doubles the wait."""

    digest: bytes
    free: int


def subjects(tx: Writing, email_key: str, address: str) -> tuple[Subject, ...]:
    """Of a sign-in: the e-mail address, and where it comes from.

    Where the account is signed in already it is counted apart: who guesses elsewhere must not keep its owner out.
    """
    known = tx.row("door_is_signed_in_at", email_key=email_key, address=address, now=tx.now) is not None
    found = [_subject("email", f"{email_key}\n{address}" if known else email_key, FREE_BY_EMAIL)]
    if address:
        found.append(_subject("address", _network(address), FREE_BY_ADDRESS))
    return tuple(found)


def count(tx: Writing, found: Iterable[Subject]) -> None:
    """Count an attempt as failed before it is made, so that many at once are as slow as one by one. Raises `TooFast`."""
    tx.run("door_delete_old_attempts", before=tx.now - FORGOTTEN_MS)
    for subject in found:
        failures, failed_at = tx.row("door_find_attempt", subject=subject.digest) or (0, tx.now)
        left = _wait(failures - subject.free) - (tx.now - failed_at) / 1000
        if left > 0:
            shown = min(left, MAX_WAIT)
            raise TooFast(f"Too many attempts: wait {math.ceil(shown)} seconds", retry_after=shown)
        tx.run("door_put_attempt", subject=subject.digest, failures=failures + 1, failed_at=tx.now)


def succeed(tx: Writing, found: Sequence[Subject]) -> None:
    """The attempt was none: what was counted for the e-mail address is forgotten, of the network's only this one."""
    tx.run("door_delete_attempt", subject=found[0].digest)
    for subject in found[1:]:
        failures, failed_at = tx.row("door_find_attempt", subject=subject.digest) or (0, 0)
        if failures > 1:
            tx.run("door_put_attempt", subject=subject.digest, failures=failures - 1, failed_at=failed_at)
        else:
            tx.run("door_delete_attempt", subject=subject.digest)


def _wait(over: int) -> float:
    """Seconds after so many failures beyond the free ones."""
    return 0.0 if over < 0 else float(min(2 ** min(over, 20), MAX_WAIT))


def _subject(kind: str, text: str, free: int) -> Subject:
    return Subject(blake2b(f"{kind}\n{text}".encode("utf-8", "replace"), digest_size=16).digest(), free)


def _network(address: str) -> str:
    """A single IPv4 address; of an IPv6 one the half that one subscriber has to themself."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:200]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(int(found) >> 64)
    return str(found)
