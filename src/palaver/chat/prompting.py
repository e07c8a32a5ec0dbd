"""What a session's model is sent, read from the store, and what a person should hear of it."""

import threading
from collections.abc import Sequence
from functools import cache

import msgspec

from palaver.chat.attachments import Attachments
from palaver.chat.backlog import Backlog
from palaver.chat.branches import branch
from palaver.chat.counting import Counters
from palaver.chat.models import Descriptions
from palaver.chat.modes import system_prompt_of
from palaver.context.attachments import Image
from palaver.context.prompt import Prompt, Strategy, build_prompt
from palaver.context.tokens import Counter
from palaver.context.tools import Tool
from palaver.context.units import Attach, Branch, Counts, Places, Reader, Unit, Weights
from palaver.context.window import WARNING_PERCENT, Window, choose_window, prompt_limit
from palaver.model import Checkpoint, File, Session, Text
from palaver.providers.base import Provider
from palaver.store import Head, Store

_COUNTS = 20_000


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A session's branch as one model would see it at this moment."""

    session: Session
    branch: Branch
    checkpoints: Sequence[Checkpoint]
    places: Places
    window: Window
    reserve: int
    strategy: Strategy
    tools: Sequence[Tool]
    counter: Counter
    attach: Attach
    counts: Counts

    @property
    def limit(self) -> int:
        return prompt_limit(self.window.size, self.reserve)

    @property
    def weights(self) -> Weights:
        return Weights(self.counter, self.attach, self.counts)

    def reader(self) -> Reader:
        """The branch from its end, with its checkpoints."""
        return Reader(self.branch, self.checkpoints, self.weights, self.places)

    def landmarks(self) -> list[Unit | Checkpoint]:
        """The same, read no further than to the oldest checkpoint."""
        read: list[Unit | Checkpoint] = []
        missing = len(self.checkpoints)
        for item in self.reader().read() if missing else ():
            read.append(item)
            missing -= isinstance(item, Checkpoint)
            if not missing:
                break
        return read

    def prompt(self) -> Prompt:
        """Raises `ContextOverflow`, and what the store raises."""
        return build_prompt(
            self.branch,
            window=self.window.size,
            reserve=self.reserve,
            system_prompt=system_prompt_of(self.session),
            checkpoints=self.checkpoints,
            tools=self.tools,
            strategy=self.strategy,
            counter=self.counter,
            attach=self.attach,
            counts=self.counts,
            places=self.places,
        )


class Prompter:
    """Builds prompts, and says each thing once: that the window is a guess, that a session fills it or is over it.

    Safe from any thread.
    """

    def __init__(
        self,
        store: Store,
        backlog: Backlog,
        *,
        counters: Counters | None = None,
        attachments: Attachments | None = None,
        descriptions: Descriptions | None = None,
    ) -> None:
        self._store = store
        self._backlog = backlog
        self.counters = counters or Counters(store)
        self._attachments = attachments or Attachments(store)
        self._lock = threading.Lock()
        self.descriptions = descriptions or Descriptions()
        self._counts: dict[tuple[str, str], tuple[Counter, Counts]] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._guessed: set[tuple[str, str]] = set()
        self._levels: dict[str, int] = {}

    def build(
        self,
        session: Session,
        leaf_id: str | None | Head,
        provider: Provider,
        model: str,
        *,
        tools: Sequence[Tool] = (),
    ) -> Prompt:
        """The prompt for the branch that ends in `leaf_id`, whether it is saved yet or not.

        Raises `ContextOverflow`, and what the store raises.
        """
        return self.look(session, leaf_id, provider, model, tools=tools).prompt()

    def look(
        self,
        session: Session,
        leaf_id: str | None | Head,
        provider: Provider,
        model: str,
        *,
        tools: Sequence[Tool] = (),
    ) -> View:
        """The same before the prompt is built."""
        stored_id, unsaved = self._backlog.chain(session.id, leaf_id)
        counter = self.counters.of(provider.name, model)
        checkpoints = self._store.list_checkpoints(session.id, leaf_id=stored_id)
        places = self._find_places(checkpoints)
        return View(
            session=session,
            branch=branch(self._store, session.id, stored_id, unsaved),
            # As their messages lie on the branch: an aged one is newer than those behind it.
            checkpoints=sorted(checkpoints, key=lambda checkpoint: places[checkpoint.id]),
            places=places,
            window=self._choose_window(session, provider, model),
            reserve=_reserve(session),
            strategy=_strategy(session),
            tools=tools,
            counter=counter,
            attach=self._attaching(provider, model),
            counts=self._counted(provider.name, model, counter),
        )

    def warn(self, view: View, prompt: Prompt, provider: Provider, model: str) -> str | None:
        """What a person has not heard yet of the prompt that goes out."""
        said = (
            self._guess_warning(view.window, provider, model),
            self._fill_warning(view.session.id, prompt),
        )
        return " ".join(filter(None, said)) or None

    def _find_places(self, checkpoints: Sequence[Checkpoint]) -> Places:
        """Where on the branch they lie; kept, as neither they nor positions ever change."""
        if len(self._places) > _COUNTS:
            self._places = {}
        places = self._places
        for checkpoint in checkpoints:
            if checkpoint.id not in places:
                first, last = map(self._store.get_message, (checkpoint.from_id, checkpoint.through_id))
                places[checkpoint.id] = (first.position, last.position)
        return places

    def _attaching(self, provider: Provider, model: str) -> Attach:
        """Asks what the model takes at the first file, and once: its server may be slow to say that it cannot."""
        info = cache(lambda: self.descriptions.find(provider, model))

        def attach(file: File) -> Text | Image | None:
            return self._attachments.load_for(info())(file)

        return attach

    def _choose_window(self, session: Session, provider: Provider, model: str) -> Window:
        info = self.descriptions.find(provider, model) if session.context_size is None else None
        return choose_window(session.context_size, info.window if info else None)

    def _counted(self, provider: str, model: str, counter: Counter) -> Counts:
        """What this very counter has counted: a message never changes, a counter does when it has learnt."""
        with self._lock:
            known, counts = self._counts.get((provider, model), (None, {}))
            if known is not counter or len(counts) > _COUNTS:
                counts = {}
                self._counts[provider, model] = (counter, counts)
            return counts

    def _guess_warning(self, window: Window, provider: Provider, model: str) -> str | None:
        key = (provider.name, model)
        if window.source != "default" or key in self._guessed:
            return None
        self._guessed.add(key)
        return (
            f"{provider.name} does not say how much {model} can be sent: {window.size} tokens are assumed. "
            "Set another number with /context size N."
        )

    def _fill_warning(self, session_id: str, prompt: Prompt) -> str | None:
        """Once per crossing: at 70 % of what the messages may take, and when older ones no longer fit."""
        filled = prompt.used * 100 >= prompt.budget * WARNING_PERCENT
        level = 2 if prompt.truncated else 1 if filled else 0
        before = self._levels.get(session_id, 0)
        self._levels[session_id] = level
        if level <= before:
            return None
        numbers = f"{prompt.tokens} of the {prompt.limit} tokens that can be sent"
        if level == 2:
            return f"Older messages are no longer sent: the newest ones take {numbers}."
        return f"The conversation takes {numbers}."


def _reserve(session: Session) -> int:
    wanted = session.settings.get("max_tokens")
    return wanted if isinstance(wanted, int) and wanted > 0 else 0


def _strategy(session: Session) -> Strategy:
    settings = session.settings
    named = settings.get("context_strategy", settings.get("contextStrategy"))
    return "truncate" if named == "truncate" else "summarise"
