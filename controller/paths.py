"""Shortest-delay paths, for all PoPs at once (scipy's Dijkstra).

Ties are broken by link index, so that every PoP agrees and the answer never depends on
the order of computation.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from topology.model import Link, Topology

_TIE_BREAK_MS = 1e-7
NOWHERE = -9999
"""What scipy writes where there is no predecessor."""

Hops = tuple[str, ...]
"""PoPs of a path, both ends included."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a link costs beyond its delay (ms)."""

    hop_ms: float = 0.0
    """Each link: more than any path's delay makes the fewest hops win."""
    avoided: frozenset[str] = frozenset()
    """PoPs that packets only cross when there is no other way."""

    def of(self, link: Link) -> float:
        return self.hop_ms + AVOIDED_MS * len(self.avoided.intersection(link.ends))


METRICS = {"delay": Costs(), "hops": Costs(hop_ms=1e4)}
"""What paths can be shortest by; among as few hops, the delay decides."""
AVOIDED_MS = 1e6


@dataclass(frozen=True)
class Paths:
    """Shortest-delay paths over the links that are up."""

    topology: Topology
    dead: frozenset[str]
    """Names of links that are down."""
    next_hop: NDArray[np.int32]
    """[u, d]: index of the PoP after u on the way to d; negative where there is none."""
    distance_ms: NDArray[np.float64]
    """[u, d], with ``costs``; inf where there is no way."""
    costs: Costs = Costs()

    @cached_property
    def port_to(self) -> NDArray[np.int32]:
        """[u, v]: the port of u on which the link to neighbour v ends; 0 where they are not neighbours."""
        count = len(self.topology.pops)
        ports = np.zeros((count, count), dtype=np.int32)
        for own, ports_of_it in enumerate(self.topology.port_towards):
            for neighbour, port in ports_of_it.items():
                ports[own, neighbour] = port
        return ports

    @cached_property
    def next_port(self) -> NDArray[np.int32]:
        """[u, d]: the port by which u sends towards d; 0 for itself and where there is no way."""
        known = self.next_hop >= 0
        rows = np.arange(len(self.topology.pops))[:, None]
        return np.where(known, self.port_to[rows, np.where(known, self.next_hop, 0)], 0).astype(np.int32)

    def hops(self, src: str, dst: str) -> Hops:
        """The PoPs from ``src`` to ``dst``; empty when there is no way."""
        here, end = self.topology.pop(src).index, self.topology.pop(dst).index
        path = [here]
        while here != end:
            here = int(self.next_hop[here, end])
            if here < 0:
                return ()
            path.append(here)
        return tuple(self.topology.pops[index].name for index in path)

    def links(self, src: str, dst: str) -> tuple[str, ...]:
        """Names of the links on the way."""
        hops = self.hops(src, dst)
        return tuple(self.topology.link(f"{a}-{b}").name for a, b in pairwise(hops))


def shortest(topology: Topology, dead: Collection[str] = (), costs: Costs = Costs()) -> Paths:
    """All shortest-delay paths, over all links but the ``dead`` ones; ``costs`` are added to the delay."""
    matrix = weights(topology, dead, costs)
    distance, before = dijkstra(matrix, directed=False, return_predecessors=True)
    # the graph is undirected: the predecessor of u on the way from d is u's next hop to d
    next_hop = np.where(before.T == NOWHERE, -1, before.T).astype(np.int32)
    return Paths(topology, frozenset(dead), next_hop, distance, costs)


def update_order(old: Paths, new: Paths) -> NDArray[np.int64]:
    """[u, d]: how many PoPs on the new way from u to d, u included, get another next hop; 0 where u's own stays.

    Changed in this order, one number after the other, the entries of one destination never form a
    loop and lose nothing (ordered FIB updates, RFC 6976): who has changed already sends to who has
    changed or need not; who has not still sends along the old way until it meets one who has.
    """
    changed = old.next_hop != new.next_hop
    touched = np.flatnonzero(changed.any(axis=0))
    columns = np.arange(len(touched))
    own = np.arange(len(changed))[:, None]
    onward = np.where(new.next_hop[:, touched] < 0, own, new.next_hop[:, touched])
    count = changed[:, touched].astype(np.int64)
    while ((further := onward[onward, columns]) != onward).any():  # twice as far each time
        count += np.where(onward == own, 0, count[onward, columns])
        onward = further
    order = np.zeros(changed.shape, dtype=np.int64)
    order[:, touched] = np.where(changed[:, touched], count, 0)
    return order


def weight_ms(link: Link) -> float:
    """Its delay, and what tells it from others with the same."""
    return link.delay_ms + (link.index + 1) * _TIE_BREAK_MS


def weights(topology: Topology, dead: Collection[str], costs: Costs = Costs()) -> csr_array:
    """Symmetric weights in ms; never zero, which scipy would take for 'no link'."""
    up = [link for link in topology.links if link.name not in dead]
    a = [topology.pop(link.a).index for link in up]
    b = [topology.pop(link.b).index for link in up]
    each = [weight_ms(link) + costs.of(link) for link in up]
    count = len(topology.pops)
    return csr_array((each * 2, (a + b, b + a)), shape=(count, count))
