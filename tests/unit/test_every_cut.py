"""Does a packet from A reach B without the brain, by which links, with which labels: every pair, every cut, every loss.

What a switch does without the brain hangs on its tables and its ports, not on the past. So two cuts
have the same outcome in either order, and pairs of links stand for both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest
from core_network import MemoryNetwork
from outcomes import TOPOLOGIES, Journeys, check

from controller.paths import shortest
from experiments.policies import POLICIES
from topology import labels
from topology.load import load
from topology.model import Pair, Topology
from topology.walk import Journey

Golden = Callable[[str, str], None]


@cache
def network(name: str, policy: str = "fast-reroute", **settings: str) -> MemoryNetwork:
    return MemoryNetwork(load(TOPOLOGIES[name]), replace(POLICIES[policy].brain, **settings))


def describe(journey: Journey) -> str:
    """``ams -[node 3]> fra -[bypass 4, node 3]> …`` or why it did not arrive."""
    steps = journey.steps[:-1] if journey.delivered else journey.steps
    way = " ".join(f"{step.pop} -[{', '.join(map(labels.describe, step.stack))}]>" for step in steps)
    return f"{way} {journey.steps[-1].pop}" if journey.delivered else f"{way} ✗ {journey.outcome}"


def hit(before: Journeys, after: Journeys) -> Iterator[str]:
    """A line for every pair whose way has changed."""
    for (src, dst), journey in after.items():
        if journey != before[src, dst]:
            yield f"  {src} → {dst}: {describe(journey)}"


def links_of(topology: Topology, pop: str) -> list[str]:
    return [link.name for link in topology.ports(pop).values()]


def joined(topology: Topology, dead: Collection[str]) -> set[Pair]:
    """Pairs between which there is a way at all."""
    paths = shortest(topology, dead)
    return {pair for pair in topology.pairs if paths.hops(*pair)}


@pytest.mark.parametrize("name", ["edge12", "nobel-eu"])
def test_without_a_fault_every_pair_takes_its_shortest_path(name: str, golden: Golden) -> None:
    lines = [f"{a} → {b}: {describe(journey)}" for (a, b), journey in network(name).journeys().items()]
    golden(f"paths/{name}-healthy.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("name", ["edge12", "nobel-eu"])
def test_every_single_cut_is_repaired(name: str, golden: Golden) -> None:
    net = network(name)
    lines: list[str] = []
    before = net.journeys()
    for link in net.topology.links:
        journeys = net.journeys([link.name])
        check(journeys, [link.name])
        assert {pair for pair, journey in journeys.items() if journey.delivered} == joined(net.topology, [link.name])
        lines += [f"{link.name} cut:", *hit(before, journeys)]
    golden(f"paths/{name}-cut.txt", "\n".join(lines) + "\n")


def test_soft_state_that_lives_does_as_fail_static_does() -> None:
    """Whose tables are ``ladder/*-fail-static``: every pair on a cut stays dark, and no other."""
    net = network("edge12", "soft-state")
    before = net.journeys()
    for link in net.topology.links:
        dark = [pair for pair, journey in net.journeys([link.name]).items() if not journey.delivered]
        assert dark == [pair for pair, journey in before.items() if link.name in journey.links]


@pytest.mark.parametrize("name", ["edge12", "nobel-eu"])
def test_soft_state_that_has_expired_forwards_nothing(name: str) -> None:
    net = MemoryNetwork(load(TOPOLOGIES[name]), POLICIES["soft-state"].brain)
    for switch in net.switches.values():
        switch.flows = {key: rule for key, rule in switch.flows.items() if not rule.hard_timeout_s}
    assert {journey.outcome for journey in net.journeys().values()} == {"blackhole"}


@pytest.mark.parametrize("name", ["edge12", "nobel-eu"])
def test_every_loss_of_a_node(name: str, golden: Golden) -> None:
    """All that only passed through it arrives by another way; what was for it cannot."""
    net = network(name)
    lines: list[str] = []
    before = net.journeys()
    for pop in net.topology.names:
        dead = links_of(net.topology, pop)
        journeys = net.journeys(dead)
        check(journeys, dead)
        assert {pair for pair, journey in journeys.items() if journey.delivered} == joined(net.topology, dead)
        through = {pair: journey for pair, journey in journeys.items() if pop not in pair}
        lines += [f"{pop} lost:", *hit(before, through)]
    golden(f"paths/{name}-node-loss.txt", "\n".join(lines) + "\n")


def test_link_protection_alone_loses_what_passes_through_a_lost_node() -> None:
    """A bypass that leads to the far end of the lost link ends at a dead PoP."""
    net = network("edge12", protect="link")
    ways = {pair: {step.pop for step in journey.steps[1:-1]} for pair, journey in net.journeys().items()}
    for pop in net.topology.names:
        dead = links_of(net.topology, pop)
        journeys = net.journeys(dead)
        check(journeys, dead)
        dark = {pair for pair, journey in journeys.items() if not journey.delivered}
        assert dark == {pair for pair, way in ways.items() if pop in way or pop in pair}


def outcome(journey: Journey, before: Journey, possible: bool) -> str:
    if not journey.delivered:
        return "dark, though there is a way" if possible else "no way left"
    depth = max(len(step.stack) for step in journey.steps)
    return "untouched" if journey == before else f"repaired with {depth} labels"


def losses(net: MemoryNetwork, dead: Collection[str], before: Journeys) -> Counter[str]:
    """How many pairs end how."""
    journeys = net.journeys(dead)
    check(journeys, dead)
    possible = joined(net.topology, dead)
    return Counter(outcome(journey, before[pair], pair in possible) for pair, journey in journeys.items())


def line(what: str, counts: Counter[str]) -> str:
    return f"{what}: " + ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts))


@pytest.mark.parametrize("protect", ["link", "node"])
def test_every_two_cuts(protect: str, golden: Golden) -> None:
    net = network("edge12", protect=protect)
    before, total = net.journeys(), Counter[str]()
    lines: list[str] = []
    for one, other in combinations(net.topology.links, 2):
        counts = losses(net, [one.name, other.name], before)
        total += counts
        lines.append(line(f"{one.name}, {other.name}", counts))
    golden(f"paths/edge12-two-cuts-{protect}.txt", "\n".join([*lines, line("all", total)]) + "\n")
    if protect == "node":
        assert "dark, though there is a way" not in total


@pytest.mark.parametrize("name", ["edge12", "europe18"])
def test_every_shared_risk_group(name: str, golden: Golden) -> None:
    """All links of a group at once, as when a trench is dug up."""
    net = network(name)
    before = net.journeys()
    groups = sorted({group for link in net.topology.links for group in link.risk_groups})
    lines = []
    for group in groups:
        dead = [link.name for link in net.topology.links if group in link.risk_groups]
        counts = losses(net, dead, before)
        assert "dark, though there is a way" not in counts
        lines.append(line(f"{group} ({', '.join(dead)})", counts))
    golden(f"paths/{name}-risk-groups.txt", "\n".join(lines) + "\n")


def test_a_bypass_avoids_what_shares_the_risk_where_it_can() -> None:
    net = network("edge12")
    topology = net.topology
    assert net.brain.plan is not None
    assert net.brain.plan.repairs is not None
    for repair in net.brain.plan.repairs.links.values():
        link = topology.links[repair.key // 2]
        shared = {other.name for other in topology.links if set(other.risk_groups) & set(link.risk_groups)}
        steps = repair.first.onward.items()
        ways = {topology.link(f"{topology.names[a]}-{topology.names[b]}").name for a, b in steps}
        assert link.name not in ways
        if joined(topology, shared) == set(topology.pairs):
            assert ways.isdisjoint(shared)
