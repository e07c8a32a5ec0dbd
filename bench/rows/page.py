"""The page in Chromium: its first screen, going from chat to chat, typing, an answer that streams, memory."""

import gzip
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, CDPSession, Page

import palaver
from bench.archive import append_all, make_sessions, settle
from bench.data import texts, token
from bench.ground import Ground
from bench.measure import median, percentile
from bench.table import Line, Target
from bench.web.model import MODEL
from bench.web.processes import model
from palaver.store import Store
from tests.support.browser import launch
from tests.support.serving import Serving, serving

_CONFIG = """\
discover = false
model_title = false
model = "{model}"

[[provider]]
name = "bench"
address = "http://127.0.0.1:{port}/v1"
model = "{model}"
"""
_WATCH = (Path(__file__).parents[1] / "web" / "watch.js").read_text(encoding="utf-8")
_WINDOW: Any = {"width": 1280, "height": 800}
_PATIENCE = 20_000
_CHATS = 24
"""Chats that are switched between, each of `_LONG` messages."""
_LONG = 50
_SWITCH_MS = 50
_FRAME_MS = 50
_RATE = 3_000
_FIRST_LOAD_KB = 120
_AIM_MS, _PRESS_MS = 120, 60
_KEYS = 200
_TURNS = 300
_KEY_MS = 40
_MS = 1e6

# What a person waits for: the box to type into and the list, or the newest message.
_READY = "() => document.querySelector('textarea') && document.querySelector('[data-session]')"
_READ = "() => document.querySelector('main article')"


def run(ground: Ground) -> Iterator[Line]:
    room = ground.room("page")
    sessions, messages = ground.size(2_000, 50_000), ground.size(5_000, 100_000)
    ground.say(f"the page: {sessions:,} sessions, one of {messages:,} messages")
    chats, long = _seed(room / "palaver.db", sessions, messages)
    yield _script()
    with _served(room) as place, launch() as browser:
        times = ground.size(5, 15)
        seen = (
            _Screen("the list and a new chat", "/", _READY),
            _Screen(f"the end of {messages:,} messages", f"/c/{long}", _READ),
        )
        ground.say("the page: first screens")
        for screen in seen:
            yield _first_screen(screen, browser, place, times)
        ground.say("the page: from chat to chat")
        yield from _switching(browser, place, chats, sessions, ground.size(2, 5))
        ground.say("the page: typing")
        yield from _typing(browser, place, long, messages)
        ground.say("the page: scrolling")
        yield from _scrolling(browser, place, long, sessions, messages)
        ground.say("the page: streaming")
        yield from _streaming(browser, place, 30_000)


def run_hour(ground: Ground) -> Iterator[Line]:
    """Not part of a run of everything: it takes the hour it names."""
    room = ground.room("page-hour")
    minutes = ground.size(2, 60)
    with _served(room) as place, launch() as browser:
        yield from _memory(ground, browser, place, minutes)


@contextmanager
def _served(room: Path) -> Iterator[Serving]:
    with (
        model() as port,
        serving(
            str(room / "palaver.db"), room / "server", config=_CONFIG.format(model=MODEL, port=port)
        ) as place,
    ):
        yield place


def _seed(path: Path, sessions: int, messages: int) -> tuple[list[str], str]:
    """The chats that are switched between, the newest of all first, and the long one."""
    with palaver.open_store(path) as store:
        make_sessions(store, sessions)
        long = store.create_session(title="The long one", model=MODEL, provider="bench").id
        append_all(store, long, texts(messages))
        chats = [_chat(store, number) for number in range(_CHATS)]
    settle(path)
    return chats[::-1], long


def _chat(store: Store, number: int) -> str:
    """A chat as models make them: short questions, long answers in Markdown."""
    session = store.create_session(title=f"Chat {number}", model=MODEL, provider="bench").id
    said = [
        palaver.user(f"Question {at} of chat {number}")
        if at % 2 == 0
        else palaver.assistant(_answer(number + at))
        for at in range(_LONG)
    ]
    store.append(session, *said)
    return session


def _answer(number: int) -> str:
    return "".join(token(at) for at in range(number * 150, number * 150 + 150))


def _script() -> Line:
    page = Path(str(resources.files("palaver.server").joinpath("static")))
    named = re.findall(
        r'(?:src|href)="/(assets/[^"]+\.js)"', (page / "index.html").read_text(encoding="utf-8")
    )
    size = sum(len(gzip.compress((page / name).read_bytes(), 9)) for name in named)
    return Line(
        "page: script of the first load, compressed",
        "Palaver",
        size / 1000,
        unit="kB",
        target=Target(_FIRST_LOAD_KB, unit=" kB"),
    )


class _Window(NamedTuple):
    page: Page
    tools: CDPSession

    def watched(self, do: Callable[[], None]) -> "_Watched":
        """What the window saw of itself meanwhile."""
        self.page.evaluate("benchWatch.begin()")
        do()
        self.page.wait_for_timeout(300)
        return _Watched(**self.page.evaluate("benchWatch.end()"))

    def type(self, text: str) -> None:
        """As a fast typist does: the next key does not wait for what the last one made."""
        begin = time.monotonic()
        for number, sign in enumerate(text):
            self.page.wait_for_timeout(max(0.0, number * _KEY_MS - (time.monotonic() - begin) * 1000))
            self.page.keyboard.press(sign)

    def typed(self) -> str:
        found: str = self.page.get_by_role("textbox", name="Message").input_value()
        return found


class _Watched(NamedTuple):
    """Milliseconds: from frame to frame, of tasks longer than 50, from a key to what it changed where that took 16."""

    frames: list[float]
    tasks: list[float]
    keys: list[float]

    def frame_lines(self, what: str, target: Target | None = None) -> Iterator[Line]:
        yield Line(
            f"{what}: from frame to frame",
            "Palaver",
            median(self.frames) * _MS,
            percentile(self.frames, 0.99) * _MS,
            remarks=f"{len(self.frames)} frames, {len(self.tasks)} tasks of more than 50 ms",
        )
        yield Line(f"{what}: the longest frame", "Palaver", max(self.frames) * _MS, target=target)

    def lines(self, what: str, target: Target | None = None) -> Iterator[Line]:
        yield from self.frame_lines(what, target)
        yield Line(
            f"{what}: a key until what it changed is drawn, the longest",
            "Palaver",
            max(self.keys, default=16.0) * _MS,
            remarks=f"of {_KEYS}; {len(self.keys)} took 16 ms or more",
        )


@contextmanager
def _window(browser: Browser, place: Serving) -> Iterator[_Window]:
    """A new window with nothing in its caches, signed in."""
    context = browser.new_context(viewport=_WINDOW)
    context.set_default_timeout(_PATIENCE)
    context.add_init_script(_WATCH)
    page = context.new_page()
    page.goto(place.entrance)
    page.get_by_role("textbox", name="Message").wait_for()
    yield _Window(page, context.new_cdp_session(page))
    context.close()


class _Screen(NamedTuple):
    """Where it is, and what of it a person waits for."""

    what: str
    path: str
    holds: str


def _first_screen(screen: _Screen, browser: Browser, place: Serving, times: int) -> Line:
    taken: list[float] = []
    for _ in range(times):
        with _window(browser, place) as (page, tools):
            tools.send("Network.clearBrowserCache")
            page.goto(place.address + screen.path, wait_until="commit")
            taken.append(page.evaluate(f"benchWatch.shown({screen.holds})") * _MS)
    remarks = f"of {times}, nothing cached; p99: the longest"
    return Line(f"page: first screen, {screen.what}", "Palaver", median(taken), max(taken), remarks=remarks)


_IS_SEEN = """(id) => {
  const row = document.querySelector(`[data-session="${id}"]`)
  const { x, y } = row?.getBoundingClientRect() ?? { x: 0, y: 0 }
  return Boolean(row?.contains(document.elementFromPoint(x + 40, y + 10)))
}"""
_ARMED = """(id) => {
  const row = document.querySelector(`[data-session="${id}"]`)
  const title = row.getAttribute('title')
  window.benchSwitch = new Promise((resolve) =>
    row.addEventListener('click', async (event) => {
      const end = await benchWatch.shown(() =>
        document.querySelector('main h1')?.textContent === title && document.querySelector('main article'))
      resolve(end - event.timeStamp)
    }, { capture: true, once: true }))
  const { x, y } = row.getBoundingClientRect()
  return [x + 40, y + 10]
}"""


def _switch(page: Page, id: str) -> float:
    """As a person does it: the pointer comes to the row, rests and clicks. From the click on, in nanoseconds."""
    page.mouse.move(*page.evaluate(_ARMED, id), steps=3)
    page.wait_for_timeout(_AIM_MS)
    page.mouse.down()
    page.wait_for_timeout(_PRESS_MS)
    page.mouse.up()
    return float(page.evaluate("benchSwitch")) * _MS


def _switching(
    browser: Browser, place: Serving, chats: Sequence[str], sessions: int, rounds: int
) -> Iterator[Line]:
    """Each chat of the list for the first time, then each again; a round is a window of its own."""
    first: list[float] = []
    again: list[float] = []
    with _window(browser, place) as window:
        window.page.evaluate(f"benchWatch.shown({_READY})")
        visible = [id for id in chats if window.page.evaluate(_IS_SEEN, id)]
    for _ in range(rounds):
        with _window(browser, place) as (page, _tools):
            page.evaluate(f"benchWatch.shown({_READY})")
            for taken in (first, again):
                for id in visible:
                    taken.append(_switch(page, id))
                    page.wait_for_timeout(150)
    target = Target(_SWITCH_MS, unit=" ms")
    for what, taken in (("for the first time", first), ("once more", again)):
        yield Line(
            f"page: to another chat of {sessions:,}, {what}",
            "Palaver",
            median(taken),
            percentile(taken, 0.99),
            target=target,
            remarks=f"{len(taken)} switches, from the click to the frame with its newest messages",
        )


def _typing(browser: Browser, place: Serving, long: str, messages: int) -> Iterator[Line]:
    with _window(browser, place) as window:
        window.page.goto(f"{place.address}/c/{long}")
        window.page.evaluate(f"benchWatch.shown({_READ})")
        window.page.wait_for_timeout(1_000)
        window.page.get_by_role("textbox", name="Message").focus()
        watched = window.watched(lambda: window.type("typing " * (_KEYS // 7 + 1)))
    yield from watched.lines(f"page: typing below {messages:,} messages", Target(_FRAME_MS, unit=" ms"))


def _scrolling(browser: Browser, place: Serving, long: str, sessions: int, messages: int) -> Iterator[Line]:
    with _window(browser, place) as window:
        window.page.goto(f"{place.address}/c/{long}")
        window.page.evaluate(f"benchWatch.shown({_READ})")
        window.page.wait_for_timeout(1_000)
        for what, x, step in (
            (f"page: scrolling down {sessions:,} sessions", 100, 300),
            (f"page: scrolling up {messages:,} messages", 800, -300),
        ):
            window.page.mouse.move(x, 400)
            yield from window.watched(partial(_turn_wheel, window.page, step)).frame_lines(what)


def _turn_wheel(page: Page, step: int) -> None:
    for _ in range(_TURNS):
        page.mouse.wheel(0, step)
        page.wait_for_timeout(16)


def _ask(page: Page, count: int, rate: int) -> None:
    box = page.get_by_role("textbox", name="Message")
    box.fill(f"{count} tokens, {rate} a second")
    box.press("Enter")


_ENDED = """() => document.querySelector('main article') && !document.querySelector('[aria-busy="true"]')"""


def _streaming(browser: Browser, place: Serving, count: int) -> Iterator[Line]:
    what = f"page: {_RATE:,} tokens a second"
    typed = ("while it answers " * (_KEYS // 17 + 1))[:_KEYS]
    with _window(browser, place) as window:
        _ask(window.page, count, _RATE)
        begin = time.monotonic()
        window.page.get_by_role("button", name="Stop").wait_for()
        watched = window.watched(lambda: window.type(typed))
        kept = len(window.typed())
        window.page.evaluate(f"benchWatch.shown({_ENDED})")
        seconds = time.monotonic() - begin
    yield from watched.lines(what)
    yield Line(
        f"{what}: keys that arrive", "Palaver", kept, unit=f"of {_KEYS}", target=Target(_KEYS, at_least=True)
    )
    yield Line(
        f"{what}: {count:,} tokens on the screen",
        "Palaver",
        seconds * 1e9,
        ratio=seconds / (count / _RATE),
        of="the model's own time",
    )


def _memory(ground: Ground, browser: Browser, place: Serving, minutes: int) -> Iterator[Line]:
    """A conversation of answers of a minute each, 50 tokens a second, with a second between them."""
    what = f"page: memory after {minutes} minutes of streaming"
    with _window(browser, place) as window:
        before = _heap(window)
        heaps = []
        for minute in range(minutes):
            _ask(window.page, 59 * 50, 50)
            window.page.get_by_role("button", name="Stop").wait_for()
            window.page.get_by_role("button", name="Stop").wait_for(state="hidden", timeout=6 * _PATIENCE)
            heaps.append(_heap(window))
            ground.say(f"minute {minute + 1}: {heaps[-1].mb:.1f} MB, {heaps[-1].nodes:,.0f} nodes")
    first, last = heaps[0], heaps[-1]
    remarks = f"{before.mb:.1f} MB before, {first.mb:.1f} after the first minute"
    yield Line(f"{what}: scripts", "Palaver", last.mb, unit="MB", remarks=remarks)
    remarks = f"{before.nodes:,.0f} before, {first.nodes:,.0f} after the first minute"
    yield Line(f"{what}: nodes of the document", "Palaver", last.nodes, unit="nodes", remarks=remarks)


class _Heap(NamedTuple):
    mb: float
    nodes: float


def _heap(window: _Window) -> _Heap:
    """MB in use by scripts, and nodes, once what nobody holds is gone."""
    window.tools.send("HeapProfiler.collectGarbage")
    window.tools.send("Performance.enable")
    found = {one["name"]: one["value"] for one in window.tools.send("Performance.getMetrics")["metrics"]}
    return _Heap(found["JSHeapUsedSize"] / 1e6, found["Nodes"])
