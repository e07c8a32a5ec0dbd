"""Summaries by the session's own model, within a time, and without it where it cannot or does not answer."""

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from palaver.chat.prompting import View
from palaver.chat.scope import Scope
from palaver.context.ageing import Step
from palaver.context.checkpoints import STAGES, Stretch, chunks, extract, introduce
from palaver.context.summaries import TEMPERATURE, Unusable, accept, ask, asking_costs
from palaver.errors import PalaverError
from palaver.model import Text
from palaver.providers.base import Answer, Request
from palaver.providers.demo import DemoProvider

TIMEOUT_SECONDS = 30.0
COOL_DOWN_SECONDS = 60.0
FAILURES = 2
"""In a row, after which no model is waited for."""

_LOOK_SECONDS = 0.1
_ROOM_PERCENT = 70
_FEWEST = 64
_MOST_THOUGHTS = 4096

_log = logging.getLogger(__name__)

Clock = Callable[[], float]


class NoSummary(Exception):
    """There is no summary now, and nothing changes; its text says why."""


class Summary(msgspec.Struct, frozen=True):
    """`model` is None where no model made it."""

    text: str
    model: str | None


class Work(msgspec.Struct, frozen=True):
    """What is to be written: for whom, of what, in which form and at most how long."""

    scope: Scope
    view: View
    level: int
    tokens: int

    @property
    def room(self) -> int:
        """What of a conversation fits into one request."""
        return self.view.limit * _ROOM_PERCENT // 100 - asking_costs(self.view.weights) - self.tokens

    @property
    def most(self) -> int:
        """Of how much a model is told at most, in all requests for one summary."""
        return max(_FEWEST, self.room) * STAGES // 2


class Summariser:
    """Asks models, and remembers which of them fail. Safe from any thread.

    A call takes at most `timeout` seconds. After a failure the model is not asked for `cool_down` seconds.
    """

    def __init__(
        self,
        *,
        timeout: float = TIMEOUT_SECONDS,
        cool_down: float = COOL_DOWN_SECONDS,
        clock: Clock = time.monotonic,
    ) -> None:
        self._timeout = timeout
        self._cool_down = cool_down
        self._clock = clock
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}

    def waits(self, scope: Scope) -> bool:
        """Whether a first failure was just now: then a summary that is not urgent is better tried later."""
        failures, until = self._failures.get(_key(scope), (0, 0.0))
        return 0 < failures < FAILURES and self._clock() < until

    def summarise(
        self, work: Work, stretch: Stretch, *, urgent: bool, progress: Callable[[int], None]
    ) -> Summary:
        """A summary of the stretch; `progress` is told how far it is from 0 to 100. `urgent`: there is one in any case.

        Raises `NoSummary` where the model failed for the first time, or the turn is to end.
        """
        if self._may_ask(work.scope) and work.room >= _FEWEST:
            try:
                return self._by_model(work, stretch, progress)
            except (Unusable, PalaverError) as exc:
                if not urgent and not self._fails_again(work.scope):
                    raise NoSummary(f"{str(exc).rstrip('.')}. It is tried again later.") from exc
        if work.scope.stopped.is_set() and not urgent:
            raise NoSummary("It was stopped.")
        return Summary(extract(stretch, work.tokens, work.view.counter), None)

    def shorten(self, work: Work, step: Step, deadline: float) -> Summary:
        """The summary of an ageing step: by the model where there is time until `deadline`, else without it."""
        whole, counter = step.summaries, work.view.counter
        source = counter.count(whole)
        if source <= step.target:
            return Summary(whole, step.checkpoints[-1].model)
        if (
            source >= _FEWEST
            and work.room >= source
            and self._clock() <= deadline
            and self._may_ask(work.scope)
        ):
            try:
                answer = self._ask(work, so_far="", told=whole)
                return Summary(self._accept(work, answer, "", source), work.scope.model)
            except (Unusable, PalaverError) as exc:
                _log.info("A checkpoint in %s was shortened without a model: %s", work.scope.session_id, exc)
        return Summary(step.condensed(counter), None)

    def deadline(self) -> float:
        """When one call from now would have to be over."""
        return self._clock() + self._timeout

    def _by_model(self, work: Work, stretch: Stretch, progress: Callable[[int], None]) -> Summary:
        pieces = chunks(stretch, work.room, work.view.counter)
        untold, pieces = pieces[:-STAGES], pieces[-STAGES:]
        text = introduce(stretch, untold, work.room // 8, work.view.counter)
        for number, piece in enumerate(pieces, 1):
            text = self._accept(work, self._ask(work, so_far=text, told=piece), piece, stretch.tokens)
            progress(100 * number // len(pieces))
        self._failures.pop(_key(work.scope), None)
        return Summary(text, work.scope.model)

    def _ask(self, work: Work, *, so_far: str, told: str) -> str:
        scope, window = work.scope, work.view.window.size
        request = Request(
            model=scope.model,
            messages=ask(
                work.view.weights, so_far=so_far, conversation=told, level=work.level, tokens=work.tokens
            ),
            settings={
                "temperature": TEMPERATURE,
                "max_tokens": work.tokens + min(window // 16, _MOST_THOUGHTS),
            },
            window=window,
        )
        try:
            return _listen(scope.provider.stream(request), self._timeout, scope.stopped)
        except (Unusable, PalaverError):
            if not scope.stopped.is_set():
                self._note_failure(scope)
            raise

    def _accept(self, work: Work, answer: str, told: str, source: int) -> str:
        try:
            return accept(answer, told=told, source=source, tokens=work.tokens, counter=work.view.counter)
        except Unusable:
            self._note_failure(work.scope)
            raise

    def _may_ask(self, scope: Scope) -> bool:
        if isinstance(scope.provider, DemoProvider) or scope.stopped.is_set():
            return False
        failures, until = self._failures.get(_key(scope), (0, 0.0))
        return not failures or self._clock() >= until

    def _note_failure(self, scope: Scope) -> None:
        failures, _ = self._failures.get(_key(scope), (0, 0.0))
        self._failures[_key(scope)] = (failures + 1, self._clock() + self._cool_down)

    def _fails_again(self, scope: Scope) -> bool:
        return self._failures.get(_key(scope), (0, 0.0))[0] >= FAILURES


def _key(scope: Scope) -> tuple[str, str]:
    return scope.provider.name, scope.model


def _listen(answer: Answer, timeout: float, stopped: threading.Event) -> str:
    """The text of an answer. Raises `ProviderError`, `Unusable` where it takes too long or the turn is to end."""
    hearing = _Hearing(answer)
    thread = threading.Thread(target=hearing.run, name="palaver-summary", daemon=True)
    thread.start()
    deadline = time.monotonic() + timeout
    while not hearing.done.wait(min(_LOOK_SECONDS, timeout)):
        if stopped.is_set() or time.monotonic() > deadline:
            answer.close()
            why = (
                "it was stopped"
                if stopped.is_set()
                else f"the model gave no summary within {timeout:g} seconds"
            )
            raise Unusable(why)
    if hearing.error is not None:
        raise hearing.error
    return "".join(hearing.texts)


class _Hearing:
    """Reads an answer on a thread of its own, so that nobody waits for it longer than he wants."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.done = threading.Event()
        self.texts: list[str] = []
        self.error: PalaverError | None = None

    def run(self) -> None:
        try:
            self.texts += [piece.text for piece in self._answer if isinstance(piece, Text)]
        except PalaverError as exc:
            self.error = exc
        except Exception as exc:  # noqa: BLE001  (whatever a provider does wrong, the checkpoint must end and say so)
            _log.exception("A provider failed in an unknown way")
            self.error = PalaverError(f"the provider failed in an unknown way: {type(exc).__name__}")
        finally:
            self.done.set()
