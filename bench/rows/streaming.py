"""Events over HTTP: how soon a turn's first word comes, and what an open stream costs the server."""

import re
from collections.abc import Iterator
from pathlib import Path

import palaver
from bench.ground import Ground
from bench.measure import median, percentile
from bench.rows.serving import CONFIG
from bench.table import Line, Target
from bench.web.processes import Client, Place, client
from tests.support import llama
from tests.support.serving import Serving, serving

_STREAMS = 500
_WARM = 50
_MORE_MS = 5
_TOKENS = 8
_QUESTION = "Tell me a story."
_PROVIDER = """
[[provider]]
name = "llama"
address = "{address}/v1"
"""


def run(ground: Ground) -> Iterator[Line]:
    room = ground.room("streams")
    with (
        llama.serve(room) as address,
        client() as asking,
        serving(
            str(room / "palaver.db"),
            room / "server",
            config=CONFIG + _PROVIDER.format(address=address),
        ) as server,
    ):
        place = Place(_port(server.address), server.headers)
        yield from _first_token(ground, asking, place, Place(_port(address), {}), room)
        if Path("/proc/self/status").exists():
            yield from _memory(ground, asking, place, server)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _first_token(ground: Ground, asking: Client, ours: Place, theirs: Place, room: Path) -> Iterator[Line]:
    number = ground.size(80, 300)
    ground.say(f"first token: {number} turns")
    with palaver.open_store(room / "palaver.db") as store:
        settings = {"max_tokens": _TOKENS}
        sessions = [
            store.create_session(model=llama.MODEL, provider="llama", settings=settings).id
            for _ in range(number)
        ]
    # Always the same question, so that llama.cpp has it in its cache for both: what it takes to read one is its own affair.
    _direct(asking, theirs)
    pairs = [(_direct(asking, theirs), _turn(asking, ours, session)) for session in sessions][1:]
    # The model's words are drawn by lot: now and then its answer is empty, and has no first one.
    alone, through = zip(*((other, mine) for other, mine in pairs if other and mine), strict=True)
    more = [mine - other for other, mine in zip(alone, through, strict=True)]
    yield Line("HTTP: first token", "llama.cpp alone", median(alone), percentile(alone, 0.99))
    yield Line("HTTP: first token", "Palaver", median(through), percentile(through, 0.99))
    what, target = "HTTP: first token, more than llama.cpp alone", Target(_MORE_MS, unit=" ms")
    remarks = f"of {len(more)} pairs"
    yield Line(what, "Palaver", median(more), percentile(more, 0.99), target=target, remarks=remarks)


def _direct(asking: Client, place: Place) -> int | None:
    body = {
        "model": llama.MODEL,
        "messages": [{"role": "user", "content": _QUESTION}],
        "stream": True,
        "max_tokens": _TOKENS,
    }
    request = place.request("POST", "/v1/chat/completions", body)
    taken: int | None = asking.call(
        "first_of_completion", port=place.port, request=request, needle='"content":"'
    )
    return taken


def _turn(asking: Client, place: Place, session: str) -> int | None:
    path = f"/api/chat-sessions/{session}/turns"
    taken: int | None = asking.call(
        "first_of_turn",
        port=place.port,
        question=place.request("POST", path, {"content": _QUESTION}),
        events=place.request("GET", f"{path}/TURN/events"),
        needle="event: text_delta",
    )
    return taken


def _memory(ground: Ground, asking: Client, place: Place, server: Serving) -> Iterator[Line]:
    ground.say(f"memory of {_STREAMS} open streams")
    follow = place.request("GET", "/api/changes")
    # What the first streams load once is not what a stream takes.
    asking.call("open", port=place.port, request=follow, many=_WARM)
    asking.call("close")
    before = _resident(server)
    opened = asking.call("open", port=place.port, request=follow, many=_STREAMS)
    each = (_resident(server) - before) / opened
    made = place.request("POST", "/api/chat-sessions", {"title": "Told to everybody"})
    told = asking.call("told", port=place.port, request=made, needle="event: change")
    asking.call("close")
    yield Line(
        f"HTTP: memory of an open event stream, of {opened}",
        "Palaver",
        each / 1024,
        unit="KB",
        remarks=f"the server has {before / 2**20:.0f} MB without them",
    )
    yield Line(
        f"HTTP: a commit told to {opened} streams",
        "Palaver",
        median(told),
        percentile(told, 0.99),
        remarks=f"{len(told)} of {opened} told; from the request on",
    )


def _resident(server: Serving) -> int:
    """Bytes of the server's process that are in memory."""
    if server.process is None:
        raise RuntimeError("the server has ended")
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    if found is None:
        raise RuntimeError("the kernel does not say what a process has in memory")
    return int(found[1]) * 1024
