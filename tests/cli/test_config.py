import json
from pathlib import Path

import pytest

from palaver.settings import NAMES
from tests.cli.conftest import Run


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('model = "from-file"\nbackup_keep = 9\n')
    monkeypatch.setenv("PALAVER_CONFIG", str(path))
    return path


def test_every_setting_is_shown_with_where_it_came_from(run: Run, config: Path) -> None:
    document = json.loads(run("config", "--json", "--actor", "ann").stdout)
    settings = document["settings"]
    assert set(settings) == set(NAMES)
    assert settings["model"] == {"value": "from-file", "source": str(config)}
    assert settings["store"]["source"] == "PALAVER_STORE"
    assert settings["actor"] == {"value": "ann", "source": "--actor"}
    assert settings["auto_title"] == {"value": True, "source": "default"}


def test_the_environment_wins_over_the_file(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALAVER_MODEL", "from-environment")
    model = json.loads(run("config", "--json").stdout)["settings"]["model"]
    assert model == {"value": "from-environment", "source": "PALAVER_MODEL"}


def test_the_path_is_printed_alone(run: Run, config: Path) -> None:
    assert run("config", "path").stdout == f"{config}\n"


def test_the_demo_model_is_what_is_found_where_nothing_else_is(run: Run) -> None:
    [provider] = json.loads(run("config", "providers", "--json").stdout)
    assert provider["name"] == "demo"
    assert provider["models"][0]["id"] == "demo"


def test_a_setting_that_does_not_exist_is_named(run: Run, config: Path) -> None:
    config.write_text("colour = 1\n")
    result = run("config")
    assert result.exit_code == 6
    assert "colour" in result.stderr


WRITTEN = """# what I like
model = "from-file"  # the best

[[provider]]
name = "here"  # in this room
address = "http://127.0.0.1:1"
"""


def test_a_setting_is_set_and_everything_else_stays(run: Run, config: Path) -> None:
    config.write_text(WRITTEN)
    assert run("config", "set", "model", "another").exit_code == 0
    assert config.read_text() == WRITTEN.replace('"from-file"', '"another"')
    assert run("config", "set", "max_sessions", "50").exit_code == 0
    assert run("config", "set", "discover", "false").exit_code == 0
    settings = json.loads(run("config", "--json").stdout)["settings"]
    assert (settings["max_sessions"]["value"], settings["model"]["value"]) == (50, "another")
    assert "# in this room" in config.read_text()


def test_an_empty_value_takes_a_setting_out(run: Run, config: Path) -> None:
    config.write_text(WRITTEN)
    assert run("config", "set", "model", "").exit_code == 0
    assert "from-file" not in config.read_text()
    assert json.loads(run("config", "--json").stdout)["settings"]["model"]["source"] == "default"
    assert run("config", "set", "model", "").exit_code == 0


def test_the_file_is_made_where_there_is_none(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config.parent / "new" / "config.toml"
    monkeypatch.setenv("PALAVER_CONFIG", str(path))
    assert run("config", "set", "system_prompt", 'Say "yes".\nOr no.').exit_code == 0
    shown = json.loads(run("config", "--json").stdout)["settings"]["system_prompt"]
    assert shown == {"value": 'Say "yes".\nOr no.', "source": str(path)}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("modle", "x", "did you mean model?"),
        ("max_sessions", "many", "max_sessions"),
        ("max_sessions", "0", "at least 1"),
        ("provider", "x", "write [[provider]]"),
    ],
)
def test_what_is_no_setting_is_refused_and_the_file_stays(
    run: Run, config: Path, name: str, value: str, why: str
) -> None:
    result = run("config", "set", name, value)
    assert result.exit_code == 6
    assert why in result.stderr
    assert config.read_text() == 'model = "from-file"\nbackup_keep = 9\n'


def test_a_file_that_is_no_toml_is_not_written_over(run: Run, config: Path) -> None:
    config.write_text("model = \n")
    assert run("config", "set", "model", "x").exit_code == 6
    assert config.read_text() == "model = \n"
    assert list(config.parent.glob(".config*")) == []


def test_a_link_to_the_file_stays_a_link_and_its_rights_stay(run: Run, config: Path) -> None:
    real = config.rename(config.parent / "dotfiles.toml")
    real.chmod(0o600)
    config.symlink_to(real)
    assert run("config", "set", "model", "x").exit_code == 0
    assert config.is_symlink()
    assert 'model = "x"' in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600


def test_what_goes_before_the_file_is_said(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALAVER_MODEL", "from-environment")
    assert "PALAVER_MODEL goes before it" in run("config", "set", "model", "x").stderr


@pytest.mark.parametrize("words", [("set",), ("set", "model"), ("path", "model"), ("show", "x", "y")])
def test_too_few_or_too_many_words_are_a_wrong_call(run: Run, config: Path, words: tuple[str, ...]) -> None:
    assert run("config", *words).exit_code == 2
