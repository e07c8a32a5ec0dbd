"""Taking times and making figures of them. Times are nanoseconds. Standard library only."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["median", "paired_ratio", "percentile", "rounds", "timed"]


def timed(
    call: Callable[..., Any], arguments: Iterable[Sequence[Any]], seconds: float = float("inf")
) -> list[int]:
    """How long each call took; none is begun once `seconds` have passed."""
    taken: list[int] = []
    clock = time.perf_counter_ns
    end = clock() + seconds * 1e9
    for each in arguments:
        begin = clock()
        call(*each)
        now = clock()
        taken.append(now - begin)
        if now > end:
            break
    return taken


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def rounds(calls: dict[str, Callable[[], Any]], *, count: int, times: int) -> dict[str, list[list[int]]]:
    """`count` rounds in which each call is timed `times` times, so that the machine's drift hits all alike."""
    found: dict[str, list[list[int]]] = {name: [] for name in calls}
    for number in range(count):
        names = list(calls)
        turned = number % len(names)
        for name in names[turned:] + names[:turned]:
            found[name].append(timed(calls[name], [()] * times))
    return found


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of each round: two figures of one round saw the same machine."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))
