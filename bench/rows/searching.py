"""Full text over many messages: the 20 best of each kind of query."""

from collections.abc import Iterator

import palaver
from bench.archive import append_all, settle
from bench.data import archive, searches
from bench.ground import Ground
from bench.measure import median, percentile, timed
from bench.table import Line, Target

_BEST = 20
_RARE_MS, _MS, _WORST_MS = 2, 10, 50
_PER_SESSION = 1_000


def run(ground: Ground) -> Iterator[Line]:
    many = ground.size(50_000, 1_000_000)
    ground.say(f"search: making {many:,} messages")
    path = ground.room("search") / "palaver.db"
    with palaver.open_store(path) as store:
        left = archive(many)
        for _ in range(0, many, _PER_SESSION):
            session = store.create_session()
            append_all(store, session.id, (text for _, text in zip(range(_PER_SESSION), left, strict=False)))
        settle(path)
        ground.say("search: measuring")
        yield from _lines(store, many, ground.size(20, 50))


def _lines(store: palaver.Store, many: int, times: int) -> Iterator[Line]:
    worst = 0.0
    for kind, query in searches().items():
        page = store.search(query, limit=_BEST)
        taken = timed(store.search, [(query,)] * times)
        worst = max(worst, *taken)
        target = Target(_RARE_MS if kind.startswith("rare") else _MS, unit=" ms")
        cut = ", cut by its deadline" if page.cut else ""
        yield Line(
            f"search {many:,} messages: {kind}",
            "Palaver",
            median(taken),
            percentile(taken, 0.99),
            target=target,
            remarks=f"{len(page.items)} found{cut}",
        )
    yield Line(
        f"search {many:,} messages: the slowest of all",
        "Palaver",
        worst,
        target=Target(_WORST_MS, unit=" ms"),
    )
