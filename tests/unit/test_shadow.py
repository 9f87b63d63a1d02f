"""The shadow beneath the brain's rules: who wins when, and that changing over loses nothing."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from core_network import MemoryNetwork

from controller.brain import BrainSettings
from controller.paths import shortest
from controller.pipeline import GUARD
from controller.shadow import fixed_rules, route_rules
from topology import addressing, labels
from topology.forwarding import OWNER, SHADOW_OWNER
from topology.igp import MAX_COST, cost
from topology.load import load
from topology.model import Link, Topology

SETTINGS = BrainSettings(fast_reroute=True, guard_timeout_s=3)


class ShadowedNetwork(MemoryNetwork):
    """With routing daemons that know every link but the ``unseen`` cuts."""

    def route(self, dead: Collection[str] = ()) -> None:
        paths = shortest(self.topology, dead)
        for pop in self.topology.pops:
            switch = self.switches[pop.name]
            kept = {key: rule for key, rule in switch.flows.items() if rule.cookie >> 48 != SHADOW_OWNER}
            routes = {index: port for index, port in enumerate(paths.next_port[pop.index].tolist()) if port}
            rules = (*fixed_rules(self.topology, pop.name), *route_rules(self.topology, pop.name, routes))
            switch.flows = {**kept, **{rule.key: rule for rule in rules}}

    def expire(self, pops: Collection[str]) -> None:
        """The dead-man's switch strikes at these."""
        for pop in pops:
            flows = self.switches[pop].flows
            gone = [key for key, rule in flows.items() if rule.table == GUARD and rule.cookie >> 48 == OWNER]
            for key in gone:
                del flows[key]


@pytest.fixture(scope="module")
def edge12() -> Topology:
    return load("edge12")


@pytest.fixture
def network(edge12: Topology) -> ShadowedNetwork:
    made = ShadowedNetwork(edge12, SETTINGS)
    made.route()
    return made


def test_while_the_brain_lives_its_rules_win(network: ShadowedNetwork) -> None:
    stacks = [label for j in network.journeys().values() for step in j.steps for label in step.stack]
    assert stacks
    assert all(label < labels.PREFIX for label in stacks)


def test_when_the_guard_is_gone_everybody_takes_the_shadow(network: ShadowedNetwork) -> None:
    before = network.journeys()
    network.expire(network.topology.names)
    after = network.journeys()
    assert all(journey.delivered for journey in after.values())
    assert {pair: journey.links for pair, journey in after.items()} == {p: j.links for p, j in before.items()}
    index = network.topology.pop("syd").index
    assert after["lhr", "syd"].steps[0].stack == (labels.prefix(index),)


@pytest.mark.parametrize("share", [1, 3, 6, 11])
def test_changing_over_switch_by_switch_loses_no_pair(network: ShadowedNetwork, share: int) -> None:
    """Guards strike at different moments: whatever is labelled goes on by its label."""
    network.expire(network.topology.names[:share])
    assert all(journey.delivered for journey in network.journeys().values())


def test_a_cut_that_no_daemon_has_seen_is_repaired_locally(network: ShadowedNetwork) -> None:
    network.expire(network.topology.names)
    for link in network.topology.links:
        journeys = network.journeys([link.name])
        assert all(journey.delivered for journey in journeys.values()), link.name
        assert max(len(step.stack) for j in journeys.values() for step in j.steps) <= labels.MAX_STACK


def test_two_cuts_that_the_daemons_have_seen_leave_nobody_dark(network: ShadowedNetwork) -> None:
    network.expire(network.topology.names)
    topology = network.topology
    for first, second in zip(topology.links, topology.links[1:], strict=False):
        dead = {first.name, second.name}
        reachable = shortest(topology, dead)
        network.route(dead)
        for pair, journey in network.journeys(dead).items():
            assert journey.delivered == bool(reachable.links(*pair)), (dead, pair)


def test_a_brain_that_wipes_the_groups_takes_the_upper_rules_only(network: ShadowedNetwork) -> None:
    network.expire(network.topology.names)
    for switch in network.switches.values():
        switch.groups.clear()
        pointing = {key for key, rule in switch.flows.items() if "ToGroup" in repr(rule.actions)}
        switch.flows = {key: rule for key, rule in switch.flows.items() if key not in pointing}
        switch.flows = {key: rule for key, rule in switch.flows.items() if rule.cookie >> 48 == SHADOW_OWNER}
    assert all(journey.delivered for journey in network.journeys().values())


def test_a_destination_without_a_brains_rule_falls_through_to_the_shadow(network: ShadowedNetwork) -> None:
    """The guard lives, but the brain has programmed nothing: empty is not the same as dark."""
    for switch in network.switches.values():
        switch.flows = {
            key: rule for key, rule in switch.flows.items() if rule.table == GUARD or rule.cookie >> 48 == SHADOW_OWNER
        }
    assert all(journey.delivered for journey in network.journeys().values())


def test_the_brain_does_not_count_the_shadow_as_its_own(network: ShadowedNetwork) -> None:
    before = {pop: dict(switch.flows) for pop, switch in network.switches.items()}
    network.sent.clear()
    network.start_brain()
    assert {pop: dict(switch.flows) for pop, switch in network.switches.items()} == before


def test_a_route_over_what_is_no_link_of_the_pop_is_left_out(edge12: Topology) -> None:
    pop = edge12.names[0]
    assert route_rules(edge12, pop, {0: 2, 1: 99}) == ()


def test_costs_are_delays_within_sixteen_bits() -> None:
    def link(delay_ms: float) -> Link:
        return Link(0, "a", "b", 1e6, 0.0, delay_ms)

    assert [cost(link(delay)) for delay in (0.0, 1.0, 12.345, 1e6)] == [1, 100, 1234, MAX_COST]


def test_a_router_is_known_by_its_loopback() -> None:
    assert [addressing.router_index(addressing.router_id(index)) for index in (0, 255, 256, 329)] == [0, 255, 256, 329]
    assert addressing.router_index("100.127.0.7/32") == 7
    assert addressing.router_index("100.64.0.0/31") is None
    assert addressing.transit_ips(1) == ("100.64.0.2", "100.64.0.3")
