"""Looking at every row, and putting right what can be derived from the messages."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from msgspec.structs import replace

from palaver.errors import Corrupt
from palaver.model import Problem, Report
from palaver.storage.checks import others, sessions
from palaver.storage.checks.findings import Finding, Findings, Mend
from palaver.storage.transaction import Reading

PAGE = "page_damaged"
_NO_VALUE = (TypeError, ValueError, LookupError, AttributeError, OverflowError)
_MARK = "mark_missing"

Work = Callable[..., None]
"""Looks at something; takes the transaction that reads."""


class Inspection:
    """What was found within sessions and elsewhere, and the keys of the sessions in which something is wrong.

    `reading` gives the transaction to read with, before each step; `unreadable` are the driver's errors for what the
    database cannot read.
    """

    def __init__(self, reading: Callable[[], Reading], unreadable: tuple[type[Exception], ...]) -> None:
        self.inside = Findings()
        self.outside = Findings()
        self.touched: list[int] = []
        self._reading = reading
        self._unreadable: tuple[type[Exception], ...] = (*unreadable, Corrupt)

    @property
    def items(self) -> list[Finding]:
        return [*self.outside.items, *self.inside.items]

    def report(self) -> Report:
        problems = [*self.outside.problems(), *self.inside.problems()]
        return Report(problems=problems, checked=dict(self.outside.checked + self.inside.checked))

    def look(self, *more: tuple[str, Work]) -> None:
        """Look at everything there is; `more` are works of this database alone, with what they look at."""
        shared: Iterable[tuple[str, Work]] = (
            ("project", others.check_projects),
            ("message", sessions.check_orphans),
            ("preference", others.check_preferences),
            ("account", others.check_accounts),
            ("file", others.check_files),
            ("change", others.check_changes),
        )
        self._look_at("session", self._look_at_sessions, self.outside)
        for where, check in shared:
            self._look_at(where, partial(check, found=self.outside), self.outside)
        for where, work in more:
            self._look_at(where, work, self.outside)

    def can_be_mended(self) -> bool:
        """Something can, and no page is damaged."""
        damaged = any(finding.problem.kind == PAGE for finding in self.items)
        return not damaged and any(finding.mend for finding in self.items)

    def mend(self, tx: Any, rebuild_index: Mend) -> list[Problem]:
        """Look again at the sessions in which something was wrong, now that nobody else writes, and put it right."""
        inside = Findings()
        for key in self.touched:
            sessions.check_session(tx, key, inside)
        items = [*self.outside.items, *inside.items]
        mends = {id(finding.mend): finding.mend for finding in items if finding.mend}
        for mend in mends.values():
            mend(tx)
        if any(finding.problem.kind == _MARK for finding in items):
            rebuild_index(tx)  # What was indexed under the old mark would not be found.
        return [replace(finding.problem, repaired=finding.mend is not None) for finding in items]

    def _look_at(self, where: str, work: Work, found: Findings) -> None:
        """What cannot be read is a problem like others, and does not keep the rest from being looked at."""
        try:
            work(self._reading())
        except self._unreadable as exc:
            found.add(PAGE, where, f"it cannot be read to its end: {exc}; restore a backup")
        except _NO_VALUE as exc:
            what = f"what stands there is of no kind that is stored ({exc}); restore a backup"
            found.add(PAGE, where, what)

    def _look_at_sessions(self, tx: Reading) -> None:
        for key in sessions.list_keys(tx):
            before = len(self.inside.items)
            work = partial(sessions.check_session, key=key, found=self.inside)
            self._look_at(f"session number {key}", work, self.inside)
            if len(self.inside.items) > before:
                self.touched.append(key)
