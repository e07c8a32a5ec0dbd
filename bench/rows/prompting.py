"""Building what a model is sent, at the end of a long branch."""

from collections.abc import Iterator
from functools import partial

import palaver
from bench.archive import append_all
from bench.data import texts
from bench.ground import Ground
from bench.measure import median, percentile, timed
from bench.table import Line, Target
from palaver.chat.engine import Engine
from palaver.providers.demo import DemoProvider

_LONG = 100_000
_SUMMARISED = 99_900
_WINDOWS = (8_192, 131_072)
_TARGET_MS = 5


def run(ground: Ground) -> Iterator[Line]:
    """A branch of 100,000 messages, as it is and with a checkpoint for all but its end."""
    ground.say(f"prompt: making a branch of {_LONG:,} messages")
    with palaver.open_store(ground.room("prompt") / "palaver.db") as store:
        session = store.create_session()
        append_all(store, session.id, texts(_LONG))
        engine = Engine(store, [DemoProvider()])
        ground.say("prompt: measuring")
        yield from _lines(store, engine, session.id, "", ground.size(30, 100))
        _summarise(store, session.id)
        yield from _lines(store, engine, session.id, ", with a checkpoint", ground.size(30, 100))


def _lines(store: palaver.Store, engine: Engine, session_id: str, which: str, times: int) -> Iterator[Line]:
    for window in _WINDOWS:
        store.update_session(session_id, context_size=window)
        messages = len(engine.preview(session_id).messages)
        taken = timed(partial(engine.preview, session_id), [()] * times)
        what = f"prompt of a branch of {_LONG:,} messages{which}, window {window:,}"
        target = Target(_TARGET_MS, unit=" ms") if window == _WINDOWS[0] else None
        remarks = f"{messages} messages in it"
        yield Line(what, "Palaver", median(taken), percentile(taken, 0.99), target=target, remarks=remarks)


def _summarise(store: palaver.Store, session_id: str) -> None:
    first, last = None, None
    for message in store.messages(session_id):
        first = first or message
        if message.position == _SUMMARISED:
            last = message
            break
    if first is None or last is None:
        raise ValueError("the branch is shorter than what is to be summarised")
    store.add_checkpoint(session_id, from_id=first.id, through_id=last.id, summary="What was said. " * 40)
