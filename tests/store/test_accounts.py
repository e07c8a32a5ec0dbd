"""Accounts: coming in, staying in, and being asked to leave."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from palaver import Conflict, Forbidden, Invalid, NotFound, Store, TooFast, Unauthenticated
from palaver.accounts import Accounts, Invited, Secret
from palaver.storage import open_accounts
from palaver.storage.accounts.passwords import Passwords
from tests.conftest import OpenStore
from tests.support.people import PASSWORD, a_person, accounts_of

OTHER = "roses need more water"
LINUX = {"address": "192.0.2.7", "user_agent": "Firefox on Linux"}


@pytest.fixture
def store(open_database: OpenStore) -> Store:
    return open_database()


@pytest.fixture
def accounts(store: Store) -> Accounts:
    return accounts_of(store)


def test_the_first_account_is_an_administrator_made_with_the_code_of_the_start(accounts: Accounts) -> None:
    code = accounts.bootstrap()
    assert code is not None
    made = accounts.set_up(code, name="Ann", email="Ann@Example.org", password=PASSWORD, **LINUX)
    assert (made.account.administrator, made.account.name, made.account.email) == (
        True,
        "Ann",
        "Ann@Example.org",
    )
    assert accounts.identify_sign_in(made.secret).administrator


def test_every_process_may_print_a_code_and_all_of_them_end_with_the_first_account(
    accounts: Accounts,
) -> None:
    first, second = accounts.bootstrap(), accounts.bootstrap()
    assert first is not None
    assert second is not None
    assert first != second
    accounts.set_up(first, name="Ann", email="ann@example.org", password=PASSWORD)
    assert accounts.bootstrap() is None
    with pytest.raises(NotFound):
        accounts.set_up(second, name="Bob", email="bob@example.org", password=PASSWORD)


@pytest.mark.parametrize("code", ["", "x" * 10_000, "\udcff", "guess"])
def test_a_guessed_code_sets_nothing_up(accounts: Accounts, code: str) -> None:
    accounts.bootstrap()
    with pytest.raises(NotFound):
        accounts.set_up(code, name="Eve", email="eve@example.org", password=PASSWORD)
    assert accounts.list_accounts().items == []


def test_an_invitation_is_no_code_of_the_start_and_the_other_way_round(accounts: Accounts) -> None:
    code = accounts.bootstrap()
    assert code is not None
    with pytest.raises(NotFound):
        accounts.find_invitation(code)
    with pytest.raises(NotFound):
        accounts.accept_invitation(code, name="Eve", email="eve@example.org", password=PASSWORD)
    invited = accounts.create_invitation()
    with pytest.raises(NotFound):
        accounts.set_up(invited.secret, name="Eve", email="eve@example.org", password=PASSWORD)


def test_who_is_invited_makes_an_account_once(store: Store, accounts: Accounts) -> None:
    ann = a_person(store, accounts, "Ann", administrator=True)
    invited = ann.accounts.create_invitation(email="Bob@Example.org", administrator=True)
    assert accounts.find_invitation(invited.secret) == invited.invitation
    assert invited.invitation.invited_by == "Ann"
    made = accounts.accept_invitation(invited.secret, name="Bob", password=PASSWORD, **LINUX)
    assert (made.account.email, made.account.name, made.account.administrator) == (
        "Bob@Example.org",
        "Bob",
        True,
    )
    assert (made.sign_in.address, made.sign_in.user_agent) == (LINUX["address"], LINUX["user_agent"])
    for again in (accounts.find_invitation, lambda code: accounts.accept_invitation(code, password=PASSWORD)):
        with pytest.raises(NotFound):
            again(invited.secret)


def test_an_invitation_to_an_address_is_for_that_address(accounts: Accounts) -> None:
    invited = accounts.create_invitation(email="bob@example.org")
    with pytest.raises(Forbidden):
        accounts.accept_invitation(invited.secret, email="eve@example.org", password=PASSWORD)
    made = accounts.accept_invitation(invited.secret, email="BOB@example.org", password=PASSWORD)
    assert made.account.email == "BOB@example.org"


def test_only_administrators_invite_to_the_server(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob")
    refused: tuple[Callable[[], Invited], ...] = (
        bob.accounts.create_invitation,
        lambda: bob.accounts.create_invitation(administrator=True),
        lambda: bob.accounts.create_invitation(account_id=bob.id),
    )
    for invite in refused:
        with pytest.raises(Forbidden):
            invite()


def test_a_revoked_invitation_does_not_hold(store: Store, accounts: Accounts) -> None:
    ann, bob = a_person(store, accounts, "Ann", administrator=True), a_person(store, accounts, "Bob")
    invited = ann.accounts.create_invitation()
    with pytest.raises(NotFound):
        bob.accounts.revoke_invitation(invited.invitation.id)
    assert ann.accounts.list_invitations() == [invited.invitation]
    assert bob.accounts.list_invitations() == []
    ann.accounts.revoke_invitation(invited.invitation.id)
    with pytest.raises(NotFound):
        accounts.accept_invitation(invited.secret, email="x@example.org", password=PASSWORD)


def test_who_has_lost_their_password_gets_a_link_for_a_new_one(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob", password=PASSWORD)
    before = accounts.sign_in("bob@example.org", PASSWORD)
    link = accounts.create_invitation(account_id=bob.id)
    assert link.invitation.email == "bob@example.org"
    made = accounts.accept_invitation(link.secret, password=OTHER)
    assert made.account.id == bob.id
    with pytest.raises(Unauthenticated):
        accounts.identify_sign_in(before.secret)
    with pytest.raises(Unauthenticated):
        accounts.sign_in("bob@example.org", PASSWORD)
    accounts.sign_in("bob@example.org", OTHER)


def test_signing_in_and_out(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob", password=PASSWORD)
    there = accounts.sign_in(" BOB@example.ORG ", PASSWORD, **LINUX)
    who = accounts.identify_sign_in(there.secret)
    assert (who.actor, who.scope, who.administrator, who.how) == (bob.id, "write", False, "sign_in")
    assert [each.id for each in bob.accounts.list_sign_ins()] == [who.id]
    accounts.sign_out(there.secret)
    accounts.sign_out(there.secret)
    with pytest.raises(Unauthenticated):
        accounts.identify_sign_in(there.secret)


@pytest.mark.parametrize("secret", ["", "x", "pal_" + "x" * 43, "x" * 100_000, "\udcff"])
def test_what_was_never_given_out_opens_nothing(accounts: Accounts, secret: str) -> None:
    for identify in (accounts.identify_sign_in, accounts.identify_token):
        with pytest.raises(Unauthenticated):
            identify(secret)


@pytest.mark.parametrize("password", ["wrong password", "", "x" * 2000, "\udcff" * 12])
def test_an_unknown_address_is_answered_like_a_wrong_password(
    store: Store, accounts: Accounts, password: str
) -> None:
    a_person(store, accounts, "Bob", password=PASSWORD)
    a_person(store, accounts, "Sso")
    answers = set()
    for email in (
        "bob@example.org",
        "nobody@example.org",
        "sso@example.org",
        "no address",
        "\udcff@x",
        "\0@x",
    ):
        with pytest.raises(Unauthenticated) as caught:
            accounts.sign_in(email, password)
        answers.add(str(caught.value))
    assert len(answers) == 1


def test_an_unknown_address_costs_a_hash_as_a_wrong_password_does(store: Store) -> None:
    class Counting(PasswordHasher):
        compared = 0

        def verify(self, *arguments: str | bytes) -> bool:  # type: ignore[override]
            Counting.compared += 1
            return super().verify(*arguments)

    accounts = open_accounts(store, passwords=Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1)))
    accounts.as_actor("system").create_account(email="bob@example.org", name="Bob", password=PASSWORD)
    for email in ("bob@example.org", "nobody@example.org"):
        before = Counting.compared
        with pytest.raises(Unauthenticated):
            accounts.sign_in(email, "wrong password")
        assert Counting.compared == before + 1


def test_who_guesses_is_slowed_down_in_every_process_and_after_a_restart(
    open_database: OpenStore, store: Store, accounts: Accounts
) -> None:
    a_person(store, accounts, "Bob", password=PASSWORD)
    for number in range(5):
        with pytest.raises(Unauthenticated):
            accounts.sign_in("bob@example.org", f"guess number {number}")
    store.close()
    again = accounts_of(open_database())
    with pytest.raises(TooFast) as caught:
        again.sign_in("bob@example.org", PASSWORD)
    assert 0 < caught.value.retry_after <= 1


def test_guesses_from_one_network_are_counted_together(accounts: Accounts) -> None:
    for number in range(30):
        with pytest.raises(Unauthenticated):
            accounts.sign_in(f"{number}@example.org", PASSWORD, address=f"2001:db8::{number:x}")
    with pytest.raises(TooFast):
        accounts.sign_in("new@example.org", PASSWORD, address="2001:db8::ffff")
    with pytest.raises(Unauthenticated):
        accounts.sign_in("new@example.org", PASSWORD, address="2001:db8:0:1::1")


def test_who_is_signed_in_is_not_kept_out_by_who_guesses_elsewhere(store: Store, accounts: Accounts) -> None:
    a_person(store, accounts, "Bob", password=PASSWORD)
    accounts.sign_in("bob@example.org", PASSWORD, address="192.0.2.7")
    for number in range(5):
        with pytest.raises(Unauthenticated):
            accounts.sign_in("bob@example.org", f"guess number {number}", address="198.51.100.1")
    with pytest.raises(TooFast):
        accounts.sign_in("bob@example.org", PASSWORD, address="198.51.100.1")
    accounts.sign_in("bob@example.org", PASSWORD, address="192.0.2.7")


def test_a_success_forgives_the_failures_before_it(store: Store, accounts: Accounts) -> None:
    a_person(store, accounts, "Bob", password=PASSWORD)
    for _ in range(3):
        for number in range(4):
            with pytest.raises(Unauthenticated):
                accounts.sign_in("bob@example.org", f"guess number {number}")
        accounts.sign_in("bob@example.org", PASSWORD)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 1001,
        "1234567890",
        "qwertyuiop",
        "Password123!",
        "dragondragon",
        "aaaaaaaaaaaaaaa",
        "ann.marigold1",
        "marigold2026!",
        "palaver12345",
    ],
)
def test_a_password_that_is_guessed_first_is_not_taken(accounts: Accounts, password: str) -> None:
    with pytest.raises(Invalid) as caught:
        accounts.create_account(email="ann.marigold@example.org", name="Ann Marigold", password=password)
    assert caught.value.field == "password"
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "password", ["x7gh2kqwzz", "correct horse battery staple", "паролька длинная", "   spaces  "]
)
def test_what_is_long_enough_and_not_common_is_taken_as_it_is(accounts: Accounts, password: str) -> None:
    accounts.create_account(email="ann@example.org", name="Ann", password=password)
    accounts.sign_in("ann@example.org", password)


def test_a_password_hashed_with_other_parameters_is_hashed_anew(store: Store) -> None:
    old, new = (
        open_accounts(
            store, passwords=Passwords(PasswordHasher(time_cost=cost, memory_cost=8, parallelism=1))
        )
        for cost in (1, 2)
    )
    old.as_actor("system").create_account(email="bob@example.org", name="Bob", password=PASSWORD)

    def stored() -> str:
        with store.database.read("system") as tx:  # type: ignore[attr-defined]
            return str(tx.row("door_find_email", email_key="bob@example.org")[6])

    assert "t=1" in stored()
    new.sign_in("bob@example.org", PASSWORD)
    assert "t=2" in stored()
    new.sign_in("bob@example.org", PASSWORD)


def test_a_new_password_ends_all_other_sign_ins(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob", password=PASSWORD)
    here, there = (accounts.sign_in("bob@example.org", PASSWORD) for _ in range(2))
    with pytest.raises(Invalid) as caught:
        bob.accounts.change_password("wrong password", OTHER)
    assert caught.value.field == "old"
    bob.accounts.change_password(PASSWORD, OTHER, keep=here.sign_in.id)
    assert accounts.identify_sign_in(here.secret).actor == bob.id
    with pytest.raises(Unauthenticated):
        accounts.identify_sign_in(there.secret)
    with pytest.raises(Unauthenticated):
        accounts.sign_in("bob@example.org", PASSWORD)
    accounts.sign_in("bob@example.org", OTHER)


def test_guessing_the_old_password_is_slowed_down_too(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob", password=PASSWORD)
    for _ in range(5):
        with pytest.raises(Invalid):
            bob.accounts.change_password("wrong password", OTHER)
    with pytest.raises(TooFast):
        bob.accounts.change_password(PASSWORD, OTHER)


def test_a_disabled_account_is_out_at_once_and_may_come_back(store: Store, accounts: Accounts) -> None:
    ann = a_person(store, accounts, "Ann", administrator=True)
    bob = a_person(store, accounts, "Bob", password=PASSWORD)
    there, token = accounts.sign_in("bob@example.org", PASSWORD), bob.accounts.create_token("ci")
    assert ann.accounts.update_account(bob.id, disabled=True).disabled_at is not None
    for call in (
        lambda: accounts.identify_sign_in(there.secret),
        lambda: accounts.identify_token(token.secret),
        lambda: accounts.sign_in("bob@example.org", PASSWORD),
    ):
        with pytest.raises(Unauthenticated):
            call()
    ann.accounts.update_account(bob.id, disabled=False)
    accounts.sign_in("bob@example.org", PASSWORD)
    with pytest.raises(Unauthenticated):
        accounts.identify_token(token.secret)


def test_there_is_always_an_administrator_who_can_sign_in(store: Store, accounts: Accounts) -> None:
    ann = a_person(store, accounts, "Ann", administrator=True)
    with pytest.raises(Conflict):
        ann.accounts.update_account(administrator=False)
    with pytest.raises(Conflict):
        ann.accounts.update_account(disabled=True)
    bob = a_person(store, accounts, "Bob", administrator=True)
    ann.accounts.update_account(administrator=False)
    with pytest.raises(Conflict):
        bob.accounts.update_account(disabled=True)


def test_people_change_their_own_name_and_address_and_administrators_everybodys(
    store: Store, accounts: Accounts
) -> None:
    ann, bob = a_person(store, accounts, "Ann", administrator=True), a_person(store, accounts, "Bob")
    assert bob.accounts.update_account(name="Robert", email="rob@example.org").name == "Robert"
    assert ann.accounts.update_account(bob.id, name="Bob").email == "rob@example.org"
    with pytest.raises(Forbidden):
        bob.accounts.update_account(administrator=True)
    with pytest.raises(NotFound):
        bob.accounts.update_account(ann.id, name="Eve")
    with pytest.raises(NotFound):
        bob.accounts.get_account(ann.id)
    with pytest.raises(Forbidden):
        bob.accounts.list_accounts()
    with pytest.raises(Forbidden):
        bob.accounts.create_account(email="x@example.org", name="X")
    with pytest.raises(Conflict):
        bob.accounts.update_account(email="ANN@example.org")


@pytest.mark.parametrize(
    "email", ["", "bob", "@example.org", "bob@", "a b@example.org", "a\0@example.org", "a@" + "x" * 300]
)
def test_what_is_no_address_is_not_taken(accounts: Accounts, email: str) -> None:
    with pytest.raises(Invalid) as caught:
        accounts.create_account(email=email, name="Bob")
    assert caught.value.field == "email"


def test_addresses_are_compared_without_case(accounts: Accounts) -> None:
    accounts.create_account(email="Straße@Example.org", name="Bob")
    with pytest.raises(Conflict):
        accounts.create_account(email="STRASSE@example.ORG", name="Bob")


def test_accounts_are_listed_in_pages(store: Store, accounts: Accounts) -> None:
    for name in ("Cid", "Ann", "Bob"):
        a_person(store, accounts, name)
    page = accounts.list_accounts(limit=2)
    rest = accounts.list_accounts(after=page.next_cursor, limit=2)
    assert [item.name for item in (*page.items, *rest.items)] == ["Ann", "Bob", "Cid"]
    assert rest.next_cursor is None


def test_a_token_says_who_and_how_far_until_it_is_revoked(store: Store, accounts: Accounts) -> None:
    bob, eve = a_person(store, accounts, "Bob"), a_person(store, accounts, "Eve")
    issued = bob.accounts.create_token("ci", scope="read")
    assert issued.secret.startswith(issued.token.hint)
    assert len(issued.secret) == 47
    who = accounts.identify_token(issued.secret)
    assert (who.actor, who.scope, who.how, who.id) == (bob.id, "read", "token", issued.token.id)
    assert [each.id for each in bob.accounts.list_tokens()] == [issued.token.id]
    assert eve.accounts.list_tokens() == []
    with pytest.raises(NotFound):
        eve.accounts.revoke_token(issued.token.id)
    with pytest.raises(Unauthenticated):
        accounts.identify_sign_in(issued.secret)
    bob.accounts.revoke_token(issued.token.id)
    with pytest.raises(Unauthenticated):
        accounts.identify_token(issued.secret)


def test_a_token_ends_by_itself(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob")
    soon = datetime.now(UTC) + timedelta(milliseconds=300)
    issued = bob.accounts.create_token("ci", expires_at=soon)
    accounts.identify_token(issued.secret)
    while datetime.now(UTC) <= soon:
        pass
    with pytest.raises(Unauthenticated):
        accounts.identify_token(issued.secret)
    assert [each.id for each in bob.accounts.list_tokens()] == [issued.token.id]
    with pytest.raises(Invalid):
        bob.accounts.create_token("ci", expires_at=datetime.now(UTC) - timedelta(days=1))


def test_the_last_use_is_noted_once_a_minute(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob")
    secret = bob.accounts.create_token("ci").secret
    assert bob.accounts.list_tokens()[0].last_used_at is None
    accounts.identify_token(secret)
    first = bob.accounts.list_tokens()[0].last_used_at
    accounts.identify_token(secret)
    assert first is not None
    assert bob.accounts.list_tokens()[0].last_used_at == first


def test_a_sign_in_is_revoked_by_its_own_account_alone(store: Store, accounts: Accounts) -> None:
    bob, eve = a_person(store, accounts, "Bob", password=PASSWORD), a_person(store, accounts, "Eve")
    there = accounts.sign_in("bob@example.org", PASSWORD)
    with pytest.raises(NotFound):
        eve.accounts.revoke_sign_in(there.sign_in.id)
    bob.accounts.revoke_sign_in(there.sign_in.id)
    with pytest.raises(Unauthenticated):
        accounts.identify_sign_in(there.secret)


PROVIDER = ("https://id.example.org", "subject-1")


def test_a_provider_signs_in_whom_it_has_named_before(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob")
    first = accounts.sign_in_external(*PROVIDER, email="BOB@example.org", email_verified=True)
    assert first.account.id == bob.id
    bob.accounts.update_account(email="robert@example.org")
    again = accounts.sign_in_external(*PROVIDER, email="other@example.org", email_verified=False)
    assert again.account.id == bob.id


def test_a_provider_makes_an_account_only_for_who_is_invited_or_where_all_may_come(
    accounts: Accounts,
) -> None:
    with pytest.raises(Unauthenticated):
        accounts.sign_in_external(*PROVIDER, email="new@example.org", email_verified=True)
    accounts.create_invitation(email="new@example.org", administrator=True)
    with pytest.raises(Unauthenticated):
        accounts.sign_in_external(*PROVIDER, email="new@example.org", email_verified=False)
    made = accounts.sign_in_external(*PROVIDER, email="new@example.org", email_verified=True, name="New")
    assert (made.account.name, made.account.administrator, made.account.has_password) == ("New", True, False)
    assert accounts.list_invitations() == []
    open_to_all = accounts.sign_in_external(
        PROVIDER[0], "subject-2", email="any@example.org", email_verified=True, allow_new=True
    )
    assert open_to_all.account.name == "any"


def test_nothing_that_gives_access_is_shown_or_stored(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob", password=PASSWORD)
    signed, issued = accounts.sign_in("bob@example.org", PASSWORD), bob.accounts.create_token("ci")
    invited = accounts.create_invitation()
    for value in (signed, issued, invited):
        assert value.secret not in repr(value)
    assert isinstance(Secret("x"), str)
    assert isinstance(invited, Invited)


def test_what_accounts_hold_is_verified(store: Store, accounts: Accounts) -> None:
    bob = a_person(store, accounts, "Bob", password=PASSWORD)
    accounts.sign_in("bob@example.org", PASSWORD)
    bob.accounts.create_token("ci")
    accounts.create_invitation()
    accounts.sign_in_external(*PROVIDER, email="bob@example.org", email_verified=True)
    project = bob.store.create_project("Garden")
    bob.accounts.put_member(project.id, a_person(store, accounts, "Eve").id, "viewer")
    report = store.verify()
    assert report.problems == []
    assert report.checked["accounts"] == 2
