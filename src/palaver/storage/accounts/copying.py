"""Accounts with what they sign in by, their tokens and their memberships, from one database into another.

Sign-ins and invitations stay behind: they are of a server that people have reached at its own address.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from palaver.storage.accounts.rows import AccountRow, IdentityRow, MemberRow, TokenRow, sealed
from palaver.storage.transaction import Reading, Writing
from palaver.storage.verbs.kinds import PROJECT_CHANGED

Memberships = list[tuple[bytes, MemberRow]]
"""With the project's id: its key is another in the other database."""


class People:
    """What there is of them at the source, and what became of it. `differs` is told of what could not come in."""

    def __init__(self, source: Reading, differs: Callable[[str], None]) -> None:
        self.added: Counter[str] = Counter()
        self.present: Counter[str] = Counter()
        self._differs = differs
        self._accounts = [AccountRow(*row) for row in source.rows("verify_accounts")]
        self._identities = [IdentityRow(*row) for row in source.rows("verify_identities")]
        self._tokens = [TokenRow(*row) for row in source.rows("verify_tokens")]
        projects = {key: id for key, id, _ in source.rows("list_visible_projects", actor=source.actor)}
        members = (MemberRow(*row) for row in source.rows("verify_members"))
        self._members = [(projects[row.project_key], row) for row in members if row.project_key in projects]

    def bring_accounts(self, tx: Writing) -> None:
        for account in self._accounts:
            there = tx.row("account_exists", id=account.id) is not None
            if not there and tx.row("door_insert_account", **sealed(account)) is None:
                self._differs(
                    f"account {account.id} ({account.name}): its address belongs to another account"
                )
                continue
            self._count("account", added=not there)
        for identity in self._identities:
            if tx.row("account_exists", id=identity.account_id) is not None:
                tx.run("door_insert_identity", **sealed(identity))
        for token in self._tokens:
            self._token(tx, token)

    def bring_members(self, tx: Writing, homes: Mapping[bytes, bytes]) -> None:
        """`homes` are the projects' ids in the target by those at the source."""
        for id, member in self._members:
            found = tx.row("find_project", id=homes.get(id, id), actor=tx.actor)
            if found is None or tx.row("account_exists", id=member.actor) is None:
                continue
            member.project_key = found[0]
            there = (
                tx.row("find_member", project=member.project_key, member=member.actor, actor=tx.actor)
                is not None
            )
            if not there:
                row = sealed(member)
                tx.run(
                    "put_member",
                    project=member.project_key,
                    member=member.actor,
                    role=member.role,
                    added_at=member.added_at,
                    guard=row["guard"],
                )
                tx.mark(PROJECT_CHANGED, -member.project_key)
            self._count("member", added=not there)

    def _token(self, tx: Writing, token: TokenRow) -> None:
        if tx.row("account_exists", id=token.account_id) is None:
            return
        before, tx.actor = tx.actor, token.account_id  # whoever the token is of, makes it
        try:
            known = {row[0] for row in tx.rows("list_tokens", actor=tx.actor)}
            if token.id not in known:
                tx.run("insert_token", actor=tx.actor, **sealed(token))
        finally:
            tx.actor = before
        self._count("token", added=token.id not in known)

    def _count(self, kind: str, *, added: bool) -> None:
        (self.added if added else self.present)[kind] += 1
