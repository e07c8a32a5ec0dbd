"""The models of all providers: which there are, which is meant, what each takes."""

import logging
from collections.abc import Callable, Sequence

from palaver.errors import ProviderError
from palaver.model import Session
from palaver.providers.base import ModelInfo, Provider
from palaver.providers.discover import choose

_log = logging.getLogger(__name__)

Chosen = tuple[Provider, str]
"""A provider and the name of one of its models."""


class Descriptions:
    """What models take, each asked of its provider once. Safe from any thread."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], ModelInfo] = {}

    def find(self, provider: Provider, model: str) -> ModelInfo | None:
        """None while its server cannot be asked: that the question fails tells why."""
        key = (provider.name, model)
        if key not in self.known:
            try:
                self.known[key] = provider.describe(model)
            except ProviderError as exc:
                _log.info("%s does not describe %s: %s", provider.name, model, exc.message)
                return None
        return self.known[key]


Providers = Sequence[Provider] | Callable[[], Sequence[Provider]]
"""Those there are, or what finds them; other ones are another sequence."""


class Models:
    """`default` is the configured model. A choice that was made once stands until the providers change.

    Safe from any thread.
    """

    def __init__(self, providers: Providers, default: str | None) -> None:
        self._find = providers if callable(providers) else lambda: providers
        self._found: Sequence[Provider] = ()
        self._default = default
        self._chosen: dict[tuple[str | None, str | None], Chosen] = {}
        self.descriptions = Descriptions()

    @property
    def providers(self) -> Sequence[Provider]:
        found = self._find()
        if found is not self._found:
            self._found, self._chosen, self.descriptions.known = found, {}, {}
        return found

    def list(self) -> list[ModelInfo]:
        """The models of every provider that answers now."""
        found: list[ModelInfo] = []
        for provider in self.providers:
            try:
                found += provider.list_models()
            except ProviderError as exc:
                _log.info("%s is left out of the models: %s", provider.name, exc.message)
        return found

    def choose(self, model: str | None) -> Chosen:
        """What "name" or "provider/name" means. Raises `Invalid` and `ProviderError`."""
        return choose(self.providers, model)

    def choose_default(self, model: str | None) -> Chosen:
        """The same, and for None the configured model. Chosen once."""
        providers = self.providers
        asked = (model or self._default, None)
        if asked not in self._chosen:
            self._chosen[asked] = choose(providers, *asked)
        return self._chosen[asked]

    def choose_for(self, session: Session, model: str | None) -> Chosen:
        """The model asked for, else the session's, else the configured one."""
        providers = self.providers
        named = {provider.name for provider in providers}
        own = session.provider if model is None and session.provider in named else None
        asked = (model or session.model or self._default, own)
        if asked not in self._chosen:
            self._chosen[asked] = choose(providers, *asked)
        return self._chosen[asked]

    def describe(self, chosen: Chosen) -> ModelInfo | None:
        """What the model takes; None where its provider does not answer now."""
        return self.descriptions.find(*chosen)
