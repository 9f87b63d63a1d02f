"""Round trips per pair of PoPs from one-way delays: one machine, one clock.

Two figures: *inflation* against the same run before its first fault, and *stretch* against
the shortest path that the surviving network offers, both from the medians of a phase's
settled part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.judging.samples import Bools, Floats, Ints, Samples
from experiments.judging.story import Story

STRETCH_FLOOR_MS = 40.0
"""Round trips shorter than this count as this long (EBB, SIGCOMM'23): nobody feels the rest."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Per pair: median one-way delay and half the width of its middle half; NaN without a delivered probe."""

    median_ms: Floats
    spread_ms: Floats


def quantiles(values: Floats, group: Ints, groups: int, shares: tuple[float, ...]) -> Floats:
    """[share, group]: nearest-rank quantiles of each group; NaN for an empty one."""
    order = np.lexsort((values, group))
    ranked, counts = values[order], np.bincount(group, minlength=groups)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    found = np.full((len(shares), groups), np.nan)
    filled = counts > 0
    for row, share in enumerate(shares):
        rank = np.ceil(share * counts[filled]).astype(np.int64) - 1
        found[row, filled] = ranked[starts[filled] + np.maximum(rank, 0)]
    return found


def delays(samples: Samples, chosen: Bools) -> Delays:
    """Of the chosen probes that were delivered."""
    kept = chosen & samples.delivered
    low, middle, high = quantiles(samples.delay_ms[kept], samples.pair[kept], len(samples.pairs), (0.25, 0.5, 0.75))
    return Delays(middle, (high - low) / 2)


def round_trips(story: Story, one_way_ms: Floats) -> Floats:
    """[pair]: there and back; NaN where either way is unknown."""
    samples = story.samples
    place = {pair: index for index, pair in enumerate(samples.pairs)}
    back = np.array([place.get((dst, src), -1) for src, dst in samples.pairs], dtype=np.int64)
    return np.where(back >= 0, one_way_ms + one_way_ms[back], np.nan) if len(back) else one_way_ms


def inflation(story: Story, now: Delays, before: Delays) -> tuple[Floats, Floats]:
    """(RTT now / RTT before, its error) per pair that is known in both."""
    ratio = round_trips(story, now.median_ms) / round_trips(story, before.median_ms)
    error = round_trips(story, now.spread_ms + before.spread_ms) / round_trips(story, before.median_ms)
    known = np.isfinite(ratio)
    return ratio[known], error[known]


def stretch(story: Story, now: Delays, broken: frozenset[str]) -> Floats:
    """max(1, RTT / max(c, RTT*)) per known pair, RTT* over the links that are left."""
    distance_ms, topology = story.paths(broken).distance_ms, story.topology
    ends = [(topology.pop(src).index, topology.pop(dst).index) for src, dst in story.samples.pairs]
    best_ms = np.array([2 * distance_ms[a, b] for a, b in ends], dtype=np.float64)
    ratio = round_trips(story, now.median_ms) / np.maximum(STRETCH_FLOOR_MS, best_ms)
    return np.asarray(np.maximum(1.0, ratio[np.isfinite(ratio)]), dtype=np.float64)
