"""A provider that does not answer now, or was never found: its models are known by name at most."""

from typing import NoReturn

from palaver.errors import ProviderError
from palaver.providers.base import ModelInfo, Provider, Request
from palaver.providers.hosted import completed

UNKNOWN = "unknown"
"""The model where none was ever chosen."""


class AbsentProvider:
    """Says what `real` says of a model, and what is known of the model where that does not answer or is None."""

    def __init__(self, name: str, real: Provider | None = None) -> None:
        self.name = name
        self.default_model: str | None = (real.default_model if real else None) or UNKNOWN
        self._real = real

    def list_models(self) -> list[ModelInfo]:
        return []

    def describe(self, model: str) -> ModelInfo:
        try:
            found = self._real.describe(model) if self._real else None
        except ProviderError:
            found = None
        return completed(found or ModelInfo(id=model, provider=self.name))

    def stream(self, request: Request) -> NoReturn:
        raise ProviderError(f"{self.name} is not there, so {request.model} cannot answer")
