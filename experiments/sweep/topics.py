"""The rows of a sweep as what its report is about: a metric in a phase, with its values under each policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.sweep.reading import WHOLE_RUN
from experiments.sweep.work import CENSORED, TRUSTED

if TYPE_CHECKING:
    import polars

Floats = NDArray[Any]
Bools = NDArray[Any]


@dataclass(frozen=True)
class Topic:
    """One number of every point, drawn as often as chance has drawn it."""

    metric: str
    phase: str
    frame: polars.DataFrame
    """The rows that have it, with all their axes."""

    @property
    def name(self) -> str:
        return f"{self.metric}, {self.phase}"

    @property
    def policies(self) -> list[str]:
        return [str(name) for name in self.frame["policy"].unique(maintain_order=True)]

    @property
    def values(self) -> Floats:
        return np.asarray(self.frame[self.metric].to_numpy(), dtype=np.float64)

    @property
    def over(self) -> Bools:
        """False where the time was not over when its phase ended."""
        column = self.metric + CENSORED
        if column not in self.frame.columns:
            return np.ones(len(self.frame), dtype=np.bool_)
        return np.asarray(~self.frame[column].fill_null(False).to_numpy().astype(np.bool_))

    @property
    def censored(self) -> bool:
        """Some of the times were not over: only a survival curve tells them rightly."""
        return not bool(self.over.all())

    def of(self, policy: str) -> Topic:
        import polars as pl

        return Topic(self.metric, self.phase, self.frame.filter(pl.col("policy") == policy))

    def worst(self) -> Mapping[str, Any]:
        """The row of the point with the largest value; of shares of what works, the smallest."""
        better_high = self.metric.startswith(("availability", "demand_satisfied"))
        place = int(np.argmin(self.values) if better_high else np.argmax(self.values))
        return self.frame.row(place, named=True)


def believed(rows: polars.DataFrame) -> polars.DataFrame:
    """Without points at which the machine could not be believed, or a fault not be shown."""
    import polars as pl

    return rows.filter(pl.col(TRUSTED)) if TRUSTED in rows.columns else rows


def topics(rows: polars.DataFrame, metrics: Sequence[str], phases: Sequence[str]) -> list[Topic]:
    """In the order of ``metrics``; without ``phases``, each over the whole run if it exists there."""
    import polars as pl

    rows = believed(rows)
    drawn = rows[np.repeat(np.arange(len(rows)), rows["draws"].cast(pl.Int64))] if len(rows) else rows
    found = []
    for metric in metrics:
        if metric not in drawn.columns:
            continue
        known = drawn.filter(pl.col(metric).is_not_null())
        there = [str(name) for name in known["phase"].unique(maintain_order=True)]
        wanted = phases or ([WHOLE_RUN] if WHOLE_RUN in there else there)
        for phase in (name for name in there if name in wanted):
            found.append(Topic(metric, phase, known.filter(pl.col("phase") == phase)))
    return found
