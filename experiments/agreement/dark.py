"""When each pair was dark: every interval of one run has its like in the other, within the bounds of its borders.

An interval without a like agrees too where the bounds let it vanish: one that is shorter than what its borders
may be off by could have been none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.agreement.bounds import Timer
from experiments.agreement.finding import Aspect, Finding, aspect, word
from experiments.agreement.twins import Twins, phase_of
from experiments.judging import outage
from experiments.judging.story import Story
from topology.model import Pair

NONE = "not dark"


@dataclass(frozen=True, slots=True)
class Dark:
    """A run of lost probes on its story's clock: from the due time of the first to one interval after the last."""

    pair: Pair
    start_s: float
    end_s: float
    slack_s: float = 0.0
    """What unsent probes beside it leave open."""

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    def __str__(self) -> str:
        return f"{self.start_s:.3f}–{self.end_s:.3f} s"


def intervals(story: Story) -> dict[Pair, list[Dark]]:
    """Pair → its intervals in order of time; from the coarse probes, which every pair has."""
    samples, delta_s = story.samples.take(~story.samples.fine), story.interval_s
    runs = outage.find(samples, np.zeros(len(samples), dtype=np.int64), delta_s)
    found: dict[Pair, list[Dark]] = {}
    for index, start_s, length_s, error_s in zip(runs.pair, runs.start_s, runs.length_s, runs.error_s, strict=True):
        pair = samples.pairs[index]
        slack_s = max(0.0, float(error_s) - delta_s)
        found.setdefault(pair, []).append(Dark(pair, float(start_s), float(start_s + length_s), slack_s))
    return found


@dataclass(frozen=True, slots=True)
class Bound:
    """Of one border."""

    s: float
    why: str


def bound(twins: Twins, sides: Sequence[tuple[Story, Dark]], *, start: bool) -> Bound:
    """How far the border may be off: two probe intervals, and the spread of every timer that may strike there."""
    found: dict[str, Timer] = {}
    for story, dark in sides:
        at_s = dark.start_s if start else dark.end_s
        for timer in twins.open_timers(story, at_s, at_s + twins.way_s[dark.pair]):
            found[timer.name] = timer
    slack_s = max(dark.slack_s for _, dark in sides)
    spread_s = sum(timer.spread_s for timer in found.values())
    sources = [timer.source for timer in found.values() if timer.spread_s >= 0.1 * spread_s]
    return Bound(twins.resolution_s + slack_s + spread_s, "; ".join(["two probe intervals", *sources]))


@dataclass(frozen=True, slots=True)
class Match:
    """Intervals that belong together; None on one side: no like."""

    emulated: Dark | None
    modelled: Dark | None
    off_s: float
    bound: Bound
    agrees: bool


def match(twins: Twins, emulated: Sequence[Dark], modelled: Sequence[Dark]) -> Iterator[Match]:
    """One pair's intervals: first those that agree, then what overlaps, then what is left alone."""
    left = list(modelled)
    lonely = []
    for dark in emulated:
        found = [both(twins, dark, other) for other in left]
        best = min((one for one in found if one.agrees), key=lambda one: one.off_s, default=None)
        if best is None:
            lonely.append(dark)
        else:
            left.remove(best.modelled)  # type: ignore[arg-type]
            yield best
    for dark in lonely:
        other = next((other for other in left if _overlap(twins, dark, other)), None)
        if other is None:
            yield alone(twins, twins.emulated, dark)
        else:
            left.remove(other)
            yield both(twins, dark, other)
    yield from (alone(twins, twins.modelled, dark) for dark in left)


def both(twins: Twins, dark: Dark, other: Dark) -> Match:
    """The border that is worse off, measured by its own bound."""
    sides = ((twins.emulated, dark), (twins.modelled, other))
    ends = []
    for start, at_s, there_s in ((True, dark.start_s, other.start_s), (False, dark.end_s, other.end_s)):
        off_s = abs(at_s - twins.shift_s(at_s + twins.way_s[dark.pair]) - there_s)
        ends.append((off_s, bound(twins, sides, start=start)))
    off_s, limit = max(ends, key=lambda end: end[0] - end[1].s)
    return Match(dark, other, off_s, limit, off_s <= limit.s)


def alone(twins: Twins, story: Story, dark: Dark) -> Match:
    """It may have been none at all if it is no longer than its borders are uncertain."""
    limit = max((bound(twins, ((story, dark),), start=start) for start in (True, False)), key=lambda one: one.s)
    mine = story is twins.emulated
    agrees = dark.length_s <= limit.s
    return Match(dark if mine else None, None if mine else dark, dark.length_s, limit, agrees)


def _overlap(twins: Twins, dark: Dark, other: Dark) -> bool:
    shift_s = twins.shift_s(dark.start_s)
    return dark.start_s - shift_s < other.end_s and other.start_s < dark.end_s - shift_s


Matches = Mapping[Pair, Sequence[Match]]


def matches(twins: Twins, lossy: Collection[tuple[Pair, str]] = ()) -> dict[Pair, list[Match]]:
    """All pairs; without what began while the pair lost by chance (``losses``)."""
    sides = [intervals(story) for story in twins.stories]
    found = {}
    for pair in twins.pairs:
        kept = [
            [dark for dark in side.get(pair, ()) if (pair, phase_of(story, dark.start_s)) not in lossy]
            for story, side in zip(twins.stories, sides, strict=True)
        ]
        if any(kept):
            found[pair] = list(match(twins, *kept))
    return found


def compare(found: Matches, twins: Twins) -> Aspect:
    """One finding per interval, or pair of intervals."""
    return aspect("dark intervals", "s")(_finding(twins, one) for matched in found.values() for one in matched)


def _finding(twins: Twins, one: Match) -> Finding:
    story, dark = (twins.emulated, one.emulated) if one.emulated else (twins.modelled, one.modelled)
    assert dark is not None
    phase = phase_of(story, dark.start_s + twins.way_s[dark.pair])
    said = (str(one.emulated or NONE), str(one.modelled or NONE))
    off_s, bound_s = round(one.off_s, 6), round(one.bound.s, 6)
    return Finding(phase, f"{dark.pair[0]}→{dark.pair[1]}", said, word(one.agrees), off_s, bound_s, one.bound.why)
