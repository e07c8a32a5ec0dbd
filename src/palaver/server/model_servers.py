"""The servers of models: which there are, found when they are first needed and again after a change."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from palaver import settings
from palaver.chat.engine import Engine
from palaver.chat.weighing import Line, Weighed, list_newest_lines, weigh
from palaver.errors import PalaverError
from palaver.model import Page, Session
from palaver.providers.absent import UNKNOWN, AbsentProvider
from palaver.providers.base import ModelInfo, Provider
from palaver.providers.credentials import Keys
from palaver.providers.discover import choose, find_providers
from palaver.server.places import Places
from palaver.settings import ProviderSettings, Settings
from palaver.store import Store

_AT_ONCE = 8


class ModelServers:
    """Looking takes up to a second, and each call may wait for a server: call all of it from a thread."""

    def __init__(self, chosen: Settings, places: Places) -> None:
        self._settings = chosen
        self._places = places
        self._lock = threading.Lock()
        self._found: Sequence[Provider] | None = None

    @property
    def configured(self) -> Sequence[ProviderSettings]:
        """Those of `config.toml` as it is now."""
        return settings.load(flags={}, environment={}, config=self._places.config).provider

    def find(self) -> Sequence[Provider]:
        """Those configured, those of the environment, local ones that answer; else the one that is built in."""
        with self._lock:
            if self._found is None:
                self._found = self._look()
            return self._found

    def key_of(self, provider: ProviderSettings) -> str | None:
        """The secret that a configured provider is spoken to with."""
        keys = Keys(self._places.environment, self._places.credentials)
        return keys.find(provider.key) if provider.key is not None else None

    def look_again(self) -> None:
        """Something has changed: find them anew when they are needed next."""
        with self._lock:
            self._found = None

    def _look(self) -> Sequence[Provider]:
        configured = self.configured if self._places.config.exists() else self._settings.provider
        chosen = msgspec.structs.replace(self._settings, provider=tuple(configured))
        return find_providers(chosen, self._places.environment, self._places.credentials)

    def list_models(self) -> list[ModelInfo]:
        """The models of every server that answers now."""
        return [model for models, _ in self.ask(self.find()) for model in models]

    def ask(self, providers: Sequence[Provider]) -> list[tuple[list[ModelInfo], str | None]]:
        """Of each its models, or why there are none; all are asked at the same time."""
        if not providers:
            return []
        with ThreadPoolExecutor(min(_AT_ONCE, len(providers))) as pool:
            return list(pool.map(_ask, providers))

    def weigh(
        self, store: Store, session: Session, *, limit: int, before: str | None
    ) -> tuple[Weighed, Page[Line]]:
        """What of a session would be sent: in numbers, and the lines of so many messages."""
        engine = Engine(store, [self._speaker(session)], settings=self._settings)
        try:
            view = engine.look(session.id)
            prompt = view.prompt()
        finally:
            engine.close()
        weighed = weigh(session, prompt, view.window, view.checkpoints)
        if not limit:
            return weighed, Page([])
        return weighed, list_newest_lines(
            store, session, prompt, view.checkpoints, limit=limit, before=before
        )

    def _speaker(self, session: Session) -> Provider:
        """Who can say most of the session's model; nobody has to answer for it."""
        model = session.model or self._settings.model
        try:
            real, chosen = choose(self.find(), model, session.provider)
        except PalaverError:
            real, chosen = None, model or UNKNOWN
        speaker = AbsentProvider(session.provider or (real.name if real else "none"), real)
        speaker.default_model = session.model or chosen
        return speaker


def _ask(provider: Provider) -> tuple[list[ModelInfo], str | None]:
    try:
        return provider.list_models(), None
    except PalaverError as exc:
        return [], exc.message
