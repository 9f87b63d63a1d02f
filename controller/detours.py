"""Ways round what is lost: trees of least delay towards one PoP, without a link, a PoP, or what shares their risk.

PoPs and links are numbers here; penalties are in ms, so large that they only decide what delay may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import heappop, heappush

import numpy as np
from scipy.sparse.csgraph import dijkstra

from controller.paths import Costs, Paths, shortest, weight_ms, weights

SHARED_RISK_MS = 1e5
"""What a link costs more that shares a risk group with what is lost: taken only where nothing else is left."""
SUSPECT_MS = 1e7
"""What a link of the first bypass costs more, forward, when it is one of them that has failed."""
Step = tuple[int, int]
"""From one PoP to a neighbour."""


@dataclass(frozen=True, slots=True)
class Detour:
    """A tree of ways to ``end``."""

    end: int
    onward: Mapping[int, int]
    """PoP → the next one."""
    cost_ms: Mapping[int, float]
    """From each PoP where it may begin, penalties included; inf where there is no way."""
    free: frozenset[int] = frozenset()
    """Where a penalty could not be avoided from every start: the PoPs from which it can be."""

    @property
    def crossed(self) -> frozenset[int]:
        """PoPs that a packet comes to before the end."""
        return frozenset(self.onward.values()) - {self.end}

    def uses(self, a: int, b: int) -> bool:
        """Whether the link between two neighbours is on it, either way."""
        return self.onward.get(a) == b or self.onward.get(b) == a

    def reached_from(self, starts: Iterable[int]) -> Detour:
        """Only the ways from these."""
        onward: dict[int, int] = {}
        for start in starts:
            at = start
            while at not in onward and at in self.onward:
                onward[at] = self.onward[at]
                at = onward[at]
        return replace(self, onward=onward)


class Graph:
    """The links that are up, as ``paths`` has them, ready for many searches."""

    def __init__(self, paths: Paths) -> None:
        self.paths, self.topology = paths, paths.topology
        self.ends = [tuple(self.topology.pop(end).index for end in link.ends) for link in self.topology.links]
        self._matrix = weights(self.topology, paths.dead)
        self._rows: dict[int, list[float]] = {}

    @cached_property
    def edges(self) -> list[list[tuple[int, float, int]]]:
        """PoP → (neighbour, ms, number of the link)."""
        found: list[list[tuple[int, float, int]]] = [[] for _ in self.topology.pops]
        for link, (a, b) in zip(self.topology.links, self.ends, strict=True):
            if link.name not in self.paths.dead:
                found[a].append((b, weight_ms(link), link.index))
                found[b].append((a, weight_ms(link), link.index))
        return found

    def distances(self, pop: int) -> list[float]:
        """To all others in ms."""
        row = self._rows.get(pop)
        if row is None:
            row = self._rows[pop] = self._plain.distance_ms[pop].tolist()
        return row

    @cached_property
    def _plain(self) -> Paths:
        """Bypasses go by delay, whatever the paths go by."""
        return self.paths if self.paths.costs == Costs() else shortest(self.topology, self.paths.dead)

    @cached_property
    def sharing(self) -> dict[int, frozenset[int]]:
        """Link → the others that share a risk group with it; only those that have any."""
        groups: dict[str, set[int]] = {}
        for link in self.topology.links:
            for name in link.risk_groups:
                groups.setdefault(name, set()).add(link.index)
        return {
            link.index: frozenset().union(*(groups[name] for name in link.risk_groups)) - {link.index}
            for link in self.topology.links
            if link.risk_groups
        }

    def steps(self, links: Iterable[int]) -> Iterable[Step]:
        """Both directions of each."""
        for a, b in (self.ends[number] for number in links):
            yield from ((a, b), (b, a))

    def tree(self, starts: Iterable[int], end: int, lost: int, dearer: Mapping[Step, float]) -> Detour:
        """The least ways from all ``starts`` to ``end`` without the link ``lost``."""
        starts, growing = tuple(starts), _Growing(self, end, lost, dearer)
        if all(growing.reach(start) for start in starts):
            return Detour(end, growing.onward, {start: growing.cost_ms[start] for start in starts})
        growing.flood()
        free = frozenset(pop for pop, cost_ms in growing.cost_ms.items() if cost_ms < SHARED_RISK_MS)
        cost_ms = {start: growing.cost_ms.get(start, np.inf) for start in starts}
        return Detour(end, growing.onward, cost_ms, free).reached_from(starts)

    def around(self, pop: int) -> dict[int, Detour]:
        """For each neighbour of ``pop``: the tree from all its other neighbours to it, without ``pop``.

        Neighbours behind a link that is down count: packets are repaired there until all have heard of it.
        """
        near = list(self.topology.port_towards[pop])
        if len(near) < 2:
            return {}
        distance, before = self._without(pop, near)
        return {
            end: _tree(end, [start for start in near if start != end], before[place], distance[place])
            for place, end in enumerate(near)
        }

    def _without(self, pop: int, starts: list[int]) -> tuple[list[list[float]], list[list[int]]]:
        """Distances and predecessors from each of ``starts``."""
        data, kept = self._matrix.data, self._matrix.data.copy()
        own = self.topology.ports(self.topology.pops[pop].name).values()
        shared = {mate for link in own for mate in self.sharing.get(link.index, ())}
        data[self._places(self.steps(shared))] += SHARED_RISK_MS
        data[self._places(step for to in starts for step in ((pop, to), (to, pop)))] = np.inf
        distance, before = dijkstra(self._matrix, directed=True, indices=starts, return_predecessors=True)
        data[:] = kept
        return distance.tolist(), before.tolist()

    def _places(self, steps: Iterable[Step]) -> list[int]:
        """Where the matrix keeps their weights; nowhere for links that are down."""
        return [self._place[step] for step in steps if step in self._place]

    @cached_property
    def _place(self) -> dict[Step, int]:
        rows, columns = self._matrix.nonzero()
        return {step: place for place, step in enumerate(zip(rows.tolist(), columns.tolist(), strict=True))}


class _Growing:
    """A tree that grows start by start."""

    def __init__(self, graph: Graph, end: int, lost: int, dearer: Mapping[Step, float]) -> None:
        self._edges, self._ahead = graph.edges, graph.distances(end)
        self._lost, self._dearer = lost, dearer
        self.onward: dict[int, int] = {}
        self.cost_ms = {end: 0.0}

    def reach(self, start: int) -> bool:
        """A* (Hart, Nilsson, Raphael 1968) from ``start`` to the tree: no way is shorter than in the whole graph.

        False when there is none, or none without a penalty: of that the bound knows nothing.
        """
        edges, ahead, known, lost, dearer = self._edges, self._ahead, self.cost_ms, self._lost, self._dearer
        best, before, done = {start: 0.0}, {start: start}, set[int]()
        heap = [(ahead[start], start)]
        while heap and heap[0][0] < SHARED_RISK_MS:
            here = heappop(heap)[1]
            if here in known:
                self._join(before, best, here)
                return True
            if here in done:
                continue
            done.add(here)
            sofar = best[here]
            for to, weight, link in edges[here]:
                through = sofar + weight
                if dearer:
                    through += dearer.get((here, to), 0.0)
                if link != lost and (to not in best or through < best[to]):
                    best[to], before[to] = through, here
                    heappush(heap, (through + (known[to] if to in known else ahead[to]), to))
        return False

    def flood(self) -> None:
        """The tree of the whole graph, from its end (Dijkstra)."""
        (end, *_), done = self.cost_ms, set[int]()
        self.cost_ms, self.onward = {end: 0.0}, {}
        heap = [(0.0, end)]
        while heap:
            cost_ms, here = heappop(heap)
            if here in done:
                continue
            done.add(here)
            for to, weight, link in self._edges[here]:
                through = cost_ms + weight + self._dearer.get((to, here), 0.0)
                if link != self._lost and through < self.cost_ms.get(to, np.inf):
                    self.cost_ms[to], self.onward[to] = through, here
                    heappush(heap, (through, to))

    def _join(self, before: Mapping[int, int], best: Mapping[int, float], joint: int) -> None:
        """The way that was found becomes part of the tree."""
        whole, at = best[joint] + self.cost_ms[joint], joint
        while before[at] != at:
            self.onward[before[at]] = at
            at = before[at]
            self.cost_ms[at] = whole - best[at]


def _tree(end: int, starts: list[int], before: list[int], distance: list[float]) -> Detour:
    """The graph is symmetric: a predecessor on the way from ``end`` is the next PoP on the way to it."""
    onward: dict[int, int] = {}
    for start in starts:
        at = start if distance[start] < np.inf else end
        while at != end and at not in onward:
            onward[at] = before[at]
            at = before[at]
    return Detour(end, onward, {start: distance[start] for start in starts})
