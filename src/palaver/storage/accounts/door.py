"""Coming in: from a secret to who has it. All of it runs as `system`, since nobody is known yet."""

from typing import Any

from palaver.accounts import SCOPES, SIGN_IN_DAYS, Identity, SignedIn
from palaver.errors import Unauthenticated
from palaver.ids import from_bytes, new_bytes
from palaver.storage.accounts.rows import WIDTHS, AccountRow, IdentityRow, SignInRow, TokenRow, sealed
from palaver.storage.accounts.secrets import digest_of, new_secret
from palaver.storage.rows import check_text
from palaver.storage.transaction import Reading, Row, Writing

DAY_MS = 24 * 60 * 60 * 1000
USED_MS = 60 * 1000
_MAX_USER_AGENT = 500
MAX_ADDRESS = 100

Found = tuple[Identity, SignInRow | TokenRow]


def start_sign_in(tx: Writing, account: AccountRow, address: str, user_agent: str) -> SignedIn:
    tx.run("door_delete_expired_sign_ins", now=tx.now)
    tx.run("door_delete_expired_invitations", now=tx.now)
    secret = new_secret()
    row = SignInRow(
        new_bytes(),
        account.id,
        digest_of(secret),
        clean(address, MAX_ADDRESS),
        clean(user_agent, _MAX_USER_AGENT),
        tx.now,
        tx.now + SIGN_IN_DAYS * DAY_MS,
        tx.now,
    )
    tx.run("door_insert_sign_in", **sealed(row))
    return SignedIn(account.value(), row.value(), secret)


def clean(text: str, most: int) -> str:
    """What a browser says of itself, so that it can be shown."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:most]
    )


def find_sign_in(tx: Reading, secret: str, now: int) -> Found:
    """Raises `Unauthenticated`."""
    found = tx.row("door_find_sign_in", digest=digest_of(secret), now=now)
    if found is None:
        raise Unauthenticated("Nobody is signed in here, or it was too long ago: sign in")
    row = SignInRow(*found[: WIDTHS[SignInRow]])
    return Identity(
        actor=row.account_id,
        scope="write",
        administrator=bool(found[-1]),
        how="sign_in",
        id=from_bytes(row.id),
    ), row


def find_token(tx: Reading, secret: str, now: int) -> Found:
    """Raises `Unauthenticated`."""
    found = tx.row("door_find_token", digest=digest_of(secret), now=now)
    if found is None:
        raise Unauthenticated("This token is not known here, was revoked or has expired")
    row = TokenRow(*found[: WIDTHS[TokenRow]])
    return Identity(
        actor=row.account_id,
        scope=SCOPES[row.scope],
        administrator=bool(found[-1]),
        how="token",
        id=from_bytes(row.id),
    ), row


def is_due(row: SignInRow | TokenRow, now: int) -> bool:
    """Whether its last use is to be noted again."""
    return row.used_at is None or not 0 <= now - row.used_at < USED_MS


def note_use(tx: Writing, row: SignInRow | TokenRow) -> None:
    row.used_at = tx.now
    columns = sealed(row)
    name = "door_use_sign_in" if isinstance(row, SignInRow) else "door_use_token"
    tx.run(name, id=row.id, used_at=row.used_at, guard=columns["guard"])


def count_accounts(tx: Reading) -> int:
    found = tx.row("door_count_accounts")
    return int(found[0]) if found else 0


def sign_out(tx: Writing, secret: str) -> None:
    tx.run("door_delete_sign_in", digest=digest_of(secret))


def find_account(tx: Reading, account_id: str) -> AccountRow | None:
    found = tx.row("door_find_account", id=account_id)
    return AccountRow(*found) if found else None


def find_external(tx: Reading, issuer: str, subject: str) -> AccountRow | None:
    """The account of somebody whom this provider has named before."""
    where, who = check_text(issuer, "issuer"), check_text(subject, "subject")
    found: Row | None = tx.row("door_find_identity", issuer=where, subject=who)
    return find_account(tx, found[0]) if found else None


def remember_external(tx: Writing, issuer: str, subject: str, account_id: str) -> None:
    columns: dict[str, Any] = sealed(IdentityRow(issuer, subject, account_id, tx.now))
    tx.run("door_insert_identity", **columns)
