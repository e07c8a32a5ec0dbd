"""Verbs on one's own sign-ins and tokens."""

from datetime import datetime

from palaver.accounts import MAX_TOKENS, SCOPES, TOKEN_PREFIX, ApiToken, Issued, Scope, SignIn
from palaver.errors import Conflict, Invalid, NotFound
from palaver.ids import find_bytes, new_bytes
from palaver.model import Time, to_ms
from palaver.storage.accounts.rows import SignInRow, TokenRow, guard_of
from palaver.storage.accounts.secrets import digest_of, new_secret
from palaver.storage.transaction import Reading, Writing
from palaver.storage.verbs.titles import check_name

_HINT = len(TOKEN_PREFIX) + 4


def list_sign_ins(tx: Reading, now: int) -> list[SignIn]:
    return [SignInRow(*columns).value() for columns in tx.rows("list_sign_ins", actor=tx.actor, now=now)]


def revoke_sign_in(tx: Writing, sign_in_id: str) -> None:
    raw = find_bytes(sign_in_id)
    if raw is None or tx.row("delete_sign_in", id=raw, actor=tx.actor) is None:
        raise NotFound("sign-in", sign_in_id)


def create_token(tx: Writing, name: str, scope: Scope, expires_at: datetime | None) -> Issued:
    if scope not in SCOPES:
        raise Invalid(f"scope must be one of {', '.join(SCOPES)}, not {scope!r:.40}", field="scope")
    if len(tx.rows("list_tokens", actor=tx.actor)) >= MAX_TOKENS:
        raise Conflict(f"An account has at most {MAX_TOKENS} tokens: revoke one first")
    secret = new_secret(TOKEN_PREFIX)
    row = TokenRow(
        new_bytes(),
        tx.actor,
        digest_of(secret),
        check_name(name),
        SCOPES.index(scope),
        secret[:_HINT],
        tx.now,
        _check_end(expires_at, tx.now),
        None,
    )
    columns = {name: getattr(row, name) for name in TokenRow.__struct_fields__}
    tx.run("insert_token", **columns | {"actor": tx.actor, "guard": guard_of(row)})
    return Issued(row.value(), secret)


def _check_end(moment: datetime | None, now: int) -> int | None:
    if moment is None:
        return None
    try:
        end = to_ms(Time.of(moment))
    except (AttributeError, OverflowError, TypeError, ValueError) as exc:
        raise Invalid("expires_at must be a time", field="expires_at") from exc
    if end <= now:
        raise Invalid("expires_at must be in the future", field="expires_at")
    return end


def list_tokens(tx: Reading) -> list[ApiToken]:
    return [TokenRow(*columns).value() for columns in tx.rows("list_tokens", actor=tx.actor)]


def revoke_token(tx: Writing, token_id: str) -> None:
    raw = find_bytes(token_id)
    if raw is None or tx.row("delete_token", id=raw, actor=tx.actor) is None:
        raise NotFound("token", token_id)
