"""An answer that streams for a while: what recording it costs beside streaming it to nowhere."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import palaver
from bench.data import words
from bench.ground import Ground
from bench.table import Line, Target
from palaver.chat.engine import Engine
from palaver.providers.base import Delta, Finish, ModelInfo, Request

_EVERY = 0.005
_MODEL = "metronome"
_HOW = ("nowhere", "engine", "store")


def run(ground: Ground) -> Iterator[Line]:
    pieces = ground.size(1_000, 5_000)
    ground.say(f"drafts: streaming {pieces:,} pieces, one every {_EVERY * 1000:g} ms")
    room = ground.room("draft")
    # All at once: they sleep most of the time, and so see the same machine.
    running = {how: _start(how, pieces, room / f"{how}.db") for how in _HOW}
    found = {how: json.loads(process.communicate()[0]) for how, process in running.items()}
    what = f"draft of {pieces:,} pieces, one every {_EVERY * 1000:g} ms"
    idle = found["nowhere"]["cpu"]
    for how, title, target in (
        ("engine", "Palaver, a turn of the engine", Target(3, unit=" %")),
        ("store", "Palaver, extend_draft for each piece", None),
    ):
        more = (found[how]["cpu"] - idle) / found[how]["seconds"] * 100
        remarks = (
            f"of one core more than streaming to nowhere ({idle / found['nowhere']['seconds'] * 100:.2g} %)"
        )
        yield Line(what, title, more, unit="%", target=target, remarks=remarks)


def _start(how: str, pieces: int, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.rows.drafting", how, str(pieces), str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class _Metronome:
    """A provider whose model says a word at every beat."""

    name = "bench"
    default_model: str | None = _MODEL

    def __init__(self, pieces: int) -> None:
        self._pieces = pieces

    def list_models(self) -> list[ModelInfo]:
        return [ModelInfo(id=_MODEL, provider=self.name, window=1_000_000)]

    def describe(self, model: str) -> ModelInfo:
        return ModelInfo(id=model, provider=self.name, window=1_000_000)

    def stream(self, _request: Request) -> "_Beats":
        return _Beats(self._pieces)


class _Beats:
    def __init__(self, pieces: int) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[Delta]:
        vocabulary, begin = words(), time.monotonic()
        for number in range(self._pieces):
            time.sleep(max(0.0, begin + number * _EVERY - time.monotonic()))
            yield palaver.Text(vocabulary[number] + " ")
        yield Finish("stop")

    def close(self) -> None:
        pass


def _to_nowhere(pieces: int) -> None:
    for _ in _Beats(pieces):
        pass


def _through_the_engine(store: palaver.Store, pieces: int) -> None:
    engine = Engine(store, [_Metronome(pieces)])
    turn = engine.start_turn(store.create_session(model=_MODEL, provider="bench").id, "Go on.")
    for _ in turn.events():
        pass
    if turn.wait().status != "complete":
        raise ValueError(f"the answer ended as {turn.wait().status}: {turn.wait().error}")
    engine.close()


def _into_the_store(store: palaver.Store, pieces: int) -> None:
    session = store.create_session()
    draft, offset = store.open_draft(session.id), 0
    for piece in _Beats(pieces):
        if isinstance(piece, palaver.Text):
            offset = store.extend_draft(draft.id, piece, offset=offset).offset
    store.close_draft(draft.id)


def _measure(how: str, pieces: int, path: Path) -> dict[str, Any]:
    words()
    with palaver.open_store(path) as store:
        begin, cpu = time.monotonic(), time.process_time()
        if how == "nowhere":
            _to_nowhere(pieces)
        elif how == "engine":
            _through_the_engine(store, pieces)
        else:
            _into_the_store(store, pieces)
        return {"cpu": time.process_time() - cpu, "seconds": time.monotonic() - begin}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
