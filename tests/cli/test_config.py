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
