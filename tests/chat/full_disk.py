"""A conversation in a process whose files may not grow, as on a full disk. Prints what it sees as one JSON object.

python full_disk.py DATABASE SERVER SCENE
"""

import json
import resource
import sys
import time
from typing import Any

import palaver
from palaver.chat.engine import Engine
from palaver.chat.events import TextDelta, TurnFinished, TurnStarted
from palaver.chat.turn import Turn
from palaver.providers.openai import OpenAIProvider
from palaver.tools.base import Returned
from tests.chat.tools import Toolkit, add

_SOFT, HARD = resource.getrlimit(resource.RLIMIT_FSIZE)


def fill_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, HARD))


def empty_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (HARD, HARD))


def fill(_: Any) -> Returned:
    fill_disk()
    return Returned("full")


def look(turn: Turn) -> dict[str, Any]:
    """The turn as its reader saw it."""
    events = list(turn.events())
    end = events[-1]
    assert isinstance(events[0], TurnStarted)
    assert isinstance(end, TurnFinished), end
    return {
        "text": "".join(event.text for event in events if isinstance(event, TextDelta)),
        "startedUnsaved": events[0].unsaved,
        "endedUnsaved": end.unsaved,
        "position": end.message.position,
    }


def wait_until_saved(engine: Engine) -> None:
    deadline = time.monotonic() + 20
    while engine.unsaved():
        assert time.monotonic() < deadline, "the messages were never saved"
        time.sleep(0.02)


def whole_turns_on_a_full_disk(engine: Engine, session_id: str) -> dict[str, Any]:
    engine.start_turn(session_id, "before").wait()
    fill_disk()
    seen = [look(engine.start_turn(session_id, question)) for question in ("one", "two")]
    waiting = [message.text for message in engine.unsaved(session_id)]
    empty_disk()
    wait_until_saved(engine)
    return {"seen": seen, "waiting": waiting}


def a_disk_that_is_full_in_the_middle(engine: Engine, session_id: str) -> dict[str, Any]:
    turn = engine.start_turn(session_id, "one")
    next(event for event in turn.events() if isinstance(event, TextDelta))
    fill_disk()
    ask_for_the_rest()
    seen = look(turn)
    empty_disk()
    wait_until_saved(engine)
    return {"seen": [seen]}


def a_disk_that_has_room_again_before_the_end(engine: Engine, session_id: str) -> dict[str, Any]:
    turn = engine.start_turn(session_id, "one")
    events = turn.events()
    next(event for event in events if isinstance(event, TextDelta))
    fill_disk()
    ask_for_the_rest()
    next(event for event in events if isinstance(event, TextDelta))
    time.sleep(0.5)  # so that writing is tried and fails at least once
    empty_disk()
    ask_for_the_rest()
    return {"seen": [look(turn)]}


def a_process_that_ends_with_room(engine: Engine, session_id: str) -> dict[str, Any]:
    fill_disk()
    seen = look(engine.start_turn(session_id, "one"))
    empty_disk()
    engine.close()
    return {"seen": [seen]}


def several_rounds_on_a_full_disk(engine: Engine, session_id: str) -> dict[str, Any]:
    engine.start_turn(session_id, "before").wait()
    fill_disk()
    seen = [look(engine.start_turn(session_id, question)) for question in ("one", "two")]
    waiting = [message.role for message in engine.unsaved(session_id)]
    empty_disk()
    wait_until_saved(engine)
    return {"seen": seen, "waiting": waiting}


def a_disk_that_a_tool_fills(engine: Engine, session_id: str) -> dict[str, Any]:
    seen = look(engine.start_turn(session_id, "one"))
    empty_disk()
    wait_until_saved(engine)
    return {"seen": [seen]}


def asking_again_on_a_full_disk(engine: Engine, session_id: str) -> dict[str, Any]:
    first = engine.start_turn(session_id, "question").wait()
    fill_disk()
    second = engine.retry(first.id)
    seen = [look(second), look(engine.start_turn(session_id, "and now?"))]
    seen.append(look(engine.retry(second.wait().id)))
    empty_disk()
    wait_until_saved(engine)
    return {"seen": seen}


def other_words_on_a_full_disk(engine: Engine, session_id: str) -> dict[str, Any]:
    first = engine.start_turn(session_id, "question")
    first.wait()
    fill_disk()
    seen = [look(engine.edit(first.id, "in other words"))]
    empty_disk()
    wait_until_saved(engine)
    return {"seen": seen}


def ask_for_the_rest() -> None:
    """The parent, which is the model's server, sends on."""
    tell("more")


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


SCENES = {
    "whole": whole_turns_on_a_full_disk,
    "middle": a_disk_that_is_full_in_the_middle,
    "room": a_disk_that_has_room_again_before_the_end,
    "end": a_process_that_ends_with_room,
    "again": asking_again_on_a_full_disk,
    "edited": other_words_on_a_full_disk,
    "rounds": several_rounds_on_a_full_disk,
    "tool": a_disk_that_a_tool_fills,
}


def main() -> None:
    with palaver.open_store(sys.argv[1]) as store:
        session = store.create_session(model="scripted", context_size=4096)
        retry = 60 if sys.argv[3] == "end" else 0.05
        toolbox = Toolkit(add=add, fill=fill)
        provider = OpenAIProvider("scripted", sys.argv[2])
        engine = Engine(store, [provider], retry_seconds=retry, toolbox=toolbox)
        told = SCENES[sys.argv[3]](engine, session.id)
        engine.close()
        stored = [(m.role, m.text, m.status, m.position) for m in store.messages(session.id)]
        everything = [m.text for m in store.tree(session.id)]
        problems = store.verify().problems
    told |= {"stored": stored, "everything": everything}
    tell(json.dumps({**told, "problems": [problem.what for problem in problems]}))


if __name__ == "__main__":
    main()
