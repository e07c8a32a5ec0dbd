"""Settings: flags over environment over `config.toml` over defaults."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from palaver import Invalid, Unavailable, locations, settings
from palaver.settings import Settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(
    config: Path, *, flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    return settings.load(flags=flags or {}, environment=environment or {}, config=config)


def test_without_anything_the_defaults_hold(config: Path) -> None:
    assert load(config) == Settings()


def test_the_file_overrides_the_defaults(config: Path) -> None:
    config.write_text('model = "from file"\nmax_sessions = 3\n')
    assert load(config) == Settings(model="from file", max_sessions=3)


def test_the_environment_overrides_the_file(config: Path) -> None:
    config.write_text('model = "from file"\nactor = "file"\n')
    found = load(config, environment={"PALAVER_MODEL": "from environment"})
    assert (found.model, found.actor) == ("from environment", "file")


def test_a_flag_overrides_the_environment(config: Path) -> None:
    found = load(
        config,
        flags={"model": "flag", "actor": None},
        environment={"PALAVER_MODEL": "e", "PALAVER_ACTOR": "e"},
    )
    assert (found.model, found.actor) == ("flag", "e")


def test_a_variable_is_read_as_its_settings_type(config: Path) -> None:
    found = load(config, environment={"PALAVER_MAX_SESSIONS": "7", "PALAVER_AUTO_TITLE": "false"})
    assert (found.max_sessions, found.auto_title) == (7, False)


def test_an_empty_variable_is_no_setting(config: Path) -> None:
    assert load(config, environment={"PALAVER_MODEL": "", "PALAVER_MAX_SESSIONS": ""}) == Settings()


def test_other_variables_are_left_alone(config: Path) -> None:
    assert load(config, environment={"MODEL": "x", "PALAVER_UNKNOWN": "x"}) == Settings()


def test_providers_stand_in_tables(config: Path) -> None:
    config.write_text('[[provider]]\nname = "box"\naddress = "http://localhost:8080/v1"\n')
    (provider,) = load(config).provider
    assert (provider.name, provider.kind, provider.address) == ("box", "openai", "http://localhost:8080/v1")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("model = ", "config.toml"),
        ("no_such_setting = 1", "no_such_setting"),
        ("max_sessions = 'many'", "max_sessions"),
        ("max_sessions = 0", "max_sessions"),
        ("backup_keep = -1", "backup_keep"),
        ("[[provider]]\nkind = 'openai'", "name"),
        ("[[provider]]\nname = 'x'\nkind = 'magic'", "magic"),
        ("[[provider]]\nname = 'x'\nsecret = 'y'", "secret"),
    ],
)
def test_a_bad_file_is_invalid_and_the_field_is_named(config: Path, text: str, named: str) -> None:
    config.write_text(text)
    with pytest.raises(Invalid, match=named):
        load(config)


def test_a_wrong_key_of_a_table_is_told_in_the_words_of_the_file(config: Path) -> None:
    config.write_text("[[mode]]\nname = 'plan'\n[[mode]]\nname = 'code'\nprompt = 'x'\n")
    with pytest.raises(Invalid, match=r"\[\[mode\]\] number 2: there is no setting prompt"):
        load(config)


@pytest.mark.parametrize("text", ["many", "0", "-3", "1.5"])
def test_a_bad_variable_is_invalid_and_named(config: Path, text: str) -> None:
    with pytest.raises(Invalid, match=r"PALAVER_MAX_SESSIONS|max_sessions"):
        load(config, environment={"PALAVER_MAX_SESSIONS": text})


def test_a_bad_variable_is_told_apart_from_a_bad_file(config: Path) -> None:
    with pytest.raises(Invalid, match="PALAVER_CONTEXT_SIZE"):
        load(config, environment={"PALAVER_CONTEXT_SIZE": "big"})


def test_a_file_that_is_no_text_is_invalid(config: Path) -> None:
    config.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Invalid, match=r"config\.toml"):
        load(config)


def test_a_folder_in_the_files_place_is_reported(config: Path) -> None:
    config.mkdir()
    with pytest.raises(Unavailable, match="cannot be read"):
        load(config)


def test_default_places_are_in_the_users_home_and_not_made(home: Path) -> None:
    for place in (
        locations.database(),
        locations.config(),
        locations.credentials(),
        locations.chat_history(),
    ):
        assert place.is_relative_to(home)
        assert not place.parent.exists()


def test_modes_are_read_in_the_order_of_the_file(config: Path) -> None:
    config.write_text(
        '[[mode]]\nname = "plan"\nsystem_prompt = "Plan."\n[[mode]]\nname = "code"\ntools = []\n'
    )
    plan, code = load(config).mode
    assert (plan.name, plan.system_prompt, plan.tools) == ("plan", "Plan.", None)
    assert (code.name, code.tools) == ("code", ())


@pytest.mark.parametrize("name", ["", "two words", "default", "History"])
def test_a_mode_with_a_name_nobody_can_call_is_refused(config: Path, name: str) -> None:
    config.write_text(f'[[mode]]\nname = "{name}"\n')
    with pytest.raises(Invalid, match="a mode cannot be called"):
        load(config)


def test_two_modes_of_one_name_are_refused(config: Path) -> None:
    config.write_text('[[mode]]\nname = "plan"\n[[mode]]\nname = "Plan"\n')
    with pytest.raises(Invalid, match="two modes are called 'plan'"):
        load(config)


STDIO = '[[tool_server]]\nname = "files"\ncommand = "uvx"\nargs = ["mcp-files", "/home"]\nenv = { TOKEN = "${T}" }\n'
HTTP = '[[tool_server]]\nname = "wiki"\nurl = "https://u:pw@wiki.example/mcp?key=s3cret"\nheaders = { A = "s3cret" }\n'


def test_tool_servers_are_programs_or_addresses(config: Path) -> None:
    config.write_text(STDIO + HTTP + 'timeout = 5\nallow = "always"\n')
    files, wiki = load(config).tool_server
    assert (files.command, files.args, files.env) == ("uvx", ("mcp-files", "/home"), {"TOKEN": "${T}"})
    assert (files.timeout, files.allow) == (60.0, "ask")
    assert (wiki.url, wiki.timeout, wiki.allow) == (
        "https://u:pw@wiki.example/mcp?key=s3cret",
        5.0,
        "always",
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "either command"),
        ("command = 'x'\nurl = 'http://h/'", "either command"),
        ("command = ''", "not empty"),
        ("command = 'x'\nheaders = { A = 'b' }", "no headers"),
        ("url = 'http://h/'\nargs = ['x']", "no meaning"),
        ("url = 'ftp://h/'", "http://"),
        ("url = 'http://'", "http://"),
        ("command = 'x'\ntimeout = 0", "timeout"),
        ("command = 'x'\ntimeout = nan", "timeout"),
        ("command = 'x'\nallow = 'perhaps'", "perhaps"),
        ("command = 'x'\nsecret = 'y'", "secret"),
        ("command = 'x'\nargs = [1]", "args"),
        ('command = "x"\nenv = { A = "b\\nc" }', "one line"),
    ],
)
def test_a_tool_server_that_cannot_be_is_refused(config: Path, text: str, named: str) -> None:
    config.write_text(f'[[tool_server]]\nname = "box"\n{text}\n')
    with pytest.raises(Invalid, match=named):
        load(config)


@pytest.mark.parametrize("name", ["", "a b", "a__b", "_a", "a_", "1a", "ä", "x" * 33])
def test_a_tool_server_has_a_name_that_models_can_be_told(config: Path, name: str) -> None:
    config.write_text(f'[[tool_server]]\nname = "{name}"\ncommand = "x"\n')
    with pytest.raises(Invalid, match="cannot be called so"):
        load(config)


def test_two_tool_servers_of_one_name_are_refused(config: Path) -> None:
    config.write_text(STDIO + STDIO.replace("files", "Files", 1))
    with pytest.raises(Invalid, match="the name of another one"):
        load(config)


def test_what_may_be_secret_of_a_tool_server_is_not_shown(config: Path) -> None:
    config.write_text(STDIO + HTTP)
    servers = load(config).tool_server
    files, wiki = settings.printable(servers)
    assert files["env"] == {"TOKEN": "…"}
    assert (wiki["url"], wiki["headers"]) == ("https://wiki.example/mcp", {"A": "…"})
    assert "s3cret" not in repr(load(config))
