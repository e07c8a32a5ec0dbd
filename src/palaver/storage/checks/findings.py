"""What was found, and what mends it."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from palaver.model import Problem

Mend = Callable[..., None]
"""Takes the transaction that writes."""

MOST = 10_000
"""Problems that are named; of more than these, only how many there are."""


class Finding(NamedTuple):
    """A problem, with what puts right what can be derived from the messages; doing it twice is harmless."""

    problem: Problem
    mend: Mend | None


class Findings:
    """Problems in the order they were found, and how many rows were looked at."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self.items: list[Finding] = []
        self._more = 0

    def add(self, kind: str, where: str, what: str, mend: Mend | None = None) -> None:
        if len(self.items) < MOST:
            self.items.append(Finding(Problem(kind=kind, where=where, what=what), mend))
        else:
            self._more += 1

    def problems(self) -> list[Problem]:
        found = [finding.problem for finding in self.items]
        if self._more:
            what = f"{self._more} more problems were found and are not named"
            found.append(Problem(kind="more", where="database", what=what))
        return found
