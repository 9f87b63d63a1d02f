"""Finds the bypasses of ``controller.repairs``: all of them, or, after a change, those that it may have touched.

What is kept is what would be found anew, so a brain that was there all the while and one that
returns want the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.detours import SHARED_RISK_MS, SUSPECT_MS, Detour, Graph, Step
from controller.paths import Paths
from controller.repairs import Crossing, Ending, Fact, Failover, LinkRepair, NodeRepair, Repairs, Way, direction
from topology import labels
from topology.model import Link

_ROUNDING_MS = 1e-3


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
    delay_ms, from_a, from_b = graph.topology.links[link].delay_ms, graph.distances(a), graph.distances(b)
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
