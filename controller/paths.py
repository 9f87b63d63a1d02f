"""Shortest-delay paths and bypasses, for all PoPs at once (scipy's Dijkstra).

Ties are broken by link index, so that every PoP agrees and the answer never depends on
the order of computation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from topology.model import Link, Topology

_TIE_BREAK_MS = 1e-7
_NOWHERE = -9999
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
    """[u, d], with the costs that were asked for; inf where there is no way."""

    @cached_property
    def port_to(self) -> NDArray[np.int32]:
        """[u, v]: the port of u on which the link to neighbour v ends; 0 where they are not neighbours."""
        count = len(self.topology.pops)
        ports = np.zeros((count, count), dtype=np.int32)
        for pop in self.topology.pops:
            for port, neighbour in self.topology.neighbours(pop.name).items():
                ports[pop.index, self.topology.pop(neighbour).index] = port
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
    matrix = _matrix(topology, dead, costs)
    distance, before = dijkstra(matrix, directed=False, return_predecessors=True)
    # the graph is undirected: the predecessor of u on the way from d is u's next hop to d
    next_hop = np.where(before.T == _NOWHERE, -1, before.T).astype(np.int32)
    return Paths(topology, frozenset(dead), next_hop, distance)


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
    for _ in range(len(changed).bit_length()):  # twice as far each time
        count += np.where(onward == own, 0, count[onward, columns])
        onward = onward[onward, columns]
    order = np.zeros(changed.shape, dtype=np.int64)
    order[:, touched] = np.where(changed[:, touched], count, 0)
    return order


def bypasses(
    topology: Topology, dead: Collection[str] = (), known: Mapping[str, Hops] | None = None
) -> dict[str, Hops]:
    """For each link: the shortest way from its end a to its end b without it.

    A dead link keeps its bypass: until the last ingress has heard of the loss, packets still
    come to its ends and are repaired there. Empty where the link is a bridge. ``known`` are
    bypasses that still hold and are not computed again.
    """
    known = known or {}
    matrix = _matrix(topology, dead)
    found: dict[str, Hops] = {}
    for link in topology.links:
        found[link.name] = known[link.name] if link.name in known else _around(topology, matrix, link.name)
    return found


def still_valid(old: Mapping[str, Hops], paths: Paths, came: Collection[str], went: Collection[str]) -> dict[str, Hops]:
    """Those bypasses of ``old`` that links ``came`` up and ``went`` down cannot have changed.

    A bypass changes when it used a link that went, or when a way through one that came
    could be shorter; ``paths`` (over all links up now) bounds the latter from below.
    """
    return {
        name: hops
        for name, hops in old.items()
        if hops
        and not _uses(hops, went, paths.topology)
        and not any(_might_shorten(paths, hops, link) for link in came)
    }


def _uses(hops: Hops, links: Collection[str], topology: Topology) -> bool:
    ends = {frozenset(topology.link(name).ends) for name in links}
    return any(frozenset(step) in ends for step in pairwise(hops))


def _might_shorten(paths: Paths, hops: Hops, came: str) -> bool:
    topology, link = paths.topology, paths.topology.link(came)
    start, end = topology.pop(hops[0]).index, topology.pop(hops[-1]).index
    a, b = (topology.pop(name).index for name in link.ends)
    length = sum(topology.link(f"{x}-{y}").delay_ms for x, y in pairwise(hops))
    via = min(
        paths.distance_ms[start, a] + paths.distance_ms[b, end],
        paths.distance_ms[start, b] + paths.distance_ms[a, end],
    )
    return bool(via + link.delay_ms <= length + 1e-3)


def _around(topology: Topology, matrix: csr_array, name: str) -> Hops:
    a, b = (topology.pop(end).index for end in topology.link(name).ends)
    places = [*_entries(matrix, a, b), *_entries(matrix, b, a)]
    kept = matrix.data[places].copy()
    matrix.data[places] = np.inf
    _, before = dijkstra(matrix, directed=True, indices=a, return_predecessors=True)
    matrix.data[places] = kept
    path = [b]
    while path[-1] != a:
        path.append(int(before[path[-1]]))
        if path[-1] < 0:
            return ()
    return tuple(topology.pops[index].name for index in reversed(path))


def _entries(matrix: csr_array, row: int, column: int) -> list[int]:
    """Where the matrix keeps this weight; nowhere for a link that is dead."""
    start, end = matrix.indptr[row], matrix.indptr[row + 1]
    return [int(start + place) for place in np.flatnonzero(matrix.indices[start:end] == column)]


def _matrix(topology: Topology, dead: Collection[str], costs: Costs = Costs()) -> csr_array:
    """Symmetric weights in ms; never zero, which scipy would take for 'no link'."""
    up = [link for link in topology.links if link.name not in dead]
    a = [topology.pop(link.a).index for link in up]
    b = [topology.pop(link.b).index for link in up]
    weights = [link.delay_ms + (link.index + 1) * _TIE_BREAK_MS + costs.of(link) for link in up]
    count = len(topology.pops)
    return csr_array((weights * 2, (a + b, b + a)), shape=(count, count))
