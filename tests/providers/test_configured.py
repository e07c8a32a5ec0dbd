"""Providers that a person adds and removes stand in config.toml, their keys in credentials.toml."""

from pathlib import Path

import pytest

from palaver import Invalid, settings
from palaver.providers.configured import add_provider, remove_provider
from palaver.providers.credentials import read_credentials
from palaver.settings import ProviderSettings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    return tmp_path / "credentials.toml"


def written(config: Path) -> tuple[ProviderSettings, ...]:
    return settings.load(flags={}, environment={}, config=config).provider


def a_provider(name: str = "workstation", **fields: str) -> ProviderSettings:
    return ProviderSettings(name=name, kind="ollama", **fields)


def test_a_provider_is_added_and_the_rest_of_the_file_stays(config: Path, credentials: Path) -> None:
    config.write_text('# mine\nmodel = "a"\n\n[[provider]]\nname = "first" # here\n')
    add_provider(config, credentials, a_provider(address="http://127.0.0.1:1"))
    assert [one.name for one in written(config)] == ["first", "workstation"]
    assert written(config)[1] == a_provider(address="http://127.0.0.1:1")
    assert config.read_text().startswith('# mine\nmodel = "a"\n\n[[provider]]\nname = "first" # here\n')
    assert not credentials.exists()


def test_one_of_the_same_name_is_replaced_and_keeps_its_key(config: Path, credentials: Path) -> None:
    add_provider(config, credentials, a_provider(), secret="sk-1")
    stored = add_provider(config, credentials, a_provider(model="m"))
    assert written(config) == (stored,)
    assert (stored.model, stored.key) == ("m", "WORKSTATION_KEY")
    assert read_credentials(credentials) == {"WORKSTATION_KEY": "sk-1"}


def test_keys_are_for_their_owner_alone(config: Path, credentials: Path) -> None:
    add_provider(config, credentials, a_provider("my-box.1"), secret="sk-1")
    assert credentials.stat().st_mode & 0o777 == 0o600
    assert "sk-1" not in config.read_text()
    assert read_credentials(credentials) == {"MY_BOX_1_KEY": "sk-1"}


@pytest.mark.parametrize(
    "before", ["", "provider = []\n", 'provider = [{name = "other"}]\n', "backup_keep = 3\n"]
)
def test_the_last_one_goes_without_a_trace(config: Path, credentials: Path, before: str) -> None:
    config.write_text(before)
    others = written(config)
    for _ in range(2):
        add_provider(config, credentials, a_provider(), secret="sk-1")
        assert written(config)[:-1] == others
        assert remove_provider(config, credentials, "workstation")
        assert written(config) == others
    assert read_credentials(credentials) == {}


def test_a_key_that_others_use_or_that_was_there_before_stays(config: Path, credentials: Path) -> None:
    config.write_text('[[provider]]\nname = "mine"\nkey = "SHARED"\n')
    credentials.write_text('SHARED = "sk-2"\n')
    credentials.chmod(0o600)
    assert remove_provider(config, credentials, "mine")
    assert read_credentials(credentials) == {"SHARED": "sk-2"}


def test_what_is_not_there_is_not_removed(config: Path, credentials: Path) -> None:
    assert not remove_provider(config, credentials, "none")
    assert not config.exists()
    config.write_text('[[provider]]\nname = "mine"\n')
    assert not remove_provider(config, credentials, "none")
    assert config.read_text() == '[[provider]]\nname = "mine"\n'


def test_a_file_that_is_wrong_is_left_as_it_is(config: Path, credentials: Path) -> None:
    config.write_text("nonsense = 1\n")
    with pytest.raises(Invalid):
        add_provider(config, credentials, a_provider())
    assert config.read_text() == "nonsense = 1\n"


@pytest.mark.parametrize("secret", ["", " ", "a\nb"])
def test_a_key_that_is_none_is_refused(config: Path, credentials: Path, secret: str) -> None:
    with pytest.raises(Invalid):
        add_provider(config, credentials, a_provider(), secret=secret)
    assert not config.exists()
