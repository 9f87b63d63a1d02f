"""Every design of the ladder, its brain dead for long, and every single cut: who is delivered, by which way, who not.

The tables in ``tests/golden/ladder`` tell it link by link: first the state without a cut beside the shortest
ways, then each cut beside that state. Pairs that nothing changes for are counted only; a way is told by the
part in which it differs. What theory says of each design is asserted beside them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import pytest
from headless_run import REPAIRED_S, SETTLED_S, Headless
from outcomes import TOPOLOGIES, Journeys, Walk, check, dark, shortest_ways, told, ways

from controller.pipeline import GUARD, LABELS
from experiments.policies import POLICIES, Policy
from topology import flooding, labels
from topology.connectivity import pieces
from topology.forwarding import ETH_IPV4, ETH_MPLS, FlowRule, GroupRule, Match, Snapshot
from topology.igp import Igp
from topology.load import load
from topology.model import Pair, Topology

NETWORKS = ["edge12", "nobel-eu"]
RUNGS = {
    "standalone": ("standalone", SETTLED_S),
    "soft-state": ("soft-state", SETTLED_S),
    "fail-static": ("fail-static", SETTLED_S),
    "fast-reroute": ("fast-reroute", SETTLED_S),
    "withdraw": ("withdraw", SETTLED_S),
    "shadow": ("shadow", SETTLED_S),
    "shadow-before-convergence": ("shadow", REPAIRED_S),
    "sliced": ("sliced", SETTLED_S),
    "sliced-2": ("sliced-2", SETTLED_S),
}
"""Table → whose it is, and how long after a cut one looks (s)."""
AS_FAST_REROUTE = ["standby", "standby-defaults"]
"""Whose switches hold what those of ``fast-reroute`` hold."""
WRONG = {policy.name for policy in POLICIES.values() if "wrong on purpose" in policy.summary}


@dataclass(frozen=True)
class Cuts:
    """What was walked: without a cut, and with each link cut in turn."""

    name: str
    rung: str
    walk: Walk
    after: Mapping[str, Journeys]

    @property
    def policy(self) -> Policy:
        return POLICIES[RUNGS[self.rung][0]]


@cache
def network(name: str) -> Topology:
    return load(TOPOLOGIES[name])


@pytest.fixture(scope="module", autouse=True)
def unswept() -> Iterator[None]:
    """Little of what is made here is garbage, and to look for it takes a third of the time."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module", params=product(NETWORKS, RUNGS), ids="-".join)
def cuts(request: pytest.FixtureRequest) -> Cuts:
    """Walked once for all tests of a rung, which pytest puts one after the other."""
    name, rung = request.param
    policy, after_s = RUNGS[rung]
    net = Headless(network(name), policy)
    walk = Walk(net.topology, net.snapshot())
    return Cuts(name, rung, walk, {link.name: walk.again(seen, {link.name}) for link, seen in net.cuts(after_s)})


def of(rung: str) -> pytest.MarkDecorator:
    """On both networks this rung alone."""
    return pytest.mark.parametrize("cuts", [(name, rung) for name in NETWORKS], ids="-".join, indirect=True)


def parted(topology: Topology, used: frozenset[str]) -> set[Pair]:
    """Pairs between which these links make no way."""
    found = pieces(topology.names, [link.ends for link in topology.links if link.name in used])
    piece = {pop: number for number, part in enumerate(found) for pop in part}
    return {(a, b) for a, b in topology.pairs if piece[a] != piece[b]}


def doomed(policy: Policy, walk: Walk, link: str) -> set[Pair]:
    """Pairs that a dead brain and this cut must leave dark."""
    topology = walk.topology
    routes = any(isinstance(companion, Igp) for companion in policy.companions)
    if policy.switch.fail_mode == "standalone":
        return parted(topology, flooding.tree(topology) - {link})
    if policy.brain.guard_timeout_s and not routes:
        return set(topology.pairs)
    if policy.brain.fast_reroute:
        return parted(topology, frozenset(each.name for each in topology.links) - {link})
    return {pair for pair, taken in walk.journeys.items() if link in taken.links}


Tables = dict[str, tuple[frozenset[FlowRule], frozenset[GroupRule]]]


def tables(snapshot: Snapshot) -> Tables:
    return {pop: (frozenset(state.flows), frozenset(state.groups)) for pop, state in snapshot.items()}


@cache
def reroute_tables(name: str) -> Tables:
    return tables(Headless(network(name), "fast-reroute").snapshot())


def test_every_design_has_a_table_or_shares_one() -> None:
    assert {*(policy for policy, _ in RUNGS.values()), *AS_FAST_REROUTE} == set(POLICIES) - WRONG


def test_what_becomes_of_every_pair(cuts: Cuts, golden: Callable[[str, str], None]) -> None:
    before = ways(cuts.walk, cuts.walk.journeys)
    lines = [*told("no cut", shortest_ways(cuts.walk.topology), before, "by the shortest way")]
    for link, journeys in cuts.after.items():
        lines += told(f"{link} cut", before, ways(cuts.walk, journeys))
    golden(f"ladder/{cuts.name}-{cuts.rung}.txt", "\n".join(lines) + "\n")


def test_dark_is_who_must_be(cuts: Cuts) -> None:
    for link, journeys in cuts.after.items():
        check(journeys, [link])
        assert dark(journeys) == doomed(cuts.policy, cuts.walk, link), link


@of("standalone")
def test_a_bridge_uses_the_tree_and_no_label(cuts: Cuts) -> None:
    used = flooding.tree(cuts.walk.topology)
    for journeys in (cuts.walk.journeys, *cuts.after.values()):
        assert all(used.issuperset(taken.links) for taken in journeys.values())
        assert not any(step.stack for taken in journeys.values() for step in taken.steps)


@of("shadow")
def test_daemons_that_have_converged_use_the_shortest_way_that_is_left(cuts: Cuts) -> None:
    for link, journeys in cuts.after.items():
        assert ways(cuts.walk, journeys) == shortest_ways(cuts.walk.topology, {link}), link
        assert {len(step.stack) for taken in journeys.values() for step in taken.steps[:-1]} == {1}


@of("withdraw")
def test_a_pop_that_withdraws_carries_what_is_others(cuts: Cuts) -> None:
    """All that its switch held is still there but the way in from its own host and the one out to it."""
    whole, left = reroute_tables(cuts.name), tables(cuts.walk.snapshot)
    for pop in cuts.walk.topology.pops:
        (flows, groups), (held, same) = whole[pop.name], left[pop.name]
        assert held < flows
        assert {(rule.table, rule.match) for rule in flows - held} == {
            (GUARD, Match(eth_type=ETH_IPV4)),
            (LABELS, Match(eth_type=ETH_MPLS, mpls_label=labels.node(pop.index), mpls_bos=1)),
        }
        assert same == groups


@pytest.mark.parametrize("policy", AS_FAST_REROUTE)
@pytest.mark.parametrize(
    ("name", "killed"), [*product(["edge12"], ["brain-1", "brain-2", "brain-3", "all"]), ("nobel-eu", "all")]
)
def test_whichever_of_several_brains_is_dead_the_tables_are_those_of_fast_reroute(
    policy: str, name: str, killed: str
) -> None:
    """Whoever leads and whoever takes over writes the same, and so every cut has the same outcome."""
    net = Headless(network(name), policy, None if killed == "all" else [killed])
    assert tables(net.snapshot()) == reroute_tables(name)


@pytest.mark.parametrize("brain", ["brain-1", "brain-2", "brain-3", "brain-4"])
def test_one_slice_without_its_brain_leaves_nobody_dark(brain: str) -> None:
    """The others' brains see the cut and change what is theirs; the dead one's PoPs only repair."""
    net = Headless(network("edge12"), "sliced", [brain])
    walk = Walk(net.topology, net.snapshot())
    for link, snapshot in net.cuts():
        journeys = walk.again(snapshot, {link.name})
        check(journeys, [link.name])
        assert not dark(journeys), link.name
