"""Which providers are found, whose keys are taken, and which of them is chosen."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from palaver.errors import Invalid
from palaver.providers.anthropic import AnthropicProvider
from palaver.providers.base import Provider
from palaver.providers.credentials import Keys, read_credentials
from palaver.providers.demo import DemoProvider
from palaver.providers.discover import LOCAL, choose, find_providers
from palaver.providers.ollama import OllamaProvider, address_of_host
from palaver.providers.openai import OpenAIProvider
from palaver.settings import ProviderKind, ProviderSettings, Settings
from tests.providers.asking import ask
from tests.support.scripted import ScriptedServer, whole

NOWHERE = Path("/nonexistent/credentials.toml")


def write_credentials(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "credentials.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def at(address: str, name: str = "local", kind: ProviderKind = "openai") -> ProviderSettings:
    """A place where a local server may be."""
    return ProviderSettings(name=name, kind=kind, address=address)


def names(providers: list[Provider]) -> list[str]:
    return [provider.name for provider in providers]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_with_nothing_found_the_demo_answers() -> None:
    [provider] = find_providers(Settings(), {}, NOWHERE, local=())
    assert isinstance(provider, DemoProvider)


def test_a_local_server_is_found_and_usable(server: ScriptedServer) -> None:
    server.will(*whole("here"))
    [provider] = find_providers(Settings(), {}, NOWHERE, local=[at(server.address + "/v1")])
    assert provider.name == "local"
    assert ask(provider)


def test_a_port_that_never_answers_holds_nothing_up(silent_port: int) -> None:
    began = time.monotonic()
    ports = [at(f"http://127.0.0.1:{silent_port}/v1", f"p{n}") for n in range(4)]
    [provider] = find_providers(Settings(), {}, NOWHERE, local=ports)
    assert provider.name == "demo"
    assert time.monotonic() - began < 2.5


def test_another_program_on_a_usual_port_is_no_provider(server: ScriptedServer) -> None:
    server.models = {"hello": "I am something else"}
    [provider] = find_providers(Settings(), {}, NOWHERE, local=[at(server.address)])
    assert provider.name == "demo"


def test_nothing_is_looked_for_where_discovery_is_off(server: ScriptedServer) -> None:
    found = find_providers(
        Settings(discover=False), {"OPENAI_API_KEY": "k"}, NOWHERE, local=[at(server.address)]
    )
    assert names(found) == ["demo"]


def test_configured_ones_come_first_and_keep_their_names(server: ScriptedServer) -> None:
    configured = ProviderSettings(name="openai", address="http://localhost:9/v1")
    found = find_providers(
        Settings(provider=(configured,)), {"OPENAI_API_KEY": "k"}, NOWHERE, local=[at(server.address)]
    )
    assert names(found) == ["openai", "local"]
    assert isinstance(found[0], OpenAIProvider)
    assert found[0].address == "http://localhost:9/v1"


def test_a_server_that_is_configured_is_not_found_again(server: ScriptedServer) -> None:
    configured = ProviderSettings(name="mine", address=server.address)
    found = find_providers(Settings(provider=(configured,)), {}, NOWHERE, local=[at(server.address + "/v1")])
    assert names(found) == ["mine"]


def test_the_environment_names_a_server(server: ScriptedServer) -> None:
    server.will(*whole("x"))
    environment = {"OPENAI_BASE_URL": server.address + "/v1", "OPENAI_API_KEY": "from-environment"}
    [provider] = find_providers(Settings(), environment, NOWHERE, local=())
    ask(provider)
    assert server.headers[0]["Authorization"] == "Bearer from-environment"


def test_a_key_is_taken_from_credentials(server: ScriptedServer, tmp_path: Path) -> None:
    server.will(*whole("x"))
    path = write_credentials(tmp_path, 'MY_KEY = "from-file"')
    configured = ProviderSettings(name="mine", address=server.address, key="MY_KEY")
    [provider] = find_providers(Settings(provider=(configured,)), {}, path, local=())
    ask(provider)
    assert server.headers[0]["Authorization"] == "Bearer from-file"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = write_credentials(tmp_path, 'MY_KEY = "from-file"')
    assert Keys({"MY_KEY": "from-environment"}, path).find("MY_KEY") == "from-environment"


def test_a_key_that_is_nowhere_is_named(tmp_path: Path) -> None:
    configured = ProviderSettings(name="mine", key="MY_KEY")
    with pytest.raises(Invalid, match="mine: the key MY_KEY"):
        find_providers(Settings(provider=(configured,)), {}, NOWHERE, local=())


@pytest.mark.skipif(os.name != "posix", reason="rights of this kind are POSIX's")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_credentials_others_may_read_are_refused(tmp_path: Path, mode: int) -> None:
    path = write_credentials(tmp_path, 'MY_KEY = "secret"', mode)
    with pytest.raises(Invalid, match=r"others may read it: run `chmod 600") as caught:
        read_credentials(path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ['MY_KEY = "secret', "MY_KEY = secret", "[MY_KEY]\nsecret = 1", "MY_KEY = 7"]
)
def test_damaged_credentials_are_refused_without_showing_them(tmp_path: Path, text: str) -> None:
    path = write_credentials(tmp_path, text)
    with pytest.raises(Invalid, match=str(path)) as caught:
        read_credentials(path)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("kind", "made", "usual"),
    [
        ("openai", OpenAIProvider, "https://api.openai.com/v1"),
        ("ollama", OllamaProvider, "http://127.0.0.1:11434"),
        ("anthropic", AnthropicProvider, "https://api.anthropic.com/v1"),
    ],
)
def test_each_kind_has_its_protocol_and_its_usual_address(
    kind: ProviderKind, made: type[OpenAIProvider | OllamaProvider | AnthropicProvider], usual: str
) -> None:
    configured = ProviderSettings(name="mine", kind=kind, model="favourite")
    [provider] = find_providers(Settings(provider=(configured,)), {}, NOWHERE, local=())
    assert isinstance(provider, made)
    assert (provider.name, provider.address, provider.default_model) == ("mine", usual, "favourite")


def test_the_usual_port_of_ollama_is_asked_in_its_own_protocol(server: ScriptedServer) -> None:
    assert (LOCAL[0].name, LOCAL[0].kind, LOCAL[0].address) == (
        "ollama",
        "ollama",
        "http://127.0.0.1:11434",
    )
    server.models = {"models": [{"model": "gemma3:4b"}]}
    [provider] = find_providers(Settings(), {}, NOWHERE, local=[at(server.address, "ollama", "ollama")])
    assert isinstance(provider, OllamaProvider)
    assert choose([provider]) == (provider, "gemma3:4b")


def test_the_environment_names_anthropic_and_ollama() -> None:
    environment = {
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "OLLAMA_HOST": "box:8000",
    }
    anthropic, ollama = find_providers(Settings(), environment, NOWHERE, local=())
    assert isinstance(anthropic, AnthropicProvider)
    assert (anthropic.name, anthropic.address) == ("anthropic", "http://127.0.0.1:9/v1")
    assert isinstance(ollama, OllamaProvider)
    assert (ollama.name, ollama.address) == ("ollama", "http://box:8000")


def test_one_server_is_found_once_whatever_it_speaks(server: ScriptedServer) -> None:
    configured = ProviderSettings(name="mine", address=server.address.replace("127.0.0.1", "localhost"))
    found = find_providers(
        Settings(provider=(configured,)), {}, NOWHERE, local=[at(server.address, "ollama", "ollama")]
    )
    assert names(found) == ["mine"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 (a text; nothing is opened)
        (":9000", "http://127.0.0.1:9000"),
        ("box", "http://box:11434"),
        ("http://box:8000/", "http://box:8000/"),
        ("http://box", "http://box:80"),
        ("https://box/behind", "https://box:443/behind"),
        ("[::]:5000", "http://[::1]:5000"),
        ("[::1]", "http://[::1]:11434"),
    ],
)
def test_what_ollama_host_means(host: str, address: str) -> None:
    assert address_of_host(host) == address


def test_the_first_provider_is_chosen_where_nothing_is_asked_for(provider: OpenAIProvider) -> None:
    assert choose([provider, DemoProvider()]) == (provider, "scripted")


def test_a_model_is_found_at_the_provider_that_has_it(provider: OpenAIProvider) -> None:
    demo = DemoProvider()
    assert choose([provider, demo], "demo") == (demo, "demo")
    assert choose([demo, provider], "scripted") == (provider, "scripted")


def test_a_provider_may_be_named_before_the_model(provider: OpenAIProvider) -> None:
    assert choose([DemoProvider(), provider], "scripted/anything/at-all") == (provider, "anything/at-all")


def test_a_provider_that_is_away_does_not_hide_the_others(provider: OpenAIProvider) -> None:
    away = OpenAIProvider("away", "http://127.0.0.1:9")
    assert choose([away, provider], "scripted") == (provider, "scripted")


def test_a_model_nobody_has_is_refused_with_what_there_is(provider: OpenAIProvider) -> None:
    with pytest.raises(
        Invalid, match=r"no provider has the model 'gemma3:4b' now; there are: demo, scripted"
    ):
        choose([DemoProvider(), provider], "gemma3:4b")


def test_a_provider_nobody_knows_is_refused_with_what_there_is() -> None:
    with pytest.raises(Invalid, match="no provider is called 'other'; there are: demo"):
        choose([DemoProvider()], "x", "other")


def test_the_model_configured_for_a_provider_is_its_first(server: ScriptedServer) -> None:
    provider = OpenAIProvider("mine", server.address, default_model="favourite")
    assert choose([provider]) == (provider, "favourite")


def test_a_model_that_answers_no_chat_is_not_the_first(
    server: ScriptedServer, provider: OpenAIProvider
) -> None:
    server.models = {"data": [{"id": "text-embedding-3"}, {"id": "whisper-1"}, {"id": "gpt-6"}]}
    assert choose([provider]) == (provider, "gpt-6")


def test_providers_are_looked_for_at_the_same_time(silent_port: int) -> None:
    before = threading.active_count()
    find_providers(
        Settings(), {}, NOWHERE, local=[at(f"http://127.0.0.1:{silent_port}/v1", str(n)) for n in range(3)]
    )
    assert threading.active_count() == before
