"""Which axis moves a number? The share of its variance that each explains by itself. Pure.

The first-order index of an axis is Var(E[Y | axis]) / Var(Y) (Sobol' 1993; Saltelli et al. 2008, §1.2.5),
which for values in groups is the correlation ratio η² of the analysis of variance. Estimated from n points in
k groups it is too large by what chance alone gives; Kelley's ε² (1935) takes that out:

    ε² = 1 − (1 − η²) (n − 1) / (n − k)

What drawn axes hold in common is nothing, and a grid is balanced, so the shares add up, to at most one; the
rest is what axes do together only (interactions), and what none of them decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_GROUPS = 10
"""Of a numeric axis with many values: as many groups of like size."""
LEAST_PER_GROUP = 2.0
Floats = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """``share`` of the variance, 0 to 1; None where there are too few points to tell it from chance.

    ``rank``: Spearman's correlation of a numeric axis, -1 to 1; None of names.
    """

    axis: str
    share: float | None
    rank: float | None


def effect(axis: str, levels: Sequence[Any], values: Floats) -> Effect:
    """Of one axis on one number; one level and one value per point."""
    numeric = all(isinstance(level, (int, float)) for level in levels)
    numbers = np.asarray(levels, dtype=np.float64) if numeric else None
    return Effect(axis, explained(groups(levels), values), None if numbers is None else _rank(numbers, values))


def groups(levels: Sequence[Any]) -> NDArray[Any]:
    """A number per point: its level, or its tenth of a numeric axis with many."""
    known, place = np.unique(np.asarray(levels), return_inverse=True)
    if len(known) <= MOST_GROUPS or not np.issubdtype(known.dtype, np.number):
        return np.asarray(place)
    count = min(MOST_GROUPS, max(2, math.isqrt(len(levels))))
    edges = np.quantile(np.asarray(levels, dtype=np.float64), np.linspace(0, 1, count + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, np.asarray(levels, dtype=np.float64), side="right"))


def explained(group: NDArray[Any], values: Floats) -> float | None:
    """ε², not below zero; None when the number does not vary or the groups are too small."""
    total = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    known, place, count = np.unique(group, return_inverse=True, return_counts=True)
    if total <= 1e-12 * max(1.0, float(np.abs(values).max(initial=0.0))) or len(known) < 2:
        return None
    if len(values) / len(known) < LEAST_PER_GROUP:
        return None
    means = np.bincount(place, weights=values) / count
    between = float((count * (means - values.mean()) ** 2).sum())
    n, k = len(values), len(known)
    return max(0.0, 1 - (1 - between / total) * (n - 1) / (n - k))


def _rank(numbers: Floats, values: Floats) -> float | None:
    from scipy.stats import spearmanr

    if len(values) < 3 or np.ptp(numbers) == 0 or np.ptp(values) == 0:
        return None
    return float(spearmanr(numbers, values).statistic)
