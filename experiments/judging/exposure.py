"""How far a bad push got, and for how long, from what the brain said about each PoP's configuration.

A version counts for a PoP from its barrier on (``configured``) until the next one does; it is bad
where the PoP's build is harmed by it, whether or not the harm shows yet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from experiments.judging.responses import STAMP_ERROR_S, Measure, said, unknown
from experiments.judging.story import Line, Story

GOOD = "good"
REACH = 0.9
"""Share of the PoPs that a push has reached when it counts as being everywhere."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A PoP had a version that is bad for it."""

    pop: str
    from_s: float
    until_s: float


def exposure(story: Story, start_s: float, end_s: float) -> dict[str, Measure]:
    """The metrics of one stretch of the run; empty when there was no bad push in all of it."""
    pushes = [line for line in said(story, "push") if line.get("mode") != GOOD]
    if not pushes:
        return {}
    stays = [stay for stay in _stays(story) if stay.from_s < end_s and stay.until_s > start_s]
    exposed_s = sum(min(stay.until_s, end_s) - max(stay.from_s, start_s) for stay in stays)
    pops = {stay.pop for stay in stays}
    found = {
        "push_bad_pop_s": Measure(exposed_s, 2 * STAMP_ERROR_S * len(stays)),
        "push_bad_pops_pct": Measure(100 * len(pops) / len(story.topology.pops)),
    }
    begun = [line for line in pushes if start_s <= float(line["t"]) < end_s]
    return found | ({"push_reach_90_s": _reach(story, begun[0], end_s)} if begun else {})


def mended_s(story: Story, since_s: float) -> float:
    """When the last PoP reached by the bad push ordered at ``since_s`` had a good version; at once if it reached none.

    What a later bad push brings counts for that one, unless it came while this one's stood.
    """
    orders = [(line.get("version"), float(line["t"])) for line in said(story, "push") if float(line["t"]) > since_s]
    later = (at_s for version, at_s in orders if version != orders[0][0])  # of several brains each says so
    next_s = min(later, default=math.inf)
    mine = (stay.until_s for stay in _stays(story) if stay.from_s < next_s and stay.until_s > since_s)
    return max(mine, default=since_s)


def _reach(story: Story, push: Line, end_s: float) -> Measure:
    """From the order to its arrival at 90 % of the PoPs, harmed or not."""
    version, total = push.get("version"), len(story.topology.pops)
    arrivals = [line for line in said(story, "configured") if line.get("version") == version]
    times = sorted({str(line["pop"]): float(line["t"]) for line in reversed(arrivals)}.values())
    inside = [time_s for time_s in times if float(push["t"]) <= time_s < end_s]
    enough = math.ceil(REACH * total - 1e-9)
    if len(inside) < enough:
        return unknown(f"it had reached {len(inside)} of {total} PoPs by then")
    return Measure(inside[enough - 1] - float(push["t"]), STAMP_ERROR_S)


def _stays(story: Story) -> Iterator[Stay]:
    since: dict[str, float] = {}
    for line in said(story, "configured"):
        pop, at_s = str(line["pop"]), float(line["t"])
        if pop in since and line.get("mode") == GOOD:
            yield Stay(pop, since.pop(pop), at_s)
        elif line.get("mode") != GOOD:
            since.setdefault(pop, at_s)
    yield from (Stay(pop, from_s, story.end_s) for pop, from_s in since.items())
