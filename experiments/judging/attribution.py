"""Which phase does a probe belong to? And how long should it have been on its way?

By due time, with one exception: what is under way at the border. A packet that was due before
something broke and should have arrived after it is lost by that fault, so it counts for the
fault's phase; ``headless`` never inherits from the cut that follows it, nor ``steady`` from the
kill. Likewise one that was due before a heal and was delivered after it owes that to the heal.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from experiments.judging.samples import Bools, Floats, Ints
from experiments.judging.story import Event, Phase, Story

SLACK_S = 0.005
"""Lateness of a probe beyond its configured delay that is still put down to the way."""
PROBE_BITS = 70 * 8
"""Probe frames are at most this long at the host (traffic.probes)."""
NOWHERE = -1


def configured_delay_ms(story: Story, broken: frozenset[str] = frozenset()) -> Floats:
    """[pair], one way: propagation, and the time a probe frame takes onto each link; inf without a path."""
    links = {link.name: link for link in story.topology.links}
    cost = {name: link.delay_ms + PROBE_BITS / link.capacity_bps * 1e3 for name, link in links.items()}
    ways = (story.way(pair, broken) for pair in story.samples.pairs)
    return np.array([sum(cost[name] for name in way) if way else np.inf for way in ways], dtype=np.float64)


def crossing(story: Story, links: Collection[str]) -> Bools:
    """[pair]: whether its shortest path, all links up, uses one of ``links``."""
    wanted = set(links)
    return np.array([not wanted.isdisjoint(story.way(pair)) for pair in story.samples.pairs], dtype=np.bool_)


def phase_numbers(story: Story) -> Ints:
    """For each probe the number of its phase; NOWHERE outside all of them."""
    samples, starts_s = story.samples, np.array([phase.start_s for phase in story.phases])
    if not len(samples) or not story.phases:
        return np.full(len(samples), NOWHERE, dtype=np.int64)
    number = np.searchsorted(starts_s, samples.due_s, side="right").astype(np.int64) - 1
    number[samples.due_s >= story.end_s] = NOWHERE
    arrival_s = samples.due_s + (np.nan_to_num(configured_delay_ms(story), posinf=0.0) / 1e3)[samples.pair]
    for later, phase in enumerate(story.phases[1:], start=1):
        if phase.opened_by:
            under_way = (samples.due_s < phase.start_s) & (arrival_s + SLACK_S >= phase.start_s)
            owed = samples.lost if phase.injected else samples.delivered
            number[owed & under_way & (number == later - 1)] = later
    return number


def faulted_links(events: Collection[Event]) -> frozenset[str]:
    """Every backbone link that the timeline touches at any time."""
    return frozenset(link for event in events for link in event.links)


def first_fault_s(story: Story) -> float:
    """The end of the null window: when the first thing was broken, or the end of the run."""
    return min((event.began_s for event in story.events if not event.restores), default=story.end_s)


def settled(phase: Phase) -> tuple[float, float]:
    """The part of a phase whose delays describe it: without its first second (or quarter) and its last tenth."""
    return phase.start_s + min(1.0, phase.length_s / 4), phase.end_s - min(0.3, phase.length_s / 10)
