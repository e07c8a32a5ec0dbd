"""The models of all providers: which there are, which is meant, what each takes."""

import logging
from collections.abc import Sequence

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
        self._known: dict[tuple[str, str], ModelInfo] = {}

    def find(self, provider: Provider, model: str) -> ModelInfo | None:
        """None while its server cannot be asked: that the question fails tells why."""
        key = (provider.name, model)
        if key not in self._known:
            try:
                self._known[key] = provider.describe(model)
            except ProviderError as exc:
                _log.info("%s does not describe %s: %s", provider.name, model, exc.message)
                return None
        return self._known[key]


class Models:
    """`default` is the configured model. A choice that was made once stands; safe from any thread."""

    def __init__(self, providers: Sequence[Provider], default: str | None) -> None:
        self._providers = tuple(providers)
        self._default = default
        self._chosen: dict[tuple[str | None, str | None], Chosen] = {}
        self.descriptions = Descriptions()

    def list(self) -> list[ModelInfo]:
        """The models of every provider that answers now."""
        found: list[ModelInfo] = []
        for provider in self._providers:
            try:
                found += provider.list_models()
            except ProviderError as exc:
                _log.info("%s is left out of the models: %s", provider.name, exc.message)
        return found

    def choose(self, model: str | None) -> Chosen:
        """What "name" or "provider/name" means. Raises `Invalid` and `ProviderError`."""
        return choose(self._providers, model)

    def choose_for(self, session: Session, model: str | None) -> Chosen:
        """The model asked for, else the session's, else the configured one."""
        named = {provider.name for provider in self._providers}
        own = session.provider if model is None and session.provider in named else None
        asked = (model or session.model or self._default, own)
        if asked not in self._chosen:
            self._chosen[asked] = choose(self._providers, *asked)
        return self._chosen[asked]

    def describe(self, chosen: Chosen) -> ModelInfo | None:
        """What the model takes; None where its provider does not answer now."""
        return self.descriptions.find(*chosen)
