"""(spec, topology, timeline, demand) → what is sent: decided before the first packet, and told.

All ordered pairs are probed, or, where there are more than the spec wants, a sample: up to half
of it pairs that cross a link to be struck, the rest drawn from all others (the controls). Fine
probes go across the first struck link or PoP, one pair each way. Bulk flows are the largest of the
gravity matrix, scaled so that the *whole* matrix would load its busiest link as the spec says.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from controller.paths import shortest
from experiments.asking.spec import Spec, TrafficSpec
from experiments.asking.targets import Shares
from experiments.asking.timeline import Timeline
from experiments.lab import TrafficPlan
from topology.errors import InputError, Problem
from topology.model import Link, Pair, Topology
from topology.units import format_rate
from traffic.bulk import BulkFlow
from traffic.demand import bulk_flows
from traffic.probes import ProbePlan, probe_shares

MAX_PROBE_SHARE = 0.1
"""Of any link's rate, or the probes are the load that they measure."""
FINE_BEFORE_S, FINE_AFTER_S = 0.2, 0.6
"""A local repair takes milliseconds, BFD's word 0.3 s; what takes longer is seen well enough by coarse probes."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Planned:
    """What is sent, and why it is that; ``facts`` go into the manifest."""

    traffic: TrafficPlan
    crossing: tuple[Pair, ...]
    """Probed pairs whose way crosses a link that will be struck."""
    controls: tuple[Pair, ...]
    """Probed pairs whose way crosses none: what they lose, the machine lost."""
    facts: Mapping[str, float]

    @property
    def traced(self) -> tuple[Pair, ...]:
        """Whose path is traced in each phase: the fine pairs and one control."""
        return tuple(dict.fromkeys((*self.traffic.probes.fine_pairs, *self.controls[:1])))


def plan(spec: Spec, topology: Topology, timeline: Timeline, shares: Shares, seed: int) -> Planned:
    """Raises InputError when the probes would take more than a tenth of a link, with the numbers."""
    paths = shortest(topology)
    links = {pair: tuple(map(topology.link, paths.links(*pair))) for pair in topology.pairs}
    struck = {link for strike in timeline.strikes for link in strike.reach.links}
    hit = [pair for pair in links if any(link.name in struck for link in links[pair])]
    fine = _fine(topology, timeline, links, spec.traffic.fine_pairs)
    # a pair with fine probes has coarse ones too: availability is counted from those
    first = {pair: 2.0 if pair in fine else shares.get(pair, 0.0) for pair in hit}
    pairs = _sample(tuple(links), first, spec.traffic.max_pairs, seed)
    probes = ProbePlan(
        pairs=pairs,
        interval_s=spec.traffic.probe_interval,
        fine_pairs=fine,
        fine_interval_s=spec.traffic.fine_interval,
        duration_s=spec.end,
        **_fine_window(timeline),
    )
    _refuse_heavy(probes, links)
    bulk, offered_bps = _bulk(spec.traffic, links, shares)
    crossing = tuple(sorted(set(pairs) & set(hit)))
    controls = tuple(sorted(set(pairs) - set(hit)))
    facts = {
        "pairs": len(links),
        "pairs_probed": len(pairs),
        "pairs_crossing": len(crossing),
        "pairs_control": len(controls),
        "probes_per_s": probes.probes_per_s,
        "matrix_bps": offered_bps,
        "bulk_bps": sum(flow.rate_bps for flow in bulk),
    }
    return Planned(TrafficPlan(probes, bulk), crossing, controls, facts)


def _sample(everyone: tuple[Pair, ...], hit: Mapping[Pair, float], most: int, seed: int) -> tuple[Pair, ...]:
    """In the order of ``everyone``; those hit that weigh most, and a seeded draw of the others."""
    if len(everyone) <= most:
        return everyone
    largest = sorted(hit, key=lambda pair: (-hit[pair], pair))[: most // 2]
    others = sorted(set(everyone) - set(hit))
    drawn = random.Random(seed).sample(others, min(len(others), most - len(largest)))
    chosen = {*largest, *drawn}
    return tuple(pair for pair in everyone if pair in chosen)


def _fine_window(timeline: Timeline) -> dict[str, float]:
    """Around the first fault of a link: they cost as much as fifty pairs, and on a detour several times that."""
    first = timeline.first_on_the_backbone()
    struck_s = first.at_s if first else 0.0
    return {"fine_from_s": max(0.0, struck_s - FINE_BEFORE_S), "fine_until_s": struck_s + FINE_AFTER_S}


def _fine(
    topology: Topology, timeline: Timeline, links: Mapping[Pair, tuple[Link, ...]], count: int
) -> tuple[Pair, ...]:
    """One pair each way across the first struck link, of the fewest hops: its two ends, if that is their way.

    Where PoPs are struck: across one of them, from neighbour to neighbour.
    """
    first = timeline.first_on_the_backbone()
    if first is None or count == 0:
        return ()
    if first.reach.pops:
        return _through(frozenset(first.reach.pops), links)[:count]
    link = topology.link(first.reach.links[0])
    chosen = []
    for way in (link.ends, link.ends[::-1]):
        across = [pair for pair in links if way in _steps(pair[0], links[pair])]
        chosen += sorted(across, key=lambda pair: (len(links[pair]), pair))[:1]
    return tuple(chosen[:count])


def _through(pops: frozenset[str], links: Mapping[Pair, tuple[Link, ...]]) -> tuple[Pair, ...]:
    """Of the pairs that pass one of these PoPs and end at none, that of the fewest hops, and its way back."""
    passing = [
        pair
        for pair, path in links.items()
        if pops.isdisjoint(pair) and any(not pops.isdisjoint(link.ends) for link in path)
    ]
    shortest_first = sorted(passing, key=lambda pair: (len(links[pair]), pair))[:1]
    return tuple(way for pair in shortest_first for way in (pair, pair[::-1]))


def _bulk(
    traffic: TrafficSpec, links: Mapping[Pair, tuple[Link, ...]], shares: Shares
) -> tuple[tuple[BulkFlow, ...], float]:
    """The largest flows, and what the whole matrix would offer (bit/s)."""
    demand: dict[Pair, float] = {}
    capacity: dict[Pair, float] = {}
    for pair, path in links.items():
        for step, link in zip(_steps(pair[0], path), path, strict=True):
            demand[step] = demand.get(step, 0.0) + shares.get(pair, 0.0)
            capacity[step] = link.capacity_bps
    limits = (traffic.busiest_link_load * capacity[step] / share for step, share in demand.items() if share > 0)
    offered_bps = min(limits, default=0.0)
    return bulk_flows(shares, traffic.bulk_flows, offered_bps), offered_bps


def _steps(start: str, path: tuple[Link, ...]) -> list[Pair]:
    """The directions in which a path crosses its links."""
    steps = []
    for link in path:
        steps.append((start, link.other(start)))
        start = link.other(start)
    return steps


def _refuse_heavy(probes: ProbePlan, links: Mapping[Pair, tuple[Link, ...]]) -> None:
    load = probe_shares(probes, links)
    capacity = {end: link for path in links.values() for link in path for end in (link.ends, link.ends[::-1])}
    heavy = sorted((pair for pair in load if load[pair] > MAX_PROBE_SHARE), key=lambda pair: -load[pair])
    problems = [
        Problem(
            f"link {a}→{b}",
            f"probes would take {load[a, b]:.1%} of its {format_rate(capacity[a, b].capacity_bps)}; at most "
            f"{MAX_PROBE_SHARE:.0%} is allowed. Raise probe_interval or fine_interval, or lower max_pairs",
        )
        for a, b in heavy[:SHOWN]
    ]
    if len(heavy) > SHOWN:
        problems.append(Problem("", f"… and {len(heavy) - SHOWN} more directions"))
    if problems:
        raise InputError(problems)
