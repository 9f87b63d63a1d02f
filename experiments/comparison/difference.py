"""Two lists of numbers, one per run: how much do their medians differ, and could that be chance? Pure.

The interval is a percentile bootstrap of the difference of medians (Efron and Tibshirani, 1993, chapter 13)
over *runs*: all pairs of one run share one fault, so pairs are no independent sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

ENOUGH = 5
"""Runs per side; with fewer a bootstrap says nothing."""
RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """``change`` = median after − median before, in [low, high]; ``slack`` is what measuring alone may make of it."""

    before: tuple[float, ...]
    after: tuple[float, ...]
    change: float
    low: float
    high: float
    slack: float

    @property
    def enough(self) -> bool:
        return min(len(self.before), len(self.after)) >= ENOUGH

    def word(self, more_is_better: bool) -> str:
        """``worse``, ``better``, ``same``, or ``too few runs``."""
        if not self.enough:
            return "too few runs"
        if abs(self.change) <= self.slack or self.low <= 0 <= self.high:
            return "same"
        return "better" if (self.change > 0) == more_is_better else "worse"


def difference(before: Sequence[float], after: Sequence[float], slack: float = 0.0) -> Difference:
    """``slack``: the half-width of one measurement; smaller changes mean nothing, however regular."""
    change = float(np.median(after) - np.median(before))
    low, high = _interval(before, after) if min(len(before), len(after)) >= ENOUGH else (float("-inf"), float("inf"))
    return Difference(tuple(before), tuple(after), change, low, high, slack)


def _interval(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(before), np.asarray(after)),
        _medians_apart,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=0,
    ).confidence_interval
    return float(found.low), float(found.high)


def _medians_apart(before: Any, after: Any, axis: int = -1) -> Any:
    return np.median(after, axis=axis) - np.median(before, axis=axis)
