"""A network in slices, each with a brain of its own that knows nothing of what happens in the others. Pure.

As in BlastShield (NSDI'22) and with Orion's domains (NSDI'21): losing one brain leaves the pairs that
stay inside other slices with a live one. A slice is connected by its own links; where the network
allows it no single one of them splits it, since a slice repairs itself by its own links only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import shortest_path

from controller.paths import shortest
from topology.connectivity import bridge_ends, pieces
from topology.errors import InputError
from topology.model import Link, Topology

_ROUNDS = 20
"""Of improving; a handful are enough."""
_EFFORT = 1000
"""PoPs times starts: seconds for 330 PoPs. Where one start is stuck another is not."""


@dataclass(frozen=True)
class Slices:
    """``of[index]``: the slice of a PoP, by number from 0."""

    topology: Topology
    of: tuple[int, ...]

    def members(self, number: int) -> tuple[str, ...]:
        """Names of a slice's PoPs, in the topology's order."""
        return tuple(pop.name for pop in self.topology.pops if self.of[pop.index] == number)

    def slice_of(self, pop: str) -> int:
        return self.of[self.topology.pop(pop).index]

    def outside(self, number: int) -> frozenset[str]:
        """Links that do not both begin and end in the slice."""
        return frozenset(
            link.name for link in self.topology.links if {self.slice_of(end) for end in link.ends} != {number}
        )

    @cached_property
    def between(self) -> tuple[Link, ...]:
        """Links between slices."""
        return tuple(link for link in self.topology.links if len({self.slice_of(end) for end in link.ends}) == 2)

    @cached_property
    def distance(self) -> NDArray[np.float64]:
        """[slice, slice]: how many borders lie between them."""
        count = max(self.of) + 1
        near = np.zeros((count, count))
        for link in self.between:
            a, b = (self.slice_of(end) for end in link.ends)
            near[a, b] = near[b, a] = 1
        return np.asarray(shortest_path(near, unweighted=True))


@lru_cache(maxsize=8)
def slices(topology: Topology, count: int) -> Slices:
    """``count`` connected parts of about the same size; the same topology gives the same ones.

    Raises InputError when there are fewer PoPs than that.
    """
    if not 1 <= count <= len(topology.pops):
        raise InputError(f"{len(topology.pops)} PoPs cannot be {count} slices")
    if count == 1:
        return Slices(topology, (0,) * len(topology.pops))
    tried = [_improved(topology, _grown(topology, count, first), count) for first in _firsts(topology)]
    best = min(tried, key=lambda part: _badness(topology, part, count))
    return Slices(topology, tuple(best))


def _firsts(topology: Topology) -> list[int]:
    """The PoPs to grow from, the brain's first: every one of a small network, a few of a large one."""
    brain, size = topology.pop(topology.brain).index, len(topology.pops)
    return [(brain + step) % size for step in range(0, size, -(-size * size // _EFFORT))]


def _grown(topology: Topology, count: int, first: int) -> list[int]:
    """Seeds as far apart as possible, beginning with one; then the smallest slice takes its nearest neighbour."""
    distance = shortest(topology).distance_ms
    seeds = [first]
    while len(seeds) < count:
        seeds.append(int(distance[seeds].min(axis=0).argmax()))
    part = [-1] * len(topology.pops)
    for number, seed in enumerate(seeds):
        part[seed] = number
    while -1 in part:
        sizes = [part.count(number) for number in range(count)]
        number = min((n for n in range(count) if _frontier(topology, part, n)), key=lambda n: (sizes[n], n))
        nearest = min(_frontier(topology, part, number), key=lambda pop: (distance[seeds[number], pop], pop))
        part[nearest] = number
    return part


def _frontier(topology: Topology, part: Sequence[int], number: int) -> set[int]:
    """PoPs of no slice that have a link into this one."""
    ends = ((topology.pop(link.a).index, topology.pop(link.b).index) for link in topology.links)
    return {there for a, b in ends for here, there in ((a, b), (b, a)) if part[here] == number and part[there] == -1}


def _improved(topology: Topology, part: list[int], count: int) -> list[int]:
    """Move a PoP, or exchange two, as long as that makes slices hold together better."""
    best = _badness(topology, part, count)
    for _ in range(_ROUNDS):
        for changed in _changes(topology, part):
            badness = _badness(topology, changed, count)
            if badness < best:
                part, best = changed, badness
                break
        else:
            break
    return part


def _changes(topology: Topology, part: list[int]) -> Iterator[list[int]]:
    border = [
        (topology.pop(a).index, topology.pop(b).index)
        for link in topology.links
        for a, b in (link.ends, link.ends[::-1])
    ]
    moves = [(pop, part[other]) for pop, other in border if part[pop] != part[other]]
    for pop, number in moves:
        yield [number if index == pop else of for index, of in enumerate(part)]
    for pop, number in moves:
        for other, back in moves:
            if number == part[other] and back == part[pop]:
                yield [number if i == pop else back if i == other else of for i, of in enumerate(part)]


def _badness(topology: Topology, part: Sequence[int], count: int) -> tuple[int, int, int]:
    """In pieces; weakly held together or unequal; links between slices, which nobody repairs alone."""
    torn = weak = inside = 0
    sizes = [part.count(number) for number in range(count)]
    for number in range(count):
        names = [pop.name for pop in topology.pops if part[pop.index] == number]
        own = set(names)
        ends = [link.ends for link in topology.links if own.issuperset(link.ends)]
        torn += len(pieces(names, ends)) - 1 if names else 1
        weak += len(bridge_ends(names, ends))
        inside += len(ends)
    return torn, weak + (max(sizes) - min(sizes)) ** 2, len(topology.links) - inside
