"""Repairs in any network: what holds for every topology and every set of lost links and PoPs."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest
from core_network import MemoryNetwork
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.brain import BrainSettings
from controller.paths import METRICS, shortest
from controller.protection import repairs
from controller.repairs import Repairs
from topology import labels
from topology.model import Link, Pop, Topology

SEEDS = st.integers(0, 10**6)


def network(seed: int) -> Topology:
    """4 to 10 PoPs, connected, with delays of which no two sums are equal, and some shared risks."""
    chance = Random(seed)
    pops = tuple(Pop(index, f"p{index}", "", "", 0.0, 0.0, 1.0) for index in range(chance.randint(4, 10)))
    trunk = [(chance.randrange(index), index) for index in range(1, len(pops))]
    spare = [pair for pair in combinations(range(len(pops)), 2) if pair not in trunk]
    ends = [*trunk, *chance.sample(spare, min(len(spare), chance.randint(1, len(pops))))]
    links = tuple(
        Link(
            index,
            pops[a].name,
            pops[b].name,
            1e6,
            1.0,
            chance.uniform(1, 60),
            chance.choice(((), (), ("one",), ("two",))),
        )
        for index, (a, b) in enumerate(ends)
    )
    return Topology("random", pops, links, "p0")


def joined(topology: Topology, dead: list[str]) -> set[tuple[str, str]]:
    paths = shortest(topology, dead)
    return {pair for pair in topology.pairs if paths.hops(*pair)}


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_one_lost_link_or_pop_darkens_nobody_who_has_a_way(seed: int) -> None:
    topology = network(seed)
    net = MemoryNetwork(topology, BrainSettings(fast_reroute=True))
    losses = [[link.name] for link in topology.links]
    losses += [[link.name for link in topology.ports(pop).values()] for pop in topology.names]
    for dead in losses:
        delivered = {pair for pair, journey in net.journeys(dead).items() if journey.delivered}
        assert delivered == joined(topology, dead), dead


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, protect=st.sampled_from(["link", "node"]), lost=st.integers(2, 5))
def test_whatever_is_lost_nothing_loops_and_three_labels_are_enough(seed: int, protect: str, lost: int) -> None:
    topology = network(seed)
    net = MemoryNetwork(topology, BrainSettings(fast_reroute=True, protect=protect))  # type: ignore[arg-type]
    dead = [link.name for link in Random(seed).sample(topology.links, min(lost, len(topology.links)))]
    possible = joined(topology, dead)
    for pair, journey in net.journeys(dead).items():
        assert journey.outcome != "loop", pair
        assert max((len(step.stack) for step in journey.steps), default=0) <= labels.MAX_STACK
        assert set(journey.links).isdisjoint(dead)
        assert not journey.delivered or pair in possible


def ways(found: Repairs) -> object:
    """All that the switches' tables hang on."""
    pops = found.topology.names
    return {pop: (set(found.facts[index]), found.own(pop)) for index, pop in enumerate(pops)}


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, nodes=st.booleans())
def test_what_is_kept_is_what_would_be_found_anew(seed: int, nodes: bool) -> None:
    """Links go and come in any order; a brain that was there all the while and one that returns agree."""
    topology, chance = network(seed), Random(seed)
    old = repairs(shortest(topology), nodes=nodes)
    dead: set[str] = set()
    for _ in range(8):
        dead ^= {link.name for link in chance.sample(topology.links, chance.choice((1, 1, 2)))}
        paths = shortest(topology, dead)
        old = repairs(paths, nodes=nodes, old=old)
        assert ways(old) == ways(repairs(paths, nodes=nodes))


@pytest.mark.parametrize("seed", range(6))
def test_the_metric_of_the_paths_does_not_matter_to_bypasses(seed: int) -> None:
    topology = network(seed)
    plain = repairs(shortest(topology), nodes=True)
    assert ways(repairs(shortest(topology, (), METRICS["hops"]), nodes=True)) == ways(plain)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_what_each_repair_goes_round(seed: int) -> None:
    topology = network(seed)
    found = repairs(shortest(topology), nodes=True)
    for key, repair in found.links.items():
        link = topology.links[key // 2]
        a, b = (topology.pop(end).index for end in link.ends)
        assert not repair.first.uses(a, b)
        assert not repair.second.uses(a, b)
        useful = [pop for pop, onward in repair.first.onward.items() if repair.second.onward.get(pop, onward) != onward]
        for start in useful:
            at = start
            while at != repair.second.end:
                assert (at, repair.second.onward[at]) != (start, repair.first.onward[start])
                at = repair.second.onward[at]
    for pop, around in found.nodes.items():
        for tree in around.trees.values():
            assert pop not in tree.onward
            assert pop not in tree.onward.values()
