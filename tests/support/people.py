"""Accounts for tests, whose passwords cost no time to hash."""

from typing import NamedTuple

from argon2 import PasswordHasher

from palaver import Store
from palaver.accounts import Accounts
from palaver.storage import open_accounts
from palaver.storage.accounts.passwords import Passwords

PASSWORD = "marigolds bloom late"


def cheap_passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def accounts_of(store: Store) -> Accounts:
    """The accounts beside a store, for the actor `system`."""
    return open_accounts(store, passwords=cheap_passwords()).as_actor("system")


class Person(NamedTuple):
    """Somebody with an account: their id, and what they see of conversations and of accounts."""

    id: str
    store: Store
    accounts: Accounts


def a_person(
    store: Store, accounts: Accounts, name: str, *, administrator: bool = False, password: str | None = None
) -> Person:
    email = f"{name.lower()}@example.org"
    made = accounts.as_actor("system").create_account(
        email=email, name=name, administrator=administrator, password=password
    )
    return Person(made.id, store.as_actor(made.id), accounts.as_actor(made.id))
