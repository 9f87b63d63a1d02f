"""What a set of cut links costs a network without a brain: which pairs are dark, and which of them had to be.

A pair is *cut off* when no way is left between its ends in the surviving graph: no design could serve
it. A pair that is dark and not cut off is a *blackhole*: there is a way, and the rules do not take it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from experiments.labs.modelled.fates import Fates
from experiments.survival.headless import Headless
from topology.model import Topology
from traffic import demand

REMEMBERED = 100_000
"""Sets of cut links whose damage is kept in mind."""
Links = frozenset[int]
"""Numbers of links."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Shares are of all demand (gravity model), 0…1."""

    dark_share: float
    dark_pairs: int
    cut_off_share: float
    cut_off_pairs: int

    @property
    def blackhole(self) -> bool:
        """Someone is dark who need not be: nobody is served across a cut, so all who are cut off are dark."""
        return self.dark_pairs > self.cut_off_pairs


NONE = Damage(0.0, 0, 0.0, 0)


class Damaged(Protocol):
    """Something that cuts can be tried on."""

    ideal: bool
    """It loses nothing but what is cut off."""

    def damage(self, dead: Links) -> Damage: ...


class Graph:
    """The surviving graph alone: what an ideal design would lose, which knows every way and needs no time."""

    ideal = True

    def __init__(self, topology: Topology) -> None:
        index = {pop.name: pop.index for pop in topology.pops}
        self._a = np.array([index[link.a] for link in topology.links])
        self._b = np.array([index[link.b] for link in topology.links])
        self._size = len(topology.pops)
        self._demand = np.zeros((self._size, self._size))
        for (a, b), share in demand.gravity(topology).items():
            self._demand[index[a], index[b]] = share
        self._neighbours: list[list[tuple[int, int]]] = [[] for _ in topology.pops]
        for link, (a, b) in enumerate(zip(self._a.tolist(), self._b.tolist(), strict=True)):
            self._neighbours[a].append((b, link))
            self._neighbours[b].append((a, link))
        self._whole: Links = frozenset()
        """Cut links that did not part the graph, as last seen."""
        self._known: dict[Links, Damage] = {}

    def damage(self, dead: Links) -> Damage:
        found = self._known.get(dead)
        if found is None:
            found = self._damage(dead)
            if len(self._known) < REMEMBERED:
                self._known[dead] = found
        return found

    def _damage(self, dead: Links) -> Damage:
        if self._still_whole(dead):
            return NONE
        up = np.ones(len(self._a), dtype=np.bool_)
        up[list(dead)] = False
        a, b = self._a[up], self._b[up]
        pieces, piece = connected_components(csr_array((np.ones(len(a)), (a, b)), shape=(self._size,) * 2), False)
        if pieces == 1:
            self._whole = dead
            return NONE
        apart = piece[:, None] != piece[None, :]
        share, pairs = float(self._demand[apart].sum()), int(apart.sum())
        return Damage(share, pairs, share, pairs)

    def _still_whole(self, dead: Links) -> bool:
        """Whether there is a way round each link that is cut beside those that did not part the graph the last time."""
        if all(self._way_round(link, dead) for link in dead - self._whole):
            self._whole = dead
            return True
        return False

    def _way_round(self, link: int, dead: Links) -> bool:
        start, end = int(self._a[link]), int(self._b[link])
        seen, waiting = {start}, deque([start])
        while waiting:
            for other, by in self._neighbours[waiting.popleft()]:
                if other not in seen and by not in dead:
                    if other == end:
                        return True
                    seen.add(other)
                    waiting.append(other)
        return False


class Network:
    """A network by the rules in its switches. Asked for one set of links after the other, it works out what changed."""

    ideal = False

    def __init__(self, topology: Topology, headless: Headless, graph: Graph) -> None:
        self._headless, self._graph = headless, graph
        self._fates = Fates(topology)
        self._fates.become(headless.whole, ())
        self._weights = np.fromiter(demand.gravity(topology).values(), dtype=np.float64)
        self._dead: Links = frozenset()
        self._present = self._dark()
        self._known: dict[Links, Damage] = {}

    def damage(self, dead: Links) -> Damage:
        found = self._known.get(dead)
        if found is None:
            found = self._found(dead)
            if len(self._known) < REMEMBERED:
                self._known[dead] = found
        return found

    def arrives(self, dead: Links) -> NDArray[np.bool_]:
        """Of each pair, in the order of ``Topology.pairs``, whether its packets come through."""
        flipped, self._dead = dead ^ self._dead, dead
        if self._fates.become(self._headless.moved(flipped, dead), dead):
            self._present = self._dark()
        return self._fates.arrives

    def _found(self, dead: Links) -> Damage:
        self.arrives(dead)
        share, pairs = self._present
        if not pairs:
            return NONE
        forced = self._graph.damage(dead)
        return Damage(share, pairs, forced.cut_off_share, forced.cut_off_pairs)

    def _dark(self) -> tuple[float, int]:
        dark = ~self._fates.arrives
        return float(self._weights[dark].sum()), int(dark.sum())
