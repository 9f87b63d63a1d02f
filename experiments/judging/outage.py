"""Outages: runs of consecutive lost probes, and what a pair lost to a cut link is made of.

An outage is the number of probe slots from the first lost probe to the last, times the
interval δ. What is true lies within ± δ, or more where the machine left slots unsent beside
it: unsent probes say nothing and are bridged, not counted as delivered.

The outage of a cut is *in flight + repair*: all that is on the cut link when it goes is lost
(one-way delay of the link, from its configuration), then nothing passes until the repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from experiments.faults.kind import SWITCH
from experiments.judging.samples import Bools, Floats, Ints, Samples
from experiments.judging.story import Event, Story


@dataclass(frozen=True)
class Runs:
    """One row per run of lost probes; a run does not cross the border of its group."""

    pair: Ints
    group: Ints
    start_s: Floats
    """Due time of its first probe."""
    length_s: Floats
    error_s: Floats
    open_start: Bools
    """No probe of its group was delivered before it: it may have begun earlier."""
    open_end: Bools

    def __len__(self) -> int:
        return len(self.pair)

    def take(self, chosen: Bools) -> Runs:
        return Runs(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


def find(samples: Samples, group: Ints, interval_s: float) -> Runs:
    """The runs of lost probes of one stream kind (all coarse, or all fine). ``samples`` are sorted.

    ``group`` is a number per probe, such as its phase; negative: left out.
    """
    kept = samples.sent & (group >= 0)
    pair, seq, due_s = samples.pair[kept], samples.seq[kept], samples.due_s[kept]
    lost, group = samples.lost[kept], group[kept]
    if not len(pair):
        empty, none = np.zeros(0), np.zeros(0, dtype=np.bool_)
        return Runs(pair, group, empty, empty, empty, none, none)
    new_pair = np.append(True, pair[1:] != pair[:-1])
    new = new_pair | np.append(True, group[1:] != group[:-1])
    last = np.append(new[1:], True)
    first = np.flatnonzero(lost & (new | np.append(True, ~lost[:-1])))
    final = np.flatnonzero(lost & (last | np.append(~lost[1:], True)))
    gap = _widest_gap(seq, new_pair, first, final)
    return Runs(
        pair[first], group[first], due_s[first],
        (seq[final] - seq[first] + 1) * interval_s, gap * interval_s, new[first], last[final],
    )  # fmt: skip


def _widest_gap(seq: Ints, new_pair: Bools, first: Ints, final: Ints) -> Ints:
    """Slots to the nearest probes that were sent, on either side of each run: 1 when none is missing."""
    before = np.where(new_pair[first], 1, seq[first] - seq[first - 1])
    after = np.minimum(final + 1, len(seq) - 1)
    ends_pair = (after == final) | new_pair[after]
    return np.asarray(np.maximum(before, np.where(ends_pair, 1, seq[after] - seq[final])))


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest outage of each pair that lost anything."""

    pair: Ints
    length_s: Floats
    error_s: Floats


def longest(runs: Runs) -> Longest:
    """Per pair; pairs in ascending order."""
    order = np.lexsort((-runs.length_s, runs.pair))
    pair = runs.pair[order]
    first = np.append(True, pair[1:] != pair[:-1]) if len(pair) else np.zeros(0, dtype=np.bool_)
    return Longest(pair[first], runs.length_s[order][first], runs.error_s[order][first])


@dataclass(frozen=True, slots=True)
class Parts:
    """One fine pair's outage at a cut, split."""

    outage_ms: float
    in_flight_ms: float
    repair_ms: float
    error_ms: float
    repaired: bool
    """False: still dark at the next event."""
    note: str = ""


def split(story: Story, cut: Event, number: int, phase: Ints) -> list[Parts]:
    """The outages of the fine pairs that cross the cut link, during phase ``number``.

    A pair that was dark already when the link was cut says nothing about the repair and
    gives none; nor does one that ends at a PoP that is struck. Fine probes end soon after the
    cut: a repair that comes later is measured by the pair's coarse ones.
    """
    fine = story.samples.fine
    samples, group, known = story.samples.take(fine), phase[fine], list[Parts]()
    quick = find(samples, group, story.fine_interval_s)
    slow = find(story.samples.take(~fine), phase[~fine], story.interval_s)
    for index, pair in enumerate(samples.pairs):
        mine = samples.pair == index
        crossed = [name for name in story.way(pair) if name in cut.links]
        if not crossed or not set(pair).isdisjoint(cut.pops) or not np.any(mine & (group == number) & samples.sent):
            continue
        before = np.flatnonzero(mine & samples.sent & (group >= 0) & (group < number))
        if len(before) and samples.lost[before[-1]]:
            continue
        in_flight_ms = _in_flight_ms(story, cut, crossed)
        first, later = (runs.take((runs.pair == index) & (runs.group == number)) for runs in (quick, slow))
        fine_parts = _parts(first, story.fine_interval_s, in_flight_ms)
        coarse_parts = _parts(later, story.interval_s, in_flight_ms)
        longer = coarse_parts.outage_ms > fine_parts.outage_ms + coarse_parts.error_ms
        known.append(coarse_parts if longer and not fine_parts.repaired else fine_parts)
    return known


def _in_flight_ms(story: Story, cut: Event, crossed: Sequence[str]) -> float:
    """What is on the struck links is lost; behind a switch that has merely crashed it still arrives."""
    lost_on = crossed[:1] if cut.aims_at == SWITCH else crossed
    return sum(story.topology.link(name).delay_ms for name in lost_on)


def _parts(runs: Runs, interval_s: float, in_flight_ms: float) -> Parts:
    if not len(runs):
        return Parts(0.0, 0.0, 0.0, interval_s * 1e3, True, "no fine probe was lost")
    row = int(np.argmax(runs.length_s))
    outage_ms, error_ms = float(runs.length_s[row]) * 1e3, float(runs.error_s[row]) * 1e3
    repair_ms = max(0.0, outage_ms - in_flight_ms)
    return Parts(outage_ms, min(in_flight_ms, outage_ms), repair_ms, error_ms, not bool(runs.open_end[row]))
