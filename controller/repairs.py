"""What a PoP does by itself when a neighbour is lost: which labels lead round it, and what each switch holds for that.

``controller.protection`` finds the ways.

    first bypass    per direction of a link a→b: from a to b without the link and, where possible, without
                    what shares a risk group with it (RFC 4202)
    second bypass   the same, from a and from every PoP on the first: without what lies ahead on the first.
                    Who finds the first bypass cut swaps to it: no label more, and no way back into the first
    node bypass     per direction of a link v→w: from every other neighbour of v to w without v (next-next-hop
                    bypass, RFC 4090 §3.2; TI-LFA's node protection, RFC 9855)

A label never comes to life again once it has been left, and one level of repair ends nearer to the
destination on the level below. So repairs cannot chase each other, and three labels bound them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from controller.detours import Detour, Step
from controller.paths import Paths
from topology import labels
from topology.model import Link, Topology

_Port = TypeVar("_Port", int, NDArray[np.int64])


class Crossing(NamedTuple):
    """A label on its way: leave by ``group``, or by ``port`` where the group is 0."""

    label: int
    group: int
    port: int


class Ending(NamedTuple):
    """A label that has done its work here."""

    label: int


class Way(NamedTuple):
    """What else a group does: swap to ``label``, or push it, and leave by ``port``."""

    swap: bool
    label: int
    port: int


class Failover(NamedTuple):
    """A group: leave by ``port``, else the first of ``ways`` whose port is live."""

    group: int
    port: int
    ways: tuple[Way, ...] = ()


Fact = Crossing | Ending | Failover
Facts = tuple[tuple[int, Fact], ...]
"""(number of a PoP, what it has to hold)."""


@dataclass(frozen=True, slots=True)
class LinkRepair:
    """Round one direction of a link. ``key`` numbers the direction."""

    key: int
    first: Detour
    second: Detour
    suspect: tuple[Step, ...]
    """The steps of the first that the second avoids: all but those at the end that every way takes."""
    searched: Detour
    """From all PoPs of the first, also from where it can but go on."""
    facts: Facts = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeRepair:
    """Round one PoP: per neighbour, the ways to it from all others; ``keys`` number them."""

    keys: Mapping[int, int]
    trees: Mapping[int, Detour]
    facts: Facts = field(repr=False)


@dataclass(frozen=True)
class Repairs:
    """All of them, for the links that are up in ``paths``."""

    paths: Paths
    links: Mapping[int, LinkRepair]
    """By key: of links that are down as well, since packets come to them until the last ingress has heard of it."""
    nodes: Mapping[int, NodeRepair]
    """By PoP; empty: links are protected, PoPs are not."""

    @property
    def topology(self) -> Topology:
        return self.paths.topology

    @cached_property
    def facts(self) -> dict[int, list[Fact]]:
        """Per PoP: what it holds for others' repairs."""
        found: dict[int, list[Fact]] = {pop.index: [] for pop in self.topology.pops}
        for facts in (repair.facts for repairs in (self.links, self.nodes) for repair in repairs.values()):
            for pop, fact in facts:
                found[pop].append(fact)
        return found

    def own(self, pop: str) -> list[Failover]:
        """The groups of its ports: one for each neighbour as the end, and one for each PoP behind it."""
        groups = []
        for port, link in self.topology.ports(pop).items():
            ways = self._link_ways(pop, link)
            groups.append(Failover(port, port, ways))
            if self.nodes:
                groups.extend(self._behind(pop, port, link, ways))
        return groups

    def _link_ways(self, pop: str, link: Link) -> tuple[Way, ...]:
        repair = self.links[direction(link, link.other(pop))]
        own = self.topology.pop(pop).index
        ports = self.topology.port_towards[own]
        first, second = repair.first.onward.get(own), repair.second.onward.get(own)
        ways = [] if first is None else [Way(False, labels.bypass(repair.key), ports[first])]
        if second is not None and second != first:
            ways.append(Way(False, labels.second_bypass(repair.key), ports[second]))
        return tuple(ways)

    def _behind(self, pop: str, port: int, link: Link, ways: tuple[Way, ...]) -> Iterator[Failover]:
        """What is to go on to a certain PoP behind the neighbour goes round the neighbour, where that is possible."""
        own, near = self.topology.pop(pop).index, self.topology.pop(link.other(pop))
        repair, ports = self.nodes[near.index], self.topology.port_towards[own]
        for behind, far_port in self.topology.port_towards[near.index].items():
            onward = repair.trees[behind].onward.get(own) if behind in repair.trees else None
            if onward is not None:
                around = (Way(False, labels.node_bypass(repair.keys[behind]), ports[onward]),)
                yield Failover(behind_group(port, far_port), port, (*around, *ways))
            elif behind != own:
                yield Failover(behind_group(port, far_port), port, ways)

    def same_own(self, other: Repairs, pop: str) -> bool:
        """Whether ``own`` is the same in both, found without building it."""
        near = self.topology.port_towards[self.topology.pop(pop).index]
        keys = (direction(link, link.other(pop)) for link in self.topology.ports(pop).values())
        return all(self.links[key] is other.links[key] for key in keys) and all(
            self.nodes.get(index) is other.nodes.get(index) for index in near
        )


def direction(link: Link, towards: str) -> int:
    """The number of one direction of a link: what its labels are counted by."""
    return 2 * link.index + (0 if towards == link.b else 1)


def behind_group(port: _Port, far_port: _Port) -> _Port:
    """The group for what leaves by ``port`` and, at the far end, by ``far_port``."""
    return port | far_port << 16
