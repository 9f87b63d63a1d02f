"""Explicit paths within two labels at the ingress, and what a repair adds."""

from __future__ import annotations

import itertools
import random

import pytest
from core_network import MemoryNetwork

from controller.brain import BrainSettings
from controller.paths import shortest
from controller.segments import compiled
from topology import labels
from topology.load import load
from topology.model import Topology

EDGE12 = load("edge12")


def random_path(topology: Topology, seed: int, length: int) -> tuple[str, ...]:
    """A simple path of up to ``length`` hops: nobody's shortest one."""
    chance = random.Random(seed)
    path = [chance.choice(topology.names)]
    while len(path) <= length:
        onward = [pop for pop in topology.neighbours(path[-1]).values() if pop not in path]
        if not onward:
            break
        path.append(chance.choice(onward))
    return tuple(path)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("fast_reroute", [False, True])
def test_a_packet_takes_exactly_the_explicit_path(seed: int, fast_reroute: bool) -> None:
    path = random_path(EDGE12, seed, 9)
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=fast_reroute, steering=(path,)))
    journey = network.journeys()[path[0], path[-1]]
    assert journey.delivered
    assert tuple(step.pop for step in journey.steps) == path
    assert max(len(step.stack) for step in journey.steps) <= labels.MAX_INGRESS


@pytest.mark.parametrize("seed", range(12))
def test_any_cut_of_an_explicit_path_is_repaired_within_three_labels(seed: int) -> None:
    path = random_path(EDGE12, seed, 9)
    network = MemoryNetwork(EDGE12, BrainSettings(fast_reroute=True, steering=(path,)))
    for a, b in itertools.pairwise(path):
        journey = network.journeys([EDGE12.link(f"{a}-{b}").name])[path[0], path[-1]]
        assert max(len(step.stack) for step in journey.steps) <= labels.MAX_STACK
        assert journey.delivered


def test_a_shortest_path_needs_one_label() -> None:
    paths = shortest(EDGE12)
    for pair in EDGE12.pairs:
        steered = compiled(paths, 0, paths.hops(*pair), 0)
        assert steered.stack == (labels.node(EDGE12.pop(pair[1]).index),)
        assert steered.bindings == ()


def test_two_paths_do_not_share_binding_sids() -> None:
    paths = shortest(EDGE12)
    ways = [compiled(paths, 0, random_path(EDGE12, seed, 11), seed) for seed in range(30)]
    keys = [binding.label for way in ways for binding in way.bindings]
    assert keys
    assert len(keys) == len(set(keys))
