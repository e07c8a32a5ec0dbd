"""Signing in with OpenID providers: the authorization code flow with PKCE. Needs the extra `palaver[sso]`.

What a browser must bring back lies in a cookie of its own, so that any process of the server can take it.
"""

import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from palaver.errors import Invalid
from palaver.providers.credentials import Keys
from palaver.settings import SsoSettings

FLOW_SECONDS = 600
_KNOWN_SECONDS = 3600.0
_TIMEOUT = 15.0
_LEEWAY = 60
_ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Signatures by a key that the provider alone has: none that a client could have made."""


class SignInFailed(Exception):
    """The provider did not vouch for anybody; the text is for the log, and holds nothing secret."""


class Flow(msgspec.Struct, frozen=True):
    """A sign-in under way, as its browser keeps it. `then` is the page to go on with, `code` an invitation's."""

    name: str
    state: str
    nonce: str
    verifier: str
    then: str
    code: str | None
    ends_at: int


class Vouched(msgspec.Struct, frozen=True):
    """Whom the provider has named."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str


class OpenId:
    """One provider. What it says of itself is asked once an hour, and its keys again when one is not known."""

    def __init__(self, settings: SsoSettings, secret: str | None, client: httpx2.AsyncClient) -> None:
        self.settings = settings
        self._secret = secret
        self._client = client
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._known_until = 0.0

    async def begin(self, redirect_uri: str, *, then: str = "/", code: str | None = None) -> tuple[str, Flow]:
        """Where to send the browser, and what it keeps meanwhile. Raises `SignInFailed`."""
        metadata = await self._learn()
        flow = Flow(
            name=self.settings.name,
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            then=own_page(then),
            code=code,
            ends_at=int(time.time()) + FLOW_SECONDS,
        )
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid email profile",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": create_s256_code_challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        address = str(metadata["authorization_endpoint"])
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}", flow

    async def finish(self, flow: Flow, brought: Mapping[str, str], redirect_uri: str) -> Vouched:
        """What the browser has `brought` back, made good at the provider. Raises `SignInFailed`."""
        _check_return(flow, brought, self.settings.issuer)
        tokens = await self._exchange(brought.get("code", ""), flow.verifier, redirect_uri)
        claims = await self._verify(tokens, flow.nonce)
        return await self._vouched(claims, tokens)

    async def _exchange(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        metadata = await self._learn()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        id, secret = self.settings.client_id, self._secret
        ways = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if secret is not None and "client_secret_basic" in ways:
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            auth = httpx2.BasicAuth(*(urlencode({"": part})[1:] for part in (id, secret)))
            return await self._ask("POST", metadata["token_endpoint"], data=form, auth=auth)
        form["client_id"] = id
        if secret is not None:
            form["client_secret"] = secret
        return await self._ask("POST", metadata["token_endpoint"], data=form)

    async def _verify(self, tokens: Mapping[str, Any], nonce: str) -> CodeIDToken:
        """The claims of the ID token, once its signature and all that it is for fit."""
        try:
            token = await self._decode(str(tokens["id_token"]))
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.settings.issuer},
                    "aud": {"essential": True, "value": self.settings.client_id},
                    "sub": {"essential": True},
                },
                {
                    "nonce": nonce,
                    "client_id": self.settings.client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(leeway=_LEEWAY)
        except (JoseError, KeyError, ValueError) as exc:
            raise SignInFailed(f"its ID token does not hold: {exc}") from exc
        return claims

    async def _decode(self, text: str) -> jwt.Token:
        try:
            return jwt.decode(text, await self._find_keys(), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            # It may have changed its keys since they were asked for.
            self._keys = None
            return jwt.decode(text, await self._find_keys(), algorithms=_ALGORITHMS)

    async def _vouched(self, claims: Mapping[str, Any], tokens: Mapping[str, Any]) -> Vouched:
        known = dict(claims)
        address = (await self._learn()).get("userinfo_endpoint")
        if "email" not in known and address and "access_token" in tokens:
            more = await self._ask(
                "GET", address, headers={"Authorization": f"Bearer {tokens['access_token']}"}
            )
            if more.get("sub") != known["sub"]:
                raise SignInFailed("it tells of somebody else than its ID token does")
            known = {**more, **known}
        return Vouched(
            issuer=self.settings.issuer,
            subject=str(known["sub"]),
            email=str(known.get("email") or ""),
            email_verified=known.get("email_verified") in (True, "true"),
            name=str(known.get("name") or known.get("preferred_username") or ""),
        )

    async def _learn(self) -> dict[str, Any]:
        if time.monotonic() < self._known_until:
            return self._metadata
        found = await self._ask("GET", f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.settings.issuer:
            raise SignInFailed(
                f"it calls itself {found.get('issuer')!r:.200} and not {self.settings.issuer!r}"
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not is_safe(str(found.get(name, ""))):
                raise SignInFailed(f"its {name} is no address with https")
        self._metadata, self._keys = found, None
        self._known_until = time.monotonic() + _KNOWN_SECONDS
        return found

    async def _find_keys(self) -> KeySet:
        if self._keys is None:
            found = await self._ask("GET", (await self._learn())["jwks_uri"])
            self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
        return self._keys

    async def _ask(self, method: str, address: str, **sent: Any) -> dict[str, Any]:
        """An object of JSON. What was sent is in no error."""
        try:
            response = await self._client.request(method, address, **sent)
            found = response.json() if response.is_success else None
        except (httpx2.HTTPError, ValueError) as exc:
            raise SignInFailed(f"{address} cannot be reached or understood ({type(exc).__name__})") from exc
        if not isinstance(found, dict):
            raise SignInFailed(f"{address} answered {response.status_code}")
        return found


class SingleSignOn:
    """The providers of the settings, by name."""

    def __init__(self, providers: Sequence[SsoSettings], keys: Keys) -> None:
        self._client = httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)
        self._providers = {one.name: OpenId(one, _secret_of(one, keys), self._client) for one in providers}

    def find(self, name: str) -> OpenId | None:
        return self._providers.get(name)

    def list(self) -> Sequence[SsoSettings]:
        return [one.settings for one in self._providers.values()]

    async def close(self) -> None:
        await self._client.aclose()


def _secret_of(settings: SsoSettings, keys: Keys) -> str | None:
    if settings.secret is None:
        return None
    found = keys.find(settings.secret)
    if found is None:
        raise Invalid(
            f"the secret of [[sso]] {settings.name} is not there: set {settings.secret} in the environment or in "
            "credentials.toml",
            field="sso",
        )
    return found


def _check_return(flow: Flow, brought: Mapping[str, str], issuer: str) -> None:
    """It is this browser's sign-in, in time, and the provider has said yes."""
    if not hmac.compare_digest(brought.get("state", "").encode(), flow.state.encode()):
        raise SignInFailed("what came back is not of a sign-in that was begun here")
    if time.time() > flow.ends_at:
        raise SignInFailed("it took too long")
    if brought.get("iss", issuer) != issuer:  # RFC 9207: a code of one provider is not brought to another
        raise SignInFailed("another provider answered")
    if "error" in brought:
        raise SignInFailed(f"it said {brought['error'][:100]!r}")


def own_page(path: str) -> str:
    """A path of this server; the front page for what could lead elsewhere."""
    safe = (
        path.startswith("/")
        and not path.startswith(("//", "/\\"))
        and path.isprintable()
        and "\\" not in path
    )
    return path if safe else "/"


def is_safe(address: str) -> bool:
    """Whether nobody on the way can read along: https, or this machine itself."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    )
