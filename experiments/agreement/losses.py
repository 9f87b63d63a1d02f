"""Pairs that lose single probes by chance: no interval of one run has its like in the other, only their share has.

A lossy link throws its dice in each run anew. So where a pair loses in many short runs during a phase, the share
of its probes that were lost is compared, within what chance makes of two such counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import sqrt

import numpy as np

from experiments.agreement.dark import Dark, intervals
from experiments.agreement.finding import Aspect, Finding, aspect, word
from experiments.agreement.twins import Twins, phase_of
from experiments.judging.attribution import phase_numbers
from experiments.judging.story import Story
from topology.model import Pair

MANY, SHORT = 4, 2.5
"""By chance: at least so many runs of lost probes in a phase, half of them no longer than so many intervals."""
SIGMAS = 4.0
"""Of the difference of two binomial shares: one comparison in 16,000 is off by more if nothing differs."""
PlacedPair = tuple[Pair, str]


def lossy(twins: Twins) -> frozenset[PlacedPair]:
    """(pair, phase) that lose by chance in either run."""
    return frozenset(placed for story in twins.stories for placed in _lossy(story))


def _lossy(story: Story) -> Iterator[PlacedPair]:
    for pair, found in intervals(story).items():
        by_phase: dict[str, list[Dark]] = {}
        for dark in found:
            by_phase.setdefault(phase_of(story, dark.start_s), []).append(dark)
        for phase, runs in by_phase.items():
            middle_s = float(np.median([dark.length_s for dark in runs]))
            if len(runs) >= MANY and middle_s <= SHORT * story.interval_s:
                yield pair, phase


def compare(twins: Twins, placed: Collection[PlacedPair]) -> Aspect:
    """Lost shares, one finding per pair and phase."""
    counts = [_counts(story) for story in twins.stories]
    return aspect("losses by chance", "%")(_finding(one, *(side[one] for side in counts)) for one in sorted(placed))


def _counts(story: Story) -> dict[PlacedPair, tuple[int, int]]:
    """(lost, sent) coarse probes."""
    samples, number = story.samples, phase_numbers(story)
    chosen = ~samples.fine & samples.sent & (number >= 0)
    shape = (len(samples.pairs), len(story.phases))
    cell = samples.pair[chosen] * shape[1] + number[chosen]
    sent = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    lost = np.bincount(cell[samples.lost[chosen]], minlength=shape[0] * shape[1]).reshape(shape)
    return {
        (pair, phase.name): (int(lost[row, place]), int(sent[row, place]))
        for row, pair in enumerate(samples.pairs)
        for place, phase in enumerate(story.phases)
    }


def _finding(placed: PlacedPair, emulated: tuple[int, int], modelled: tuple[int, int]) -> Finding:
    (pair, phase), sent = placed, [max(count, 1) for _, count in (emulated, modelled)]
    shares = [lost / count for (lost, _), count in zip((emulated, modelled), sent, strict=True)]
    pooled = (emulated[0] + modelled[0]) / sum(sent)
    bound = SIGMAS * sqrt(pooled * (1 - pooled) * sum(1 / count for count in sent))
    off = abs(shares[0] - shares[1])
    said = (f"{emulated[0]} of {emulated[1]} lost", f"{modelled[0]} of {modelled[1]} lost")
    why = f"chance: {SIGMAS:g} standard deviations of the difference of two binomial shares"
    off_pct, bound_pct = round(100 * off, 3), round(100 * bound, 3)
    return Finding(phase, f"{pair[0]}→{pair[1]}", said, word(off <= bound), off_pct, bound_pct, why)
