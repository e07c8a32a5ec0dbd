"""What a session's model is sent, read from the store, and what a person should hear of it."""

from palaver.chat.backlog import Backlog
from palaver.chat.branches import branch
from palaver.context.prompt import Prompt, build_prompt
from palaver.context.window import WARNING_PERCENT, Window, choose_window
from palaver.errors import ProviderError
from palaver.model import Session
from palaver.providers.base import Provider
from palaver.store import Head, Store


class Prompter:
    """Builds prompts, and says each thing once: that the window is a guess, that a session fills it or is over it."""

    def __init__(self, store: Store, backlog: Backlog) -> None:
        self._store = store
        self._backlog = backlog
        self._reported: dict[tuple[str, str], int | None] = {}
        self._guessed: set[tuple[str, str]] = set()
        self._levels: dict[str, int] = {}

    def build(self, session: Session, leaf_id: str | None | Head, provider: Provider, model: str) -> Prompt:
        """The prompt for the branch that ends in `leaf_id` and what is not saved yet.

        Raises `ContextOverflow`, and what the store raises.
        """
        return self._build(session, leaf_id, self._choose_window(session, provider, model))

    def build_aloud(
        self, session: Session, leaf_id: str | None | Head, provider: Provider, model: str
    ) -> tuple[Prompt, str | None]:
        """The same for a turn, with a warning for a person where there is something new to say."""
        window = self._choose_window(session, provider, model)
        prompt = self._build(session, leaf_id, window)
        said = (self._guess_warning(window, provider, model), self._fill_warning(session.id, prompt))
        return prompt, " ".join(filter(None, said)) or None

    def _choose_window(self, session: Session, provider: Provider, model: str) -> Window:
        reported = None if session.context_size is not None else self._find_window(provider, model)
        return choose_window(session.context_size, reported)

    def _build(self, session: Session, leaf_id: str | None | Head, window: Window) -> Prompt:
        stored_id, unsaved = self._backlog.chain(session.id, leaf_id)
        return build_prompt(
            branch(self._store, session.id, stored_id, unsaved),
            window=window.size,
            reserve=_reserve(session),
            system_prompt=session.system_prompt,
            checkpoints=self._store.list_checkpoints(session.id),
        )

    def _find_window(self, provider: Provider, model: str) -> int | None:
        key = (provider.name, model)
        if key not in self._reported:
            try:
                self._reported[key] = provider.describe(model).window
            except ProviderError:
                return None  # asking for the answer will tell what is wrong with the server
        return self._reported[key]

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
