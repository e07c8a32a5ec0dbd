"""Verbs on accounts."""

import unicodedata

from msgspec import UNSET, UnsetType

from palaver.accounts import MAX_EMAIL, Account
from palaver.errors import Conflict, Forbidden, Invalid, NotFound
from palaver.ids import find_bytes, from_bytes, new_id
from palaver.model import Page
from palaver.storage.accounts.rows import AccountRow, sealed
from palaver.storage.rows import check_text
from palaver.storage.transaction import Reading, Writing
from palaver.storage.verbs.cursors import decode_cursor, encode_cursor
from palaver.storage.verbs.titles import check_name, has_control

_NOBODY = b""


def check_email(email: str) -> str:
    """An address as it was typed, without spaces around it. Raises `Invalid`."""
    if not isinstance(email, str):
        raise Invalid("email must be text", field="email")
    text = unicodedata.normalize("NFC", check_text(email, "email").strip())
    name, at, host = text.rpartition("@")
    if not (name and at and host) or len(text) > MAX_EMAIL or has_control(text) or " " in text or "@" in name:
        raise Invalid(
            f"email must be an address like ann@example.org of at most {MAX_EMAIL} characters", field="email"
        )
    return text


def fold(email: str) -> str:
    """How addresses are compared. What cannot be stored is equal to none that is."""
    text = email.encode("utf-8", "replace").decode().replace("\0", "?")
    return unicodedata.normalize("NFC", text.strip().casefold())


def account_id_of(id: str) -> str:
    """The id as it is stored. Raises `NotFound` for what is no id."""
    raw = find_bytes(id)
    if raw is None:
        raise NotFound("account", str(id))
    return from_bytes(raw)


def is_administrator(tx: Reading) -> bool:
    return tx.row("find_administrator", actor=tx.actor) is not None


def check_administrator(tx: Reading) -> None:
    if not is_administrator(tx):
        raise Forbidden("This is for administrators")


def account_row(tx: Reading, account_id: str) -> AccountRow:
    """One's own, or as an administrator anybody's. Raises `NotFound`."""
    found = tx.row("find_account", id=account_id_of(account_id), actor=tx.actor)
    if found is None:
        raise NotFound("account", account_id)
    return AccountRow(*found)


def find_by_email(tx: Reading, email: str) -> AccountRow | None:
    """At the door."""
    found = tx.row("door_find_email", email_key=fold(email)) if isinstance(email, str) else None
    return AccountRow(*found) if found else None


def is_taken(tx: Reading, email: str, account_id: str = "") -> bool:
    """Whether an account other than this one has the address."""
    return tx.row("email_is_taken", email_key=fold(email), id=account_id) is not None


def insert(tx: Writing, *, email: str, name: str, administrator: bool, password: str | None) -> AccountRow:
    """A new account; `password` is a hash. Raises `Conflict` for an address in use."""
    checked = check_email(email)
    row = AccountRow(
        new_id(), checked, fold(checked), check_name(name), int(administrator), None, password, tx.now, tx.now
    )
    if tx.row("door_insert_account", **sealed(row)) is None:
        raise Conflict(f"There is an account with the address {checked} already")
    return row


def save(tx: Writing, row: AccountRow) -> None:
    row.updated_at = max(row.updated_at, tx.now)
    tx.run("update_account", actor=tx.actor, **sealed(row))


def get_account(tx: Reading, account_id: str | None) -> Account:
    return account_row(tx, tx.actor if account_id is None else account_id).value()


def list_accounts(tx: Reading, after: str | None, limit: int) -> Page[Account]:
    check_administrator(tx)
    begin = decode_cursor(after, "a", str)[0] if after else ""
    found = [
        AccountRow(*columns)
        for columns in tx.rows("list_accounts", actor=tx.actor, after=begin, limit=limit + 1)
    ]
    more = len(found) > limit
    items = [row.value() for row in found[:limit]]
    return Page(items, encode_cursor("a", found[limit - 1].email_key) if more else None)


def update_account(
    tx: Writing,
    account_id: str | None,
    *,
    name: str | UnsetType,
    email: str | UnsetType,
    administrator: bool | UnsetType,
    disabled: bool | UnsetType,
) -> Account:
    row = account_row(tx, tx.actor if account_id is None else account_id)
    if administrator is not UNSET or disabled is not UNSET:
        check_administrator(tx)
    if name is not UNSET:
        row.name = check_name(name)
    if email is not UNSET:
        row.email = check_email(email)
        _check_free(tx, row)
        row.email_key = fold(row.email)
    _decide(tx, row, administrator, disabled)
    save(tx, row)
    return row.value()


def _check_free(tx: Writing, row: AccountRow) -> None:
    if is_taken(tx, row.email, row.id):
        raise Conflict(f"There is an account with the address {row.email} already")


def _decide(
    tx: Writing, row: AccountRow, administrator: bool | UnsetType, disabled: bool | UnsetType
) -> None:
    """What only an administrator decides. One who can sign in is always left."""
    was = row.administrator and row.disabled_at is None
    if administrator is not UNSET:
        row.administrator = int(administrator)
    if disabled is not UNSET:
        row.disabled_at = (row.disabled_at or tx.now) if disabled else None
    if was and not (row.administrator and row.disabled_at is None):
        counted = tx.row("count_administrators", actor=tx.actor)
        if counted is None or counted[0] < 2:
            raise Conflict("This is the last administrator: make somebody else one first")
    if row.disabled_at is not None:
        end_access(tx, row.id)


def end_access(tx: Writing, account_id: str) -> None:
    """End every sign-in and every token."""
    end_sign_ins(tx, account_id)
    tx.run("delete_tokens", account=account_id, actor=tx.actor)


def end_sign_ins(tx: Writing, account_id: str, keep: bytes | None = None) -> None:
    """End every sign-in but one."""
    tx.run("delete_sign_ins", account=account_id, keep=keep or _NOBODY, actor=tx.actor)
