"""What a switch does that has forgotten its brain and bridges: MAC learning, flooding along a tree. Pure.

Open vSwitch's ``fail_mode=standalone``: no rules but one, "switch as a learning bridge would"
(IEEE 802.1D, 7.8 and 7.9). Frames to unknown addresses are flooded, so the links that may be
flooded onto must form a tree: here the shortest-delay tree from the brain's PoP. The ports of all
others are NO_FLOOD (OpenFlow 1.0, 5.2.1), which lets the brain's own rules use them all the same;
a spanning-tree protocol would block those, too, and break the brain's paths before any fault.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from topology import addressing
from topology.forwarding import ETH_IPV4, FlowRule, Match, Output
from topology.model import HOST_PORT, Topology

PRIORITY = 0xF0F0F0 & 0xFFFF
"""Open vSwitch's own rule has priority 0xF0F0F0, above all that OpenFlow can say; ours stand for it."""


def tree(topology: Topology) -> frozenset[str]:
    """Names of the links that floods use: the shortest-delay tree from the brain's PoP (Dijkstra)."""
    links: dict[str, str] = {}
    frontier: list[tuple[float, str, str]] = [(0.0, topology.brain, "")]
    while frontier:
        delay_ms, pop, by = heapq.heappop(frontier)
        if pop in links:
            continue
        links[pop] = by
        for link in topology.ports(pop).values():
            heapq.heappush(frontier, (delay_ms + link.delay_ms, link.other(pop), link.name))
    return frozenset(filter(None, links.values()))


def unflooded_ports(topology: Topology, pop: str) -> tuple[int, ...]:
    """Ports of ``pop`` that lead onto links outside the tree."""
    used = tree(topology)
    return tuple(port for port, link in topology.ports(pop).items() if link.name not in used)


def tree_ports(topology: Topology, pop: str) -> dict[int, int]:
    """Index of each PoP → the port of ``pop`` by which a flood comes to it, and by which it is learnt."""
    used, found = tree(topology), {topology.pop(pop).index: HOST_PORT}
    for port, link in topology.ports(pop).items():
        if link.name in used:
            found |= dict.fromkeys(_behind(topology, used, link.other(pop), pop), port)
    return found


def _behind(topology: Topology, used: frozenset[str], start: str, without: str) -> list[int]:
    """Indices of the PoPs of the tree's branch that begins at ``start``."""
    branch, waiting, seen = [], [start], {without, start}
    while waiting:
        pop = waiting.pop()
        branch.append(topology.pop(pop).index)
        ahead = [link.other(pop) for link in topology.ports(pop).values() if link.name in used]
        waiting += [other for other in ahead if other not in seen]
        seen.update(ahead)
    return branch


def bridging(ports: Mapping[int, int]) -> tuple[FlowRule, ...]:
    """A learning bridge as rules: index of the destination's PoP → port. A prefix stands for its host's MAC."""
    return tuple(
        FlowRule(
            0,
            PRIORITY,
            Match(eth_type=ETH_IPV4, ipv4_dst=addressing.host_prefix(index)),
            (Output(port),),
        ).signed()
        for index, port in sorted(ports.items())
    )
