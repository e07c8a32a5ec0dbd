"""Full text over many messages: the 20 best of each kind of query."""

from collections.abc import Iterator

import palaver
from bench.archive import append_all, settle, settle_server
from bench.data import archive, searches
from bench.ground import Ground
from bench.measure import median, percentile, timed
from bench.table import Line, Target
from tests.support.postgres import find_binaries, running

_BEST = 20
_RARE_MS, _MS, _WORST_MS = 2, 10, 50
_PER_SESSION = 1_000


def run(ground: Ground) -> Iterator[Line]:
    many = ground.size(50_000, 1_000_000)
    path = ground.room("search") / "palaver.db"
    with palaver.open_store(path) as store:
        _fill(ground, store, many)
        settle(path)
        yield from _lines(ground, store, many, "Palaver")


def run_on_server(ground: Ground) -> Iterator[Line]:
    many = ground.size(20_000, 100_000)
    with running(find_binaries(), durable=True) as server, palaver.open_store(server.url()) as store:
        _fill(ground, store, many)
        settle_server(server.url())
        yield from _lines(ground, store, many, "Palaver, PostgreSQL")


def _fill(ground: Ground, store: palaver.Store, many: int) -> None:
    ground.say(f"search: making {many:,} messages")
    left = archive(many)
    for _ in range(0, many, _PER_SESSION):
        session = store.create_session()
        append_all(store, session.id, (text for _, text in zip(range(_PER_SESSION), left, strict=False)))


def _lines(ground: Ground, store: palaver.Store, many: int, who: str) -> Iterator[Line]:
    ground.say("search: measuring")
    times = ground.size(20, 50)
    worst = 0.0
    for kind, query in searches().items():
        page = store.search(query, limit=_BEST)
        taken = timed(store.search, [(query,)] * times)
        worst = max(worst, *taken)
        target = Target(_RARE_MS if kind.startswith("rare") else _MS, unit=" ms")
        cut = ", cut by its deadline" if page.cut else ""
        yield Line(
            f"search {many:,} messages: {kind}",
            who,
            median(taken),
            percentile(taken, 0.99),
            target=target,
            remarks=f"{len(page.items)} found{cut}",
        )
    yield Line(
        f"search {many:,} messages: the slowest of all",
        who,
        worst,
        target=Target(_WORST_MS, unit=" ms"),
    )
