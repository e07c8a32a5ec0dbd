"""What belongs to no session: projects, preferences, files, changes."""

from hashlib import sha256

from palaver.ids import from_bytes
from palaver.storage.accounts.rows import (
    AccountRow,
    IdentityRow,
    InvitationRow,
    MemberRow,
    Row,
    SignInRow,
    TokenRow,
    guard_of,
)
from palaver.storage.checks.findings import Findings
from palaver.storage.rows import ProjectRow, preference_guard, project_guard, shown_id
from palaver.storage.transaction import Reading

_OF_ACCOUNTS: dict[str, tuple[str, type[Row]]] = {
    "verify_accounts": ("accounts", AccountRow),
    "verify_identities": ("identities", IdentityRow),
    "verify_members": ("members", MemberRow),
    "verify_invitations": ("invitations", InvitationRow),
    "verify_sign_ins": ("sign-ins", SignInRow),
    "verify_tokens": ("tokens", TokenRow),
}
"""By query: what is counted, and its columns."""


def check_projects(tx: Reading, found: Findings) -> None:
    """Each against its guard."""
    for columns in tx.iterate("verify_projects"):
        found.checked["projects"] += 1
        row = ProjectRow(*columns)
        if project_guard(row) != row.guard:
            found.add(
                "project_changed", from_bytes(row.id), "its name, owner or state is not as it was stored"
            )


def check_preferences(tx: Reading, found: Findings) -> None:
    """Each against its guard."""
    for actor, name, value, guard in tx.iterate("verify_preferences"):
        found.checked["preferences"] += 1
        if preference_guard(actor, name, value) != guard:
            what = "it is not as it was stored: put it anew"
            found.add("preference_changed", f"preference {name} of {actor}", what)


def check_accounts(tx: Reading, found: Findings) -> None:
    """All that accounts are made of, each against its guard."""
    for name, (noun, kind) in _OF_ACCOUNTS.items():
        for columns in tx.iterate(name):
            found.checked[noun] += 1
            if guard_of(kind(*columns)) != columns[-1]:
                what = "it is not as it was stored: give it anew"
                found.add("account_changed", f"{noun[:-1]} {shown_id(columns[0])}", what)


def check_files(tx: Reading, found: Findings) -> None:
    """Each against its SHA-256; in memory is one piece at a time."""
    for key, digest, size in tx.iterate("verify_files"):
        found.checked["files"] += 1
        content, length, number = sha256(), 0, 0
        for at, data in tx.iterate("verify_file_chunks", file=key):
            content.update(data)
            length += len(data)
            number += at == number
        if content.digest() != digest or length != size:
            what = (
                f"its content ({length} of {size} bytes) is not what was stored: bring it back from a backup"
            )
            found.add("file_changed", digest.hex(), what)


def check_changes(tx: Reading, found: Findings) -> None:
    """They are numbered without a gap."""
    counted = tx.row("verify_changes")
    if counted is None:
        return
    count, first, last = counted
    found.checked["changes"] += count
    if count and (first != 1 or last != count):
        found.add("change_missing", "change", f"{last - count} of {last} changes are not there")
