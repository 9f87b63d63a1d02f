"""Lives → curves and figures: Kaplan–Meier with bands, medians with intervals. Pure.

A life that was still going on at the horizon is right-censored there: all that is known of it is that
it lasted longer. The estimator is ``scipy.stats.ecdf``'s (Kaplan & Meier 1958) with Greenwood's variance
and log-log bands; a median's interval is where the band crosses one half (Brookmeyer & Crowley 1982).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import CensoredData, bootstrap, ecdf

LEVEL = 0.95
RESAMPLES = 2000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """The share that has lasted longer than ``times``, falling at each of them; ``low`` and ``high`` bound it."""

    times: Floats
    share: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % interval; None: beyond what was looked at."""

    value: float | None
    low: float | None
    high: float | None


def curve(times: ArrayLike, ended: ArrayLike) -> Curve:
    """Of lives that ended, or were only followed until then."""
    over = np.asarray(ended, dtype=np.bool_)
    found = ecdf(CensoredData.right_censored(np.asarray(times, dtype=np.float64), ~over)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the logarithm of one and of zero, put right below
        band = found.confidence_interval(LEVEL, method="log-log")
    share = np.asarray(found.probabilities)
    low, high = (_bounded(np.asarray(side.probabilities), share) for side in (band.low, band.high))
    return Curve(np.asarray(found.quantiles), share, low, high)


def _bounded(side: Floats, share: Floats) -> Floats:
    """Where the formula gives nothing (all alive, or none) the bound is the share itself."""
    return np.where(np.isfinite(side), side, share)


def median(found: Curve) -> Figure:
    """When half is over."""
    return Figure(*(_reaches(found.times, side, 0.5) for side in (found.share, found.low, found.high)))


def lasting(found: Curve, until: float) -> Figure:
    """The share that lasts longer than this, at most the horizon."""
    before = int(np.searchsorted(found.times, until, side="right")) - 1
    if before < 0:
        return Figure(1.0, 1.0, 1.0)
    return Figure(*(float(side[before]) for side in (found.share, found.low, found.high)))


def mean(values: ArrayLike) -> Figure:
    """With its bootstrap percentile interval; the same values give the same interval."""
    given = np.asarray(values, dtype=np.float64)
    value = float(given.mean())
    if np.ptp(given) == 0:
        return Figure(value, value, value)
    drawn = bootstrap((given,), np.mean, n_resamples=RESAMPLES, confidence_level=LEVEL, method="percentile", rng=0)
    return Figure(value, float(drawn.confidence_interval.low), float(drawn.confidence_interval.high))


def _reaches(times: Floats, side: Floats, level: float) -> float | None:
    below = np.flatnonzero(side <= level)
    return float(times[below[0]]) if len(below) else None
