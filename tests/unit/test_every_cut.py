"""Does a packet from A reach B after this cut, by which links, with which labels: every pair, every cut, every loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from core_network import MemoryNetwork

from controller.brain import BrainSettings
from topology import labels
from topology.load import load
from topology.model import Pair, Topology
from topology.walk import Journey

Journeys = dict[Pair, Journey]
TOPOLOGIES = {"edge12": "edge12", "nobel-eu": "topohub:sndlib/nobel-eu"}


@pytest.fixture(scope="module", params=TOPOLOGIES)
def network(request: pytest.FixtureRequest) -> tuple[str, MemoryNetwork]:
    return request.param, MemoryNetwork(load(TOPOLOGIES[request.param]), BrainSettings(fast_reroute=True))


def describe(topology: Topology, journey: Journey) -> str:
    """``ams -[node 3]> fra -[bypass 4, node 3]> …`` or why it did not arrive."""
    way = " ".join(f"{step.pop} -[{', '.join(map(labels.describe, step.stack))}]>" for step in journey.steps[:-1])
    return f"{way} {journey.steps[-1].pop}" if journey.delivered else f"{way} ✗ {journey.outcome}"


def hit(topology: Topology, before: Journeys, after: Journeys) -> Iterator[str]:
    """A line for every pair whose way has changed."""
    for (src, dst), journey in after.items():
        if journey != before[src, dst]:
            yield f"  {src} → {dst}: {describe(topology, journey)}"


def test_without_a_fault_every_pair_takes_its_shortest_path(
    network: tuple[str, MemoryNetwork], golden: Callable[[str, str], None]
) -> None:
    name, net = network
    lines = [f"{a} → {b}: {describe(net.topology, j)}" for (a, b), j in net.journeys().items()]
    golden(f"paths/{name}-healthy.txt", "\n".join(lines) + "\n")


def test_every_single_cut_is_repaired_without_the_brain(
    network: tuple[str, MemoryNetwork], golden: Callable[[str, str], None]
) -> None:
    name, net = network
    lines: list[str] = []
    before = net.journeys()
    for link in net.topology.links:
        journeys = net.journeys([link.name])
        assert all(journey.delivered for journey in journeys.values()), link.name
        depth = max(len(step.stack) for journey in journeys.values() for step in journey.steps)
        assert depth <= labels.MAX_STACK
        lines += [f"{link.name} cut:", *hit(net.topology, before, journeys)]
    golden(f"paths/{name}-cut.txt", "\n".join(lines) + "\n")


def test_every_loss_of_a_node(network: tuple[str, MemoryNetwork], golden: Callable[[str, str], None]) -> None:
    """A bypass leads to the far end of the lost link: it cannot save what went through a lost PoP."""
    name, net = network
    lines: list[str] = []
    for pop in net.topology.names:
        dead = [link.name for link in net.topology.ports(pop).values()]
        dark = [
            f"{a} → {b} {journey.outcome}"
            for (a, b), journey in net.journeys(dead).items()
            if pop not in (a, b) and not journey.delivered
        ]
        lines += [f"{pop} lost: {len(dark)} pairs that only passed through are dark", *(f"  {line}" for line in dark)]
    golden(f"paths/{name}-node-loss.txt", "\n".join(lines) + "\n")
