"""Unknown is not dead: what a brain does about PoPs that it has lost sight of."""

from __future__ import annotations

import pytest
from core_network import MemoryNetwork

from controller.brain import BrainSettings
from controller.messages import SwitchDown, Tick
from controller.unknown import DEAD, ORION, STATIC, Belief, belief
from topology.load import load

EDGE12 = load("edge12")
BUSY, *_ = EDGE12.names
"""Others' ways lead through it."""


def blinded(means: str, lost: tuple[str, ...]) -> MemoryNetwork:
    """A healthy network whose control channels to some PoPs go away; they forward as they last did."""
    network = MemoryNetwork(EDGE12, BrainSettings(unknown_means=means))
    for pop in lost:
        network.tell(SwitchDown(pop))
    settle(network)
    return network


def settle(network: MemoryNetwork) -> None:
    for _ in range(5):
        network.now += 1.0
        network.tell(Tick())


def dark(network: MemoryNetwork) -> set[tuple[str, str]]:
    return {pair for pair, journey in network.journeys().items() if not journey.delivered}


def crossing(network: MemoryNetwork, pop: str) -> set[tuple[str, str]]:
    """Pairs whose packets pass through ``pop``, neither from nor to it."""
    return {pair for pair, seen in network.journeys().items() if pop in [step.pop for step in seen.steps[1:-1]]}


@pytest.mark.parametrize("count", [1, 6])
def test_static_changes_nothing(count: int) -> None:
    network = MemoryNetwork(EDGE12)
    before = network.snapshot()
    for pop in EDGE12.names[:count]:
        network.tell(SwitchDown(pop))
    settle(network)
    assert network.snapshot() == before


def test_taking_unknown_for_dead_darkens_pops_that_work() -> None:
    lost = EDGE12.names[:6]
    network = blinded(DEAD, lost)
    assert {pair for pair in EDGE12.pairs if pair[1] in lost and pair[0] not in lost} <= dark(network)
    for pop in lost:
        network.tell(network.switch_up(pop))
    settle(network)
    assert not dark(network), "and recovers when it sees them again"


def test_orions_rule_routes_around_few_and_still_delivers_to_them() -> None:
    network = MemoryNetwork(EDGE12)
    assert crossing(network, BUSY)
    network = blinded(ORION, (BUSY,))
    assert not dark(network)
    assert not crossing(network, BUSY)
    network.tell(network.switch_up(BUSY))
    settle(network)
    assert crossing(network, BUSY), "seen again, used again"


def test_orions_rule_changes_nothing_when_many_are_unknown() -> None:
    network = MemoryNetwork(EDGE12, BrainSettings(unknown_means=ORION))
    few = {pair: journey.links for pair, journey in network.journeys().items()}
    for pop in EDGE12.names[:6]:
        network.tell(SwitchDown(pop))
    settle(network)
    assert {pair: journey.links for pair, journey in network.journeys().items()} == few


def test_what_follows_from_each_meaning() -> None:
    few, many = EDGE12.names[:3], EDGE12.names[:4]
    assert belief(EDGE12, many, STATIC) == belief(EDGE12, many, ORION) == belief(EDGE12, (), DEAD) == Belief()
    assert belief(EDGE12, few, ORION).avoided == set(few)
    assert belief(EDGE12, few, DEAD).dead == set(EDGE12.links_at(few))
