"""Bulk flows as a fluid: each follows the course of its pair; a full link is shared max-min fairly.

What a real queue does when UDP overruns it is a little different (it drops in proportion to what
is offered); what the sum of all is, is not. A link that is offered more than it carries is
*full*: its queue is too, and whoever crosses it waits that long, or is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from experiments.labs.modelled.courses import Course, Segment
from experiments.labs.modelled.fairness import shares
from experiments.labs.modelled.flight import Direction, Flight, Fullness, Network
from experiments.labs.modelled.history import Track
from experiments.labs.modelled.wire import Wire
from topology.model import Pair
from traffic.bulk import INTERVAL_S, BulkFlow, BulkInterval, BulkResult
from traffic.schedule import ETHERNET_BYTES, IPV4_BYTES, MPLS_BYTES, UDP_BYTES


@dataclass(frozen=True, slots=True)
class Share:
    """One flow in a stretch of time in which nothing changes: what it sends, what comes out."""

    from_s: float
    until_s: float
    flight: Flight
    given_bps: float

    @property
    def delivered_bps(self) -> float:
        left = self.given_bps if self.flight.delivered else 0.0
        for leg in self.flight.chances:
            left *= 1 - leg.loss
        return left


@dataclass(frozen=True, slots=True)
class Fluid:
    """All flows over the whole run; ``full`` are the stretches in which a direction of a link overflowed."""

    shares: tuple[tuple[Share, ...], ...]
    full: tuple[tuple[Direction, float, float, Fullness], ...]


def wire_factor(flow: BulkFlow) -> float:
    """Bits on the wire per bit of payload."""
    return 1 + (ETHERNET_BYTES + MPLS_BYTES + IPV4_BYTES + UDP_BYTES) / flow.block_bytes


def pour(
    flows: Sequence[BulkFlow], courses: Mapping[Pair, Course], wires: Mapping[str, Wire], from_s: float, until_s: float
) -> Fluid:
    """Who gets what, stretch by stretch."""
    ways = [courses[flow.pair].segments(until_s) for flow in flows]
    edges = sorted({from_s, until_s, *(s.from_s for way in ways for s in way if from_s < s.from_s < until_s)})
    found: list[list[Share]] = [[] for _ in flows]
    full: list[tuple[Direction, float, float, Fullness]] = []
    for begin_s, end_s in pairwise(edges):
        flights = [_at(way, begin_s) for way in ways]
        given, loads = _divide(flows, flights, wires, begin_s)
        for shares_of, flight, rate in zip(found, flights, given, strict=True):
            shares_of.append(Share(begin_s, end_s, flight, rate))
        full += [(direction, begin_s, end_s, fullness) for direction, fullness in loads]
    return Fluid(tuple(map(tuple, found)), tuple(full))


def _at(way: Sequence[Segment], t_s: float) -> Flight:
    return next(segment.flight for segment in way if segment.from_s <= t_s < segment.until_s)


def _divide(
    flows: Sequence[BulkFlow], flights: Sequence[Flight], wires: Mapping[str, Wire], t_s: float
) -> tuple[list[float], list[tuple[Direction, Fullness]]]:
    """What each flow gets (payload bit/s), and which directions overflow."""
    wanted = [flow.rate_bps * wire_factor(flow) for flow in flows]
    ways = [tuple(dict.fromkeys(leg.direction for leg in flight.legs)) for flight in flights]
    offered: dict[Direction, float] = {}
    for rate, way in zip(wanted, ways, strict=True):
        for direction in way:
            offered[direction] = offered.get(direction, 0.0) + rate
    links = {direction: wires[direction[0]].track.at(t_s)[0] for direction in offered}
    over = [direction for direction in offered if offered[direction] > links[direction].rate_bps]
    if not over:
        return [flow.rate_bps for flow in flows], []
    given = shares(wanted, ways, {direction: link.rate_bps for direction, link in links.items()})
    loads = [(place, Fullness(links[place].queue_s, 1 - links[place].rate_bps / offered[place])) for place in over]
    return [rate / wire_factor(flow) for rate, flow in zip(given, flows, strict=True)], loads


def fill(network: Network, fluid: Fluid) -> bool:
    """Let packets meet the full links; returns whether there are any."""
    for direction, from_s, until_s, fullness in fluid.full:
        track = network.full.setdefault(direction, Track(network.past, Fullness()))
        track.set(from_s, fullness)
        track.set(until_s, Fullness())
    return bool(fluid.full)


def results(
    flows: Sequence[BulkFlow], fluid: Fluid, zero_s: float, now_s: float, duration_s: float
) -> Iterator[BulkResult]:
    """As the iperf3 flows of the emulated lab report: half-second intervals at the receiver."""
    end_s = min(now_s - zero_s, duration_s)
    steps = int(end_s / INTERVAL_S + 1e-9)
    for flow, found in zip(flows, fluid.shares, strict=True):
        edges = [(n * INTERVAL_S, (n + 1) * INTERVAL_S) for n in range(steps)]
        intervals = tuple(BulkInterval(a, b, round(_bits(found, zero_s + a, zero_s + b), 3)) for a, b in edges)
        yield BulkResult(flow, duration_s, intervals, "" if intervals else "never started")


def _bits(found: Sequence[Share], from_s: float, until_s: float) -> float:
    """What arrives within a window: each share comes as long after it was sent as its way takes."""
    total = 0.0
    for share in found:
        late_s = share.flight.ends_s
        inside_s = min(until_s, share.until_s + late_s) - max(from_s, share.from_s + late_s)
        total += max(0.0, inside_s) * share.delivered_bps
    return total
