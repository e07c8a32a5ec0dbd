"""How often a fault is tried: as many times as CI has patience for, or far more often behind the marker `long`."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import TypeVar

import pytest

T = TypeVar("T")


class Tries:
    """Up to `most` of them, and none that would begin after `seconds`. `say` takes down for the end how many there were."""

    def __init__(self, most: int, say: Callable[[str], None], seconds: float | None = None) -> None:
        self.most = most
        self.done = 0
        self.say = say
        self._seconds = seconds
        self._begun = time.monotonic()

    @property
    def seconds_left(self) -> float:
        """How long there is time for more."""
        return math.inf if self._seconds is None else self._seconds * (1 - self._spent())

    def over(self) -> bool:
        """Whether the time is up."""
        return self._spent() > 1

    def __iter__(self) -> Iterator[int]:
        while self.done < self.most and not self.over():
            yield self.done
            self.done += 1

    def among(self, items: Sequence[T], chance: Random) -> Iterator[T]:
        """Any of the items, none twice, spread evenly over them."""
        chosen = list(items)
        chance.shuffle(chosen)
        for item in chosen[: self.most]:
            if self.over():
                return
            yield item
            self.done += 1

    def along(self, count: int, chance: Random) -> Iterator[int]:
        """Numbers below `count` in order, spread evenly; where the time is short, further apart from each other."""
        at = chance.random() * max(1.0, count / self.most)
        while at < count and not self.over():
            yield int(at)
            self.done += 1
            at += max(1.0, count / self.most, self._stride(at, count))

    def _stride(self, at: float, count: int) -> float:
        """How far to go on so that the end is reached as the time runs out."""
        left = 1 - self._spent()
        if left <= 0:
            return count
        return (count - at) * self._spent() / self.done / left

    def _spent(self) -> float:
        """Which part of the time."""
        return (time.monotonic() - self._begun) / self._seconds if self._seconds else 0.0


def at_most(bounded: int, long: int) -> pytest.MarkDecorator:
    """Runs a test with the fixture `tries` twice: bounded in every run, and long where it is asked for."""
    numbers = [bounded, pytest.param(long, marks=pytest.mark.long)]
    return pytest.mark.parametrize("tries", numbers, indirect=True)
