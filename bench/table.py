"""The one table: a line for each figure, with its target and whether it is met."""

from collections.abc import Sequence
from typing import NamedTuple

_HEADINGS = ("what", "system", "median", "p99", "ratio", "target", "met", "remarks")


class Target(NamedTuple):
    """A limit for a line's ratio, or for its median where it has no ratio."""

    limit: float
    at_least: bool = False
    unit: str = ""

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:,g}{self.unit}"


class Line(NamedTuple):
    """A figure. `median` and `p99` are in `unit`; times are in nanoseconds, `unit` "ns", and shown as they read best."""

    what: str
    system: str
    median: float | None = None
    p99: float | None = None
    unit: str = "ns"
    ratio: float | None = None
    of: str = ""
    target: Target | None = None
    remarks: str = ""

    @property
    def met(self) -> bool | None:
        """None where there is no target or nothing was measured."""
        value = self.median if self.ratio is None else self.ratio
        if self.target is None or value is None:
            return None
        limit = self.target.limit
        if self.ratio is None and self.unit == "ns":
            limit *= _SCALES[self.target.unit.strip()]
        return value >= limit if self.target.at_least else value <= limit


_SCALES = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}


def render(lines: Sequence[Line]) -> str:
    """As Markdown, so that it can go into the documentation as it is."""
    rows = [_HEADINGS, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    shown = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown)


def as_json(lines: Sequence[Line]) -> list[dict[str, object]]:
    """The same figures for programs."""
    return [
        {**line._asdict(), "target": str(line.target) if line.target else None, "met": line.met}
        for line in lines
    ]


def _cells(line: Line) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: ""}[line.met]
    ratio = "" if line.ratio is None else f"{line.ratio:,.3g} {line.of}".strip()
    target = "" if line.target is None else str(line.target)
    shown = (_figure(line.median, line.unit), _figure(line.p99, line.unit))
    return (line.what, line.system, *shown, ratio, target, met, line.remarks)


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit != "ns":
        return (f"{value:,.0f}" if value >= 100 else f"{value:.3g}") + f" {unit}".rstrip()
    name, scale = next(
        (name, scale) for name, scale in _SCALES.items() if abs(value) < scale * 1000 or name == "s"
    )
    return f"{value / scale:.3g} {name}"
