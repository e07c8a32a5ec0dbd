"""Signing in with an OpenID provider: a real one, in a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from palaver import Invalid, Store
from palaver.server.sso import Flow, SignInFailed, _check_return, is_safe, own_page
from palaver.settings import SsoSettings, load
from tests.support import oidc
from tests.support.http import TEAM_ADDRESS, Team, team_server

BACK = f"{TEAM_ADDRESS}/api/auth/sso/id/callback"
BEGIN = "/api/auth/sso/id"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc.serve([BACK]) as issuer:
        yield issuer


def a_provider(issuer: str, **fields: Any) -> SsoSettings:
    return SsoSettings(
        **{"name": "id", "title": "The firm", "issuer": issuer, "client_id": "palaver", **fields}
    )


@pytest.fixture
def team(store: Store, tmp_path: Path, issuer: str) -> Iterator[Team]:
    """Its server takes those who are invited."""
    keep_secret(tmp_path)
    with team_server(store, tmp_path, sso=(a_provider(issuer, secret="FIRM"),)) as team:
        yield team


def keep_secret(folder: Path, secret: str = oidc.SECRET) -> None:
    path = folder / "credentials.toml"
    path.write_text(f'FIRM = "{secret}"\n')
    path.chmod(0o600)


def begin(team: Team, **query: str) -> str:
    """Where the browser is sent."""
    answer = team.client.get(BEGIN, params=query, follow_redirects=False)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def come_back(team: Team, address: str) -> str:
    """What the address at which the provider lets go of the browser leads to."""
    answer = team.client.get(address.removeprefix(TEAM_ADDRESS), follow_redirects=False)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_the_entrance_names_the_providers(team: Team) -> None:
    assert team.client.get("/api/auth").json()["providers"] == [{"name": "id", "title": "The firm"}]


def test_who_has_an_account_signs_in_and_goes_on_where_they_were(team: Team) -> None:
    ada = team.join("Ada")
    back = oidc.sign_in(begin(team, then="/c/1"), "ada")
    assert come_back(team, back) == "/c/1"
    assert team.client.get("/api/me").json()["actor"] == ada.id
    assert [each.user_agent for each in ada.accounts.list_sign_ins()] == ["testclient"]


def test_who_is_invited_gets_an_account(team: Team) -> None:
    team.accounts.create_invitation(email="new@example.org")
    assert come_back(team, oidc.sign_in(begin(team), "new")) == "/"
    account = team.client.get("/api/me").json()["account"]
    assert (account["name"], account["hasPassword"]) == ("new", False)


def test_an_invitation_that_names_nobody_comes_along(team: Team) -> None:
    code = team.accounts.create_invitation().secret
    assert come_back(team, oidc.sign_in(begin(team, code=code), "guest")) == "/"


@pytest.mark.parametrize(("name", "reason"), [("nobody", "uninvited"), ("unverified", "unverified")])
def test_who_is_not_welcome_is_told_why_and_not_signed_in(team: Team, name: str, reason: str) -> None:
    team.join("unverified")
    assert come_back(team, oidc.sign_in(begin(team), name)) == f"/sign-in#sso={reason}"
    assert team.client.get("/api/me").status_code == 401


def test_a_disabled_account_does_not_get_in(team: Team) -> None:
    ada = team.join("Ada")
    assert come_back(team, oidc.sign_in(begin(team), "ada")) == "/"
    team.accounts.update_account(ada.id, disabled=True)
    assert team.client.get("/api/me").status_code == 401
    assert come_back(team, oidc.sign_in(begin(team), "ada")) == "/sign-in#sso=disabled"


def test_where_all_may_come_everybody_gets_an_account(store: Store, tmp_path: Path, issuer: str) -> None:
    keep_secret(tmp_path)
    provider = a_provider(issuer, secret="FIRM", allow_new=True)
    with team_server(store, tmp_path, sso=(provider,)) as team:
        assert come_back(team, oidc.sign_in(begin(team), "anybody")) == "/"
        assert team.client.get("/api/me").json()["account"]["email"] == "anybody@example.org"


def test_who_changes_their_mind_at_the_provider_is_not_signed_in(team: Team) -> None:
    team.join("Ada")
    assert come_back(team, oidc.sign_in(begin(team), "ada", cancel=True)) == "/sign-in#sso=failed"


def test_what_comes_back_belongs_to_the_browser_that_began(team: Team) -> None:
    """A link that leads into somebody else's account, or a code that is used twice, opens nothing."""
    team.join("Ada")
    back = oidc.sign_in(begin(team), "ada")
    team.client.cookies.clear()
    assert come_back(team, back) == "/sign-in#sso=failed"
    begin(team)
    assert come_back(team, back) == "/sign-in#sso=failed"
    again = oidc.sign_in(begin(team), "ada")
    assert come_back(team, again) == "/"
    assert come_back(team, again) == "/sign-in#sso=failed"


def test_the_provider_is_asked_with_a_challenge_a_state_and_a_nonce(team: Team) -> None:
    asked = parse_qs(urlsplit(begin(team)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [BACK]
    assert asked["scope"] == ["openid email profile"]
    assert all(len(asked[name][0]) >= 40 for name in ("code_challenge", "state", "nonce"))
    others = parse_qs(urlsplit(begin(team)).query)
    assert all(asked[name] != others[name] for name in ("code_challenge", "state", "nonce"))


def test_with_a_wrong_secret_nobody_gets_in(store: Store, tmp_path: Path, issuer: str) -> None:
    keep_secret(tmp_path, "another")
    with team_server(store, tmp_path, sso=(a_provider(issuer, secret="FIRM"),)) as team:
        team.join("Ada")
        assert come_back(team, oidc.sign_in(begin(team), "ada")) == "/sign-in#sso=failed"


def test_a_provider_that_is_away_leads_back_to_the_sign_in(store: Store, tmp_path: Path) -> None:
    with team_server(store, tmp_path, sso=(a_provider("http://127.0.0.1:9"),)) as team:
        assert begin(team) == "/sign-in#sso=failed"


def test_a_provider_that_nobody_set_up_is_not_there(team: Team) -> None:
    for path in ("/api/auth/sso/other", "/api/auth/sso/other/callback"):
        assert team.client.get(path).status_code == 404


def test_a_secret_that_is_not_there_is_said_at_the_start(store: Store, tmp_path: Path, issuer: str) -> None:
    with (
        pytest.raises(Invalid, match="FIRM"),
        team_server(store, tmp_path, sso=(a_provider(issuer, secret="FIRM"),)),
    ):
        pass


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\nb", ""]
)
def test_one_goes_on_at_no_other_server(path: str) -> None:
    assert own_page(path) == "/"


@pytest.mark.parametrize(
    "brought",
    [
        {},
        {"state": "other", "code": "x"},
        {"state": "é", "code": "x"},
        {"state": "s", "iss": "https://other.example", "code": "x"},
        {"state": "s", "error": "access_denied"},
    ],
)
def test_what_does_not_fit_the_sign_in_fails(brought: dict[str, str]) -> None:
    flow = Flow(name="id", state="s", nonce="n", verifier="v", then="/", code=None, ends_at=1 << 40)
    with pytest.raises(SignInFailed):
        _check_return(flow, brought, "https://id.example")


def test_a_sign_in_that_took_too_long_fails() -> None:
    flow = Flow(name="id", state="s", nonce="n", verifier="v", then="/", code=None, ends_at=0)
    with pytest.raises(SignInFailed, match="too long"):
        _check_return(flow, {"state": "s"}, "https://id.example")


def test_only_https_and_this_machine_are_safe() -> None:
    assert is_safe("https://id.example/keys")
    assert is_safe("http://127.0.0.1:8/keys")
    assert not is_safe("http://id.example/keys")


@pytest.mark.parametrize(
    "table",
    [
        'name = "a b"\nissuer = "https://x.example"',
        'name = "a"\nissuer = "http://x.example"',
        'name = "a"\nissuer = ""',
    ],
)
def test_a_provider_that_could_not_work_is_refused(tmp_path: Path, table: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[[sso]]\n{table}\nclient_id = "palaver"\n')
    with pytest.raises(Invalid, match="sso"):
        load(flags={}, environment={}, config=config)
