"""Rows → the cells of the table: numbers, how bad they are, best and worst of each column."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from experiments.judging.metric_names import MORE_IS_BETTER
from experiments.matrix.plan import Planned
from experiments.matrix.scenario import STRUCK
from experiments.matrix.work import SERIES
from experiments.report.words import MISSING, amount
from experiments.sweep.reading import WHOLE_RUN
from experiments.sweep.work import TRUSTED

if TYPE_CHECKING:
    import polars

BEST, WORST = "best", "worst"
MEASURED, REFUSED, FAILED = "measured", "refused", "failed"


@dataclass(frozen=True, slots=True)
class Number:
    """One heat table. ``badness``: a value → 0 (nothing happened) … 1 (as bad as it gets)."""

    metric: str
    phase: str
    title: str
    about: str
    badness: Callable[[float], float]
    error: float
    """Values no further apart are alike."""


NUMBERS = (
    Number(
        "outage_p99_ms",
        WHOLE_RUN,
        "Outage, 99th percentile",
        "Longest lost run of each pair that lost anything, 99th percentile over these pairs, whole run.",
        lambda value: math.log1p(value / 50) / math.log1p(30_000 / 50),
        100.0,
    ),
    Number(
        "availability_pct",
        WHOLE_RUN,
        "Availability",
        "Share of one-second windows with at most 5 % loss, weighted by demand, whole run.",
        lambda value: math.sqrt(max(0.0, 100 - value) / 100),
        0.01,
    ),
    Number(
        "stale_route_pct",
        STRUCK,
        "Stale routes",
        "Forwarding entries that differ from the oracle's, shortly before the fault is healed. A design with ways "
        "of its own (slices) differs from the beginning.",
        lambda value: math.sqrt(value / 100),
        0.0,
    ),
    Number(
        "return_cost_s",
        WHOLE_RUN,
        "Return cost",
        "From the first hello of the returned brain until forwarding equals the oracle's, where a brain returned.",
        lambda value: value / 15,
        0.1,
    ),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a policy under a fault: metric of ``NUMBERS`` → a value per seed."""

    policy: str
    fault: str
    state: str
    why: str = ""
    values: Mapping[str, Sequence[float]] = field(default_factory=dict)
    trusted: bool = True
    down: Sequence[float] = ()
    """Share of pairs down in each step, with the first seed."""
    broken: Sequence[str] = ()
    """Why runs of some seeds broke, where others did not."""

    def value(self, metric: str) -> float | None:
        """The median over seeds; None when it was not measured."""
        given = self.values.get(metric)
        return statistics.median(given) if given else None

    @property
    def plain(self) -> dict[str, Any]:
        """For matrix.json."""
        told = {"policy": self.policy, "fault": self.fault, "state": self.state}
        if self.state != MEASURED:
            return {**told, "why": self.why}
        medians = {number.metric: self.value(number.metric) for number in NUMBERS}
        return {
            **told,
            "trusted": self.trusted,
            "broken": list(self.broken),
            "medians": medians,
            "values": {k: list(v) for k, v in self.values.items()},
        }


@dataclass(frozen=True, slots=True)
class Cell:
    """As the page shows it."""

    words: str
    title: str = ""
    heat: float | None = None
    mark: str = ""


def found(planned: Planned, rows: polars.DataFrame, failed: Mapping[str, str]) -> dict[tuple[str, str], Found]:
    """Every cell of the cross product, measured or not."""
    mine: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows.sort("seed").iter_rows(named=True) if len(rows) else ():
        mine.setdefault(planned.cells[row["point"]], []).append(row)
    errors: dict[tuple[str, str], list[str]] = {}
    for key, error in failed.items():
        errors.setdefault(planned.cells[key], []).append(error)
    return {
        (policy, fault): _found(policy, fault, planned.refused, errors, mine)
        for policy in planned.asked.policies
        for fault in planned.asked.faults
    }


def _found(
    policy: str,
    fault: str,
    refused: Mapping[tuple[str, str], str],
    errors: Mapping[tuple[str, str], Sequence[str]],
    rows: Mapping[tuple[str, str], list[Mapping[str, Any]]],
) -> Found:
    cell = (policy, fault)
    if cell in refused:
        return Found(policy, fault, REFUSED, refused[cell])
    if cell not in rows:
        return Found(policy, fault, FAILED, next(iter(errors.get(cell, ())), "it was not finished"))
    values = {number.metric: list(_values(rows[cell], number)) for number in NUMBERS}
    whole = [row for row in rows[cell] if row["phase"] == WHOLE_RUN]
    trusted, down = all(row[TRUSTED] for row in whole), json.loads(whole[0][SERIES])
    return Found(policy, fault, MEASURED, "", values, trusted, down, tuple(errors.get(cell, ())))


def _values(rows: Sequence[Mapping[str, Any]], number: Number) -> Iterator[float]:
    for row in rows:
        if row["phase"] == number.phase and row.get(number.metric) is not None:
            yield float(row[number.metric])


def heat(number: Number, every: Mapping[tuple[str, str], Found], policies: Sequence[str], fault: str) -> list[Cell]:
    """A column, in the order of the policies; best and worst are marked where they differ."""
    column = [every[policy, fault] for policy in policies]
    sound = (each for each in column if each.trusted and not each.broken)
    believed = [value for each in sound if (value := each.value(number.metric)) is not None]
    best, worst = min(believed, default=0.0), max(believed, default=0.0)
    if number.metric in MORE_IS_BETTER:
        best, worst = worst, best
    return [_cell(number, each, best, worst) for each in column]


def _cell(number: Number, one: Found, best: float, worst: float) -> Cell:
    value = one.value(number.metric)
    if one.state != MEASURED:
        return Cell(one.state, one.why)
    if value is None:
        return Cell(MISSING)
    given = one.values[number.metric]
    title = f"{amount(number.metric, min(given))} to {amount(number.metric, max(given))}" if len(given) > 1 else ""
    shown = Cell(amount(number.metric, value), title, min(1.0, max(0.0, number.badness(value))))
    if not one.trusted:
        doubt = "the machine could not be believed, or the fault not be shown to have happened"
        return replace(shown, words=f"{shown.words} ?", title=doubt)
    if one.broken:
        return replace(shown, words=f"{shown.words} ?", title=f"{len(one.broken)} more runs broke: {one.broken[0]}")
    if abs(best - worst) <= number.error:
        return shown
    marks = (mark for limit, mark in ((best, BEST), (worst, WORST)) if abs(value - limit) <= number.error)
    return replace(shown, mark=next(marks, ""))
