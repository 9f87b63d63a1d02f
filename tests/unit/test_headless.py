"""A network without a brain: the short cut over places against whole journeys, and against the whole modelled lab."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelled_run import Stand, square

from experiments.policies import POLICIES
from experiments.survival.damage import NONE, Graph, Network
from experiments.survival.headless import Frozen, orphaned
from topology.load import load
from topology.model import Pair, Topology
from topology.walk import journey, prepare

HEADLESS = ("soft-state", "fail-static", "fast-reroute", "broken")


@cache
def topology(name: str) -> Topology:
    return square() if name == "square" else load(name)


@cache
def frozen(name: str, policy: str) -> Frozen:
    headless, _ = orphaned(topology(name), POLICIES[policy])
    assert isinstance(headless, Frozen)
    return headless


def network(name: str, policy: str) -> Network:
    return Network(topology(name), frozen(name, policy), Graph(topology(name)))


def dark(found: Network, name: str, dead: frozenset[int]) -> set[Pair]:
    arrives = found.arrives(dead)
    return {pair for pair, good in zip(topology(name).pairs, arrives, strict=True) if not good}


def dark_by_journeys(name: str, policy: str, dead: frozenset[int]) -> set[Pair]:
    """Packet by packet, time to live and all."""
    links = topology(name).links
    headless = frozen(name, policy)
    states = {**headless.whole, **headless.moved(dead, dead)}
    switches = prepare({pop: state.state for pop, state in states.items()})
    names = {links[link].name for link in dead}
    return {pair for pair in topology(name).pairs if not journey(topology(name), switches, *pair, names).delivered}


@pytest.mark.parametrize("policy", HEADLESS)
@pytest.mark.parametrize("name", ["square", "edge12", "europe18"])
def test_dark_pairs_are_those_whose_journeys_end(name: str, policy: str) -> None:
    """Link after link is cut and mended at random; what is kept true is what a fresh look sees."""
    chance, found, dead = random.Random(policy), network(name, policy), frozenset[int]()
    for _ in range(25):
        dead ^= {chance.randrange(len(topology(name).links))}
        wanted = dark_by_journeys(name, policy, dead)
        damage = found.damage(dead)
        assert damage.dark_pairs == len(wanted)
        assert dark(found, name, dead) == wanted


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 17), max_size=8), st.sampled_from(HEADLESS))
def test_a_mend_undoes_its_cut_and_the_past_leaves_no_trace(cuts: list[int], policy: str) -> None:
    found, dead = network("edge12", policy), frozenset[int]()
    whole, seen = found.damage(dead), []
    for link in cuts:
        dead |= {link}
        seen.append((dead, found.damage(dead)))
    fresh = network("edge12", policy)
    for before, damage in reversed(seen):
        assert fresh.damage(before) == damage
    assert fresh.damage(frozenset()) == whole


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 17), max_size=10), st.integers(0, 17))
def test_what_no_design_could_serve_only_grows_with_cuts_and_is_always_dark(cuts: set[int], more: int) -> None:
    graph = Graph(topology("edge12"))
    fewer, worse = graph.damage(frozenset(cuts)), graph.damage(frozenset(cuts | {more}))
    assert fewer.cut_off_pairs <= worse.cut_off_pairs
    assert fewer.cut_off_share <= worse.cut_off_share + 1e-12
    for policy in HEADLESS:
        damage = network("edge12", policy).damage(frozenset(cuts))
        assert damage.dark_pairs >= damage.cut_off_pairs == fewer.cut_off_pairs
        assert damage.dark_share >= damage.cut_off_share - 1e-12


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 17), max_size=6), st.integers(0, 17))
def test_under_fixed_paths_more_cuts_never_bring_a_pair_back(cuts: set[int], more: int) -> None:
    found = network("edge12", "fail-static")
    assert found.damage(frozenset(cuts)).dark_share <= found.damage(frozenset(cuts | {more})).dark_share + 1e-12


def test_one_cut_anywhere_is_repaired_where_pops_repair() -> None:
    found = network("edge12", "fast-reroute")
    assert {found.damage(frozenset({link})) for link in range(18)} == {NONE}


@pytest.mark.parametrize(
    "policy", ["standalone", "soft-state", "fail-static", "fast-reroute", "withdraw", "shadow", "standby"]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_whole_modelled_lab_goes_dark_for_the_same_pairs(policy: str, seed: int, tmp_path: Path) -> None:
    """The same cuts and mends as events of a run: brain killed, timers and BFD at work, flights followed."""
    edge12 = topology("edge12")
    chance, dead = random.Random(seed), frozenset[int]()
    found = Network(edge12, orphaned(edge12, POLICIES[policy])[0], Graph(edge12))
    stand = Stand(edge12, policy, tmp_path, seed=seed)
    lab = stand.lab
    for brain in lab.brains.values():
        brain.kill()
    lab.wait_until(20.0)
    for _ in range(8):
        link = chance.choice(sorted(dead)) if len(dead) > 2 else chance.randrange(len(edge12.links))
        control = lab.links[edge12.links[link].name]
        (control.heal if link in dead else control.cut)()
        dead ^= {link}
        lab.wait_until(lab.now_s() + 8.0)
        now_s = lab._clock.now
        seen = {pair for pair in edge12.pairs if not lab._network.fly(pair, now_s)[0].delivered}
        assert dark(found, "edge12", dead) == seen
