"""Requests that are done once, however often they are sent: their keys, and what came of them, in a store's database."""

import json
from collections.abc import Mapping

import msgspec

from palaver.errors import Busy, Conflict, Invalid
from palaver.ids import from_bytes, new_bytes
from palaver.storage.store import Database, DatabaseStore
from palaver.storage.transaction import Writing
from palaver.store import Store

KEPT_MS = 24 * 60 * 60 * 1000
LEASE_MS = 10 * 60 * 1000
"""After so long without an end, who did it is taken for dead."""


class Begun(msgspec.Struct, frozen=True):
    """It is to be done now. What it makes gets `made_id`: should this process die, the next attempt makes the same."""

    made_id: str


class Done(msgspec.Struct, frozen=True):
    """It was done: what was answered. `body` is None for what is shown only once."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class KeyReused(Conflict):
    """The key stands for another request."""


class Requests:
    """Each verb is one transaction; safe from any thread and any process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, actor: str, key: str, digest: bytes) -> Begun | Done:
        """Take it on, or see what came of it. Raises `KeyReused`, and `Busy` while somebody does it."""

        def work(tx: Writing) -> Begun | Done:
            with tx.by_itself():
                tx.run("delete_old_requests", before=tx.now - KEPT_MS)
            known = tx.row("find_request", actor=actor, request_key=key)
            if known is None:
                return _take(tx, actor, key, digest, new_bytes())
            was, made_id, status, headers, body, lease_until = known
            if was != digest:
                raise KeyReused("This idempotency key was used for another request: make a new one.")
            if status is not None:
                return Done(status, json.loads(headers), body)
            if lease_until > tx.now:
                raise Busy("A request with this idempotency key is under way: wait for it.")
            return _take(tx, actor, key, digest, made_id)

        return self._database.write(actor, work)

    def finish(self, actor: str, key: str, done: Done) -> None:
        """Keep what was answered."""
        self._database.write(
            actor,
            lambda tx: tx.run(
                "finish_request",
                actor=actor,
                request_key=key,
                status=done.status,
                headers=json.dumps(dict(done.headers)),
                answer=done.body,
            ),
        )

    def release(self, actor: str, key: str) -> None:
        """Nobody does it any more and nothing is known of its end: the next attempt makes the same again."""
        self._database.write(actor, lambda tx: tx.run("release_request", actor=actor, request_key=key))

    def forget(self, actor: str, key: str) -> None:
        """It was not done: the next attempt begins anew."""
        self._database.write(actor, lambda tx: tx.run("delete_request", actor=actor, request_key=key))


def open_requests(store: Store) -> Requests:
    """Those in the database of an open store; they end with it. Raises `Invalid` for a store without one of its own."""
    if not isinstance(store, DatabaseStore):
        raise Invalid(f"{type(store).__name__} keeps no requests", field="store")
    return Requests(store.database)


def _take(tx: Writing, actor: str, key: str, digest: bytes, made_id: bytes) -> Begun:
    tx.run(
        "put_request",
        actor=actor,
        request_key=key,
        digest=digest,
        made_id=made_id,
        now=tx.now,
        lease_until=tx.now + LEASE_MS,
    )
    return Begun(from_bytes(made_id))
