"""The control channels: how far each PoP is from the brain. Pure; the replica and the model both build by it."""

from __future__ import annotations

import heapq

from topology.model import Topology

CONTROL_RATE_BPS = 100e6
"""Rate of each control channel: wide enough never to be what a run measures."""


def control_delays_ms(topology: Topology) -> dict[str, float]:
    """PoP → propagation delay of the shortest way to the brain (Dijkstra), one way."""
    delays: dict[str, float] = {}
    frontier = [(0.0, topology.brain)]
    while frontier:
        delay_ms, pop = heapq.heappop(frontier)
        if pop in delays:
            continue
        delays[pop] = delay_ms
        for link in topology.ports(pop).values():
            heapq.heappush(frontier, (delay_ms + link.delay_ms, link.other(pop)))
    return delays
