"""One request on its way through an operation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from starlette.requests import Request

from palaver.accounts import Accounts
from palaver.aio import AsyncStore
from palaver.errors import Unauthenticated
from palaver.server.door import Caller
from palaver.server.people import People
from palaver.server.problems import HttpError
from palaver.server.services import Services

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """What an operation is called with beside its parameters and its body.

    `made_id` is the id for what it makes, where the same request may have made it before.
    """

    request: Request
    services: Services
    found: Caller | None
    made_id: str | None = None

    @property
    def caller(self) -> Caller:
        """Who asks. Raises `Unauthenticated` for nobody."""
        if self.found is None:
            raise Unauthenticated(
                "Nobody is signed in: sign in, or send a token in the header Authorization."
            )
        return self.found

    @property
    def people(self) -> People:
        """The accounts of a team's server. Raises "not_found" on a server of one person."""
        if self.services.people is None:
            raise HttpError("not_found", "There are no accounts here: this server is one person's own.")
        return self.services.people

    @property
    def accounts(self) -> Accounts:
        """The accounts as the one who asks may see them, to be asked through `people`."""
        return self.people.accounts.as_actor(self.caller.actor)

    @property
    def store(self) -> AsyncStore:
        """The store as the one who asks may see it."""
        return self.services.store_as(self.caller.actor)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """An answer that brings headers of its own."""

    value: T
    headers: Mapping[str, str] = field(default_factory=dict)
