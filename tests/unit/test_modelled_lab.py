"""The modelled lab and its parts: what is in flight, what is full, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from modelled_run import INTERVAL_S, Stand, play, square

from controller.messages import AddFlow, AddGroup, DeleteGroup, ModifyGroup
from controller.oracle import stale_routes
from controller.paths import shortest
from experiments.asking.prepare import Choice, prepare
from experiments.asking.spec import Spec
from experiments.faults import FAULTS
from experiments.lab import Lab
from experiments.labs.modelled import refusals
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.history import Past
from experiments.labs.modelled.oracle import Oracle
from experiments.labs.modelled.switch import ModelSwitch
from experiments.policies import POLICIES
from topology.errors import InputError, LabError
from topology.forwarding import Bucket, FlowRule, GroupRule, Match, Output, ToGroup
from topology.load import load
from topology.model import Link, Pair, Pop, Topology
from traffic.bulk import BulkFlow


def crossing(link: str) -> set[Pair]:
    """Pairs whose shortest way leads over the link."""
    paths = shortest(square())
    return {pair for pair in square().pairs if link in paths.links(*pair)}


def a_lab(stand: Stand) -> Lab:
    """For mypy: it fits the Protocol."""
    return stand.lab


def test_it_can_measure_its_links_and_their_frames_count(tmp_path: Path) -> None:
    lab = Stand(square(), "fail-static", tmp_path).lab
    link = lab.links["a-b"]
    link.reshape(type(link.shape)(25.0, 5e6, 0.1))
    before, began_s = sum(link.frames()), lab.now_s()
    seen = lab.measure_links(["a-b"])["a-b"]["ba"]
    assert (seen.delay_ms, seen.rate_bps, seen.loss) == (25.0, 5e6, 0.1)
    assert lab.now_s() > began_s
    assert sum(link.frames()) > before + 50
    assert lab.measure_links(["control:c"])["control:c"]["ab"].delay_ms == pytest.approx(30.0)
    link.silence()
    with pytest.raises(LabError, match="no frame of a measurement came over a-b"):
        lab.measure_links(["a-b"])


ENDS = {
    "link.heal": "cut",
    "control.heal": "cut",
    "brain.return": "kill",
    "pop.return": "down",
    "switch.return": "crash",
    "push.rollback": "poison",
    "etcd.return": "kill",
}
"""End of faults → what it ends here."""
TARGET = {"link": "a-b", "control": "control:b", "pop": "b", "switch": "b"}
SETTINGS = {
    "link.degrade": {"extra_delay": "20 ms", "loss": "5 %"},
    "control.degrade": {"extra_delay": "20 ms", "loss": "5 %"},
    "link.flap": {"every": "1 s", "lasting": "4 s"},
}


@pytest.mark.parametrize("policy", ["soft-state", "fail-static", "fast-reroute", "standby"])
@pytest.mark.parametrize("kind", FAULTS.names())
def test_every_kind_of_fault_proves_itself(kind: str, policy: str, tmp_path: Path) -> None:
    if kind not in refusals.FAULTS:
        pytest.skip(f"the model refuses {kind}")
    if kind.startswith("etcd") and POLICIES[policy].store is None:
        pytest.skip(f"{policy} has no store")
    first = {end: f"{end.partition('.')[0]}.{broken}" for end, broken in ENDS.items()}.get(kind, kind)
    sort = kind.partition(".")[0]
    target = {"target": TARGET[sort]} if sort in TARGET else {}
    settings = {"with": SETTINGS[kind]} if kind in SETTINGS else {}
    second = next(end for end in ENDS if end.startswith(sort))
    asked = Spec.model_validate(
        {
            "name": "small",
            "topology": "square",
            "policies": [policy],
            "end": "20 s",
            "traffic": {"bulk_flows": 2},
            "phases": [{"name": "steady", "at": 0}],
            "timeline": [
                {"at": "3 s", "fault": first, **target, **settings},
                {"at": "8 s", "fault": second, **target},
            ],
        }
    )
    proofs = play(asked, square(), policy, tmp_path).of("proof")
    wanted = 1 if first in ("brain.hang", "brain.poweroff") else 2
    assert [proof["held"] for proof in proofs][:wanted] == [True] * wanted, proofs


def test_what_is_in_flight_on_a_cut_link_is_lost_and_nothing_else(tmp_path: Path) -> None:
    stand = Stand(square(), "fast-reroute", tmp_path)
    stand.lab.wait_until(5.0)
    stand.lab.links["c-d"].cut()
    stand.lab.wait_until(10.0)
    samples = stand.end()
    lost = np.isnan(samples.recv_s)
    pairs = {samples.pairs[index] for index in samples.pair[lost]}
    assert pairs <= crossing("c-d")
    # at most 20 ms before they come to the link and 30 ms on it; 4 ms until the switch reacts
    assert (samples.due_s[lost] > 5.0 - 0.0501).all()
    assert (samples.due_s[lost] <= 5.0 + 0.0041).all()
    assert 0 < lost.sum() < len(crossing("c-d")) * 3


def test_pairs_down_is_what_the_present_state_would_lose(tmp_path: Path) -> None:
    stand = Stand(square(), "fail-static", tmp_path)
    stand.lab.brain.kill()
    assert stand.lab.pairs_down() == 0
    stand.lab.links["a-b"].cut()
    assert stand.lab.pairs_down() > 0
    stand.lab.links["a-b"].heal()
    assert stand.lab.pairs_down() == 0


def test_a_path_trace_follows_one_packet(tmp_path: Path) -> None:
    stand = Stand(square(), "fast-reroute", tmp_path)
    (trace,) = stand.lab.trace([("a", "c")])
    assert trace.delivered
    assert trace.links(square()) == ("a-b", "b-c")
    stand.lab.brain.kill()
    stand.lab.links["b-c"].cut()
    stand.lab.wait_until(1.0)
    (trace,) = stand.lab.trace([("a", "c")])
    assert trace.delivered
    assert trace.links(square()) == ("a-b", "a-b", "d-a", "c-d") or trace.links(square())[0] == "a-b"
    assert max(len(hop.stack) for hop in trace.hops) == 2, "one label for the repair"


def test_a_full_link_is_shared_fairly_and_delays_who_crosses_it(tmp_path: Path) -> None:
    flows = (BulkFlow("a", "b", 9e6), BulkFlow("d", "b", 3e6))
    stand = Stand(square(capacity_bps=1e7), "fail-static", tmp_path, bulk=flows)
    stand.lab.wait_until(4.0)
    samples = stand.end()
    delivered = {
        tuple(line["pair"]): sum(bits for since_s, _, bits in line["intervals"] if since_s >= 2.0) / 2.0
        for line in stand.of("bulk")
    }
    assert delivered["d", "b"] == pytest.approx(3e6, rel=0.05), "the small one gets all it wants"
    assert 6e6 < delivered["a", "b"] < 7e6
    pair = samples.pairs.index(("a", "b"))
    mine = (samples.pair == pair) & ~np.isnan(samples.recv_s)
    assert (samples.recv_s[mine] - samples.sent_s[mine]).min() > 0.1, "the queue of 100 ms is full"
    assert np.isnan(samples.recv_s[samples.pair == pair]).mean() > 0.05


def test_chance_loses_its_share(tmp_path: Path) -> None:
    stand = Stand(square(), "fail-static", tmp_path)
    link = stand.lab.links["a-b"]
    link.reshape(type(link.shape)(link.shape.delay_ms, link.shape.rate_bps, 0.2))
    stand.lab.wait_until(60.0)
    samples = stand.end()
    crossing = [samples.pairs.index(pair) for pair in (("a", "b"), ("b", "a"))]
    mine = np.isin(samples.pair, crossing)
    assert mine.sum() == pytest.approx(2 * 60 / INTERVAL_S, abs=2)
    assert np.isnan(samples.recv_s[mine]).mean() == pytest.approx(0.2, abs=0.03)


def test_frames_are_counted_as_they_come_out(tmp_path: Path) -> None:
    stand = Stand(square(), "fail-static", tmp_path)
    link = stand.lab.links["a-b"]
    assert link.frames() == (0, 0)
    stand.lab.wait_until(1.0)
    count = link.frames()
    stand.lab.wait_until(2.0)
    per_s = [b - a for a, b in zip(count, link.frames(), strict=True)]
    both_ways = len(crossing("a-b")) / INTERVAL_S
    assert sum(per_s) == pytest.approx(both_ways, abs=len(crossing("a-b")))
    link.cut()
    stopped = link.frames()
    stand.lab.wait_until(3.0)
    assert link.frames() == stopped


# ------------------------------------------------------------------ switches


@pytest.fixture
def switch() -> ModelSwitch:
    made = ModelSwitch(Clock(), Past(), "a")
    made.open()
    return made


def test_a_switch_refuses_as_openflow_does(switch: ModelSwitch) -> None:
    group = GroupRule(2, "indirect", (Bucket((Output(2),)),))
    to_nowhere = FlowRule(2, 100, Match(mpls_label=16001), (ToGroup(7),)).signed()
    refused = switch.apply([ModifyGroup(group), AddGroup(group), AddGroup(group), AddFlow(to_nowhere)])
    assert [code for _, code in refused] == [
        "OFPGMFC_UNKNOWN_GROUP",
        "OFPGMFC_GROUP_EXISTS",
        "OFPBAC_BAD_OUT_GROUP",
    ]


def test_deleting_a_group_deletes_its_flows(switch: ModelSwitch) -> None:
    group = GroupRule(2, "indirect", (Bucket((Output(2),)),))
    rule = FlowRule(2, 100, Match(mpls_label=16001), (ToGroup(2),)).signed()
    assert not switch.apply([AddGroup(group), AddFlow(rule)])
    switch.apply([DeleteGroup(2)])
    assert switch.track.last.state.flows == ()


def test_a_state_that_comes_back_is_known_again(switch: ModelSwitch) -> None:
    before = switch.track.last
    switch.port_changed(2, True)
    assert switch.track.last is not before
    switch.port_changed(2, False)
    assert switch.track.last is before


# ------------------------------------------------------------------ the oracle


@pytest.mark.parametrize("policy", ["fail-static", "fast-reroute"])
def test_the_fast_oracle_answers_as_the_plain_one(policy: str, tmp_path: Path) -> None:
    topology = load("europe18")
    stand = Stand(topology, policy, tmp_path)
    fast = Oracle(stand.lab.known)
    stand.lab.brain.kill()
    for number, link in enumerate(topology.links[::4]):
        stand.lab.links[link.name].cut()
        stand.lab.wait_until(stand.lab.now_s() + 0.01)
        if number % 2:
            stand.lab.links[topology.links[number - 1].name].heal()
        dead = frozenset(name for name, wire in stand.lab.links.items() if not all(wire.carrier()))
        snapshot = stand.lab.snapshot()
        assert fast(topology, snapshot, dead) == stale_routes(topology, snapshot, dead)


# ------------------------------------------------------------------ refusals


def test_what_the_model_does_not_know_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare("control-plane-loss", Choice(policies=("fail-static",)))
    refusals.check(prepared, pcap=False)
    monkeypatch.setattr(refusals, "FAULTS", refusals.FAULTS - {"link.cut"})
    with pytest.raises(InputError) as error:
        refusals.check(prepared, pcap=True)
    told = [str(problem) for problem in error.value.problems]
    assert told[0].startswith("--pcap: no packet is sent")
    assert told[1].startswith("control-plane-loss: timeline[1].fault: the model does not know 'link.cut'")


def test_a_way_longer_than_the_time_to_live_is_no_way(tmp_path: Path) -> None:
    """64 is what an IPv4 packet starts with; each switch on the way takes one off, so 63 let it through."""
    pops = tuple(Pop(i, f"p{i}", f"P{i}", "Nowhere", 0.0, 1.0 * i, 1e6) for i in range(70))
    links = tuple(Link(i, f"p{i}", f"p{i + 1}", 1e7, 100.0, 1.0) for i in range(69))
    line = Topology("line", pops, links, "p0")
    stand = Stand(line, "fail-static", tmp_path)
    for hops, delivered in ((58, True), (63, True), (64, False), (69, False)):
        (trace,) = stand.lab.trace([("p0", f"p{hops}")])
        assert trace.delivered is delivered, hops
    snapshot = stand.lab.snapshot()
    assert Oracle(stand.lab.known)(line, snapshot, ()) == stale_routes(line, snapshot, ())
