"""What a PoP does by itself when a neighbour is lost: which labels lead round it, and what each switch holds for that.

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

from controller.detours import SHARED_RISK_MS, SUSPECT_MS, Detour, Graph, Step
from controller.paths import Paths
from topology import labels
from topology.model import Link, Topology

_ROUNDING_MS = 1e-3
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


# ------------------------------------------------------------------ planning


def repairs(paths: Paths, *, nodes: bool, old: Repairs | None = None) -> Repairs:
    """Everything for the links that are up; of ``old``, what still holds is kept, not searched again."""
    graph = Graph(paths)
    links: dict[int, LinkRepair] = {}
    kept_links, kept_nodes = _kept(old, graph)
    for link in paths.topology.links:
        keys = (2 * link.index, 2 * link.index + 1)
        if all(key in kept_links for key in keys):
            links |= {key: kept_links[key] for key in keys}
        else:
            links |= {repair.key: repair for repair in _round_link(graph, link)}
    around = {
        pop.index: kept_nodes.get(pop.index) or _round_node(graph, pop.index)
        for pop in (paths.topology.pops if nodes else ())
    }
    return Repairs(paths, links, around)


def _round_link(graph: Graph, link: Link) -> tuple[LinkRepair, LinkRepair]:
    a, b = graph.ends[link.index]
    shared = dict.fromkeys(graph.steps(graph.sharing.get(link.index, ())), SHARED_RISK_MS)
    there = graph.tree([a], b, link.index, shared)
    back = Detour(a, {to: here for here, to in there.onward.items()}, {b: there.cost_ms[a]})
    return (
        _link_repair(graph, 2 * link.index, there, shared),
        _link_repair(graph, 2 * link.index + 1, back, shared),
    )


def _link_repair(graph: Graph, key: int, first: Detour, shared: Mapping[Step, float]) -> LinkRepair:
    suspect = _avoidable(graph, key // 2, first)
    dearer = {**shared, **{step: shared.get(step, 0.0) + SUSPECT_MS for step in suspect}}
    searched = graph.tree(first.onward, first.end, key // 2, dearer)
    useful = [start for start, to in first.onward.items() if searched.onward.get(start) not in (None, to)]
    second = searched.reached_from(useful)
    return LinkRepair(key, first, second, suspect, searched, tuple(_link_facts(graph, key, first, second)))


def _avoidable(graph: Graph, lost: int, way: Detour) -> tuple[Step, ...]:
    """The steps of a single way without those at its end that every way takes."""
    steps, to, beyond = {to: here for here, to in way.onward.items()}, way.end, way.end
    while to in steps:
        entrances = {here for here, _, link in graph.edges[to] if link != lost} - {beyond}
        if entrances != {steps[to]}:
            break
        beyond, to = to, steps.pop(to)
    return tuple((here, to) for to, here in steps.items())


def _link_facts(graph: Graph, key: int, first: Detour, second: Detour) -> Iterator[tuple[int, Fact]]:
    label, other, ports = labels.bypass(key), labels.second_bypass(key), graph.topology.port_towards
    for pop in sorted(first.crossed):
        port, onward = ports[pop][first.onward[pop]], second.onward.get(pop)
        swap = () if onward in (None, first.onward[pop]) else (Way(True, other, ports[pop][second.onward[pop]]),)
        yield pop, Crossing(label, label, port)
        yield pop, Failover(label, port, swap)
    for pop in sorted(second.crossed):
        onward = second.onward[pop]
        # when this way into the PoP is lost too, three are: it is dead, and nothing more is tried
        yield pop, Crossing(other, 0 if onward == second.end else ports[pop][onward], ports[pop][onward])
    if first.onward:
        yield first.end, Ending(label)
    if second.onward:
        yield second.end, Ending(other)


def _round_node(graph: Graph, pop: int) -> NodeRepair:
    topology, name = graph.topology, graph.topology.pops[pop].name
    keys = {
        topology.pop(link.other(name)).index: direction(link, link.other(name))
        for link in topology.ports(name).values()
    }
    trees = graph.around(pop)
    facts: list[tuple[int, Fact]] = []
    for end, tree in trees.items():
        label = labels.node_bypass(keys[end])
        ports = ((at, topology.port_towards[at][tree.onward[at]]) for at in sorted(tree.crossed))
        facts += [(at, Crossing(label, port, port)) for at, port in ports]
        facts += [(end, Ending(label))] if tree.onward else []
    return NodeRepair(keys, trees, tuple(facts))


# ------------------------------------------------------------------ what still holds


def _kept(old: Repairs | None, graph: Graph) -> tuple[dict[int, LinkRepair], dict[int, NodeRepair]]:
    """What links that went do not carry, and links that came cannot shorten."""
    if old is None:
        return {}, {}
    went = [graph.ends[_index(graph, name)] for name in graph.paths.dead - old.paths.dead]
    came = [_index(graph, name) for name in old.paths.dead - graph.paths.dead]

    def holds(*trees: Detour) -> bool:
        return not any(tree.uses(a, b) for tree in trees for a, b in went) and not any(
            _might_shorten(graph, tree, link) for tree in trees for link in came
        )

    return (
        {
            key: repair
            for key, repair in old.links.items()
            if holds(repair.first, repair.searched) and repair.suspect == _avoidable(graph, key // 2, repair.first)
        },
        {pop: repair for pop, repair in old.nodes.items() if holds(*repair.trees.values())},
    )


def _index(graph: Graph, name: str) -> int:
    return graph.topology.link(name).index


def _might_shorten(graph: Graph, tree: Detour, link: int) -> bool:
    """The shortest paths of the whole graph bound every way through ``link`` from below.

    A way with one penalty is bound without it, unless the link leads to where there is one without any.
    """
    a, b = graph.ends[link]
    delay_ms, from_a, from_b = graph.topology.links[link].delay_ms, graph.distances[a], graph.distances[b]
    to_a, to_b = from_a[tree.end], from_b[tree.end]
    lightest_ms = SHARED_RISK_MS if graph.sharing else SUSPECT_MS
    for start, cost_ms in tree.cost_ms.items():
        most_ms = cost_ms
        if cost_ms >= SHARED_RISK_MS:
            if not tree.free or (a in tree.free) != (b in tree.free) or cost_ms >= lightest_ms + SHARED_RISK_MS:
                return True
            most_ms = cost_ms - lightest_ms
        if min(from_a[start] + to_b, from_b[start] + to_a) + delay_ms <= most_ms + _ROUNDING_MS:
            return True
    return False
