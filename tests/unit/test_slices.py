"""Slices: parts that hold together, ways between them by binding SIDs, and brains that leave each other alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from modelled_run import Stand

from controller.slices import slices
from topology import labels
from topology.connectivity import pieces
from topology.errors import InputError
from topology.forwarding import Snapshot
from topology.load import load
from topology.model import Topology
from topology.walk import Journey, journey, prepare

NETWORKS = ["edge12", "europe18", "topohub:sndlib/nobel-eu"]
CASES = [(name, policy) for name in NETWORKS for policy in ("sliced", "sliced-2")]


@cache
def built(name: str, policy: str) -> tuple[Topology, Snapshot]:
    stand = Stand(load(name), policy, Path(mkdtemp()))
    return stand.lab.topology, stand.lab.snapshot()


def ways(topology: Topology, snapshot: Snapshot, dead: frozenset[str] = frozenset()) -> dict[tuple[str, str], Journey]:
    """Every pair's, with the ports of dead links not live."""
    lost = {(end, topology.port(end, link)) for link in topology.links if link.name in dead for end in link.ends}
    seen = {
        pop: replace(state, live_ports=frozenset(port for port in state.live_ports if (pop, port) not in lost))
        for pop, state in snapshot.items()
    }
    switches = prepare(seen)
    return {pair: journey(topology, switches, *pair, dead) for pair in topology.pairs}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("count", [2, 4])
def test_slices_hold_together_and_share_the_pops(name: str, count: int) -> None:
    topology = load(name)
    found = slices(topology, count)
    members = [found.members(number) for number in range(count)]
    assert sorted(name for part in members for name in part) == sorted(topology.names)
    for number, part in enumerate(members):
        inside = [link.ends for link in topology.links if link.name not in found.outside(number)]
        assert len(pieces(part, inside)) == 1
    assert max(map(len, members)) - min(map(len, members)) <= 1


def test_more_slices_than_pops_are_refused() -> None:
    with pytest.raises(InputError, match="12 PoPs cannot be 13 slices"):
        slices(load("edge12"), 13)


@pytest.mark.parametrize(("name", "policy"), CASES)
def test_every_pair_is_delivered_within_the_label_budget(name: str, policy: str) -> None:
    topology, snapshot = built(name, policy)
    for pair, way in ways(topology, snapshot).items():
        assert way.delivered, (pair, way)
        assert max(len(step.stack) for step in way.steps) <= labels.MAX_INGRESS


@pytest.mark.parametrize(("name", "policy"), CASES)
def test_pairs_inside_a_slice_stay_inside(name: str, policy: str) -> None:
    topology, snapshot = built(name, policy)
    found = slices(topology, 4 if policy == "sliced" else 2)
    for (src, dst), way in ways(topology, snapshot).items():
        if found.slice_of(src) == found.slice_of(dst):
            assert found.outside(found.slice_of(src)).isdisjoint(way.links), (src, dst)


@pytest.mark.parametrize(("name", "policy"), CASES[:5])
def test_every_single_cut_without_any_brain_is_repaired_locally(name: str, policy: str) -> None:
    topology, snapshot = built(name, policy)
    for link in topology.links:
        for pair, way in ways(topology, snapshot, frozenset({link.name})).items():
            assert way.delivered, (link.name, pair, way.outcome)
            assert max(len(step.stack) for step in way.steps) <= labels.MAX_STACK


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(load("edge12"), "sliced", tmp_path)


def test_a_dead_brain_leaves_the_other_slices_theirs(stand: Stand) -> None:
    """A cut in another slice is routed round there, by that slice's brain; the dead one's PoPs are not touched."""
    lab = stand.lab
    found = slices(lab.topology, 4)
    dead, other = 2, found.slice_of("lhr")
    assert dead != other
    before = lab.snapshot()
    lab.wait_until(1.0)
    lab.brains[f"brain-{dead + 1}"].kill()
    lab.wait_until(2.0)
    lab.links["lhr-fra"].cut()
    lab.wait_until(6.0)
    after = lab.snapshot()
    changed = {pop for pop in lab.topology.names if set(before[pop].flows) != set(after[pop].flows)}
    assert changed
    assert changed <= set(found.members(other))
    assert all(way.delivered for way in ways(lab.topology, after, frozenset({"lhr-fra"})).values())


def test_a_returning_brain_finds_its_own_rules(stand: Stand) -> None:
    lab = stand.lab
    lab.brains["brain-3"].kill()
    lab.wait_until(2.0)
    lab.brains["brain-3"].start()
    lab.wait_until(9.0)
    returned = stand.said("reconciling", 2.0)
    assert {line["pop"] for line in returned} == set(lab.brains["brain-3"].charge)
    assert {line["mods"] for line in returned} == {0}


def test_node_sids_above_others_and_alone_have_rules_of_their_own() -> None:
    """Open vSwitch's datapath gives all packets of a cached flow the first one's bottom-of-stack bit."""
    _, snapshot = built("edge12", "sliced")
    transit = [
        rule.match for rule in snapshot["sjc"].flows if rule.table == 2 and len(rule.actions) == 2
        and labels.node_index(rule.match.mpls_label) is not None
    ]  # fmt: skip
    assert transit
    assert {match.mpls_bos for match in transit} == {0, 1}
