"""The policy shadow in virtual time: the heartbeat ends, the daemons' paths take over, a second cut is repaired."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from modelled_run import Stand, play

from experiments.asking.prepare import prepare
from experiments.labs.modelled.timers import AGENT_RETRY_S, IGP_EXCHANGE_S
from topology import labels
from topology.igp import Igp
from topology.load import load
from topology.model import Link, Pop, Topology

HELLO_S = Igp().hello_s


@pytest.fixture(scope="module")
def mesh() -> Topology:
    """Four PoPs, each joined to each: after three cuts there may be one way left that no bypass knows."""
    pops = tuple(Pop(i, name, name.upper(), "Nowhere", 0.0, 10.0 * i, 1e6) for i, name in enumerate("abcd"))
    ends = (("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("a", "c"), ("b", "d"))
    links = tuple(Link(i, a, b, 1e7, 100.0, 5.0 + i) for i, (a, b) in enumerate(ends))
    return Topology("mesh", pops, links, "a")


def headless(topology: Topology, folder: Path, policy: str = "shadow") -> Stand:
    """The brain was killed at 1 s; now it is 6 s."""
    stand = Stand(topology, policy, folder)
    stand.lab.wait_until(1.0)
    stand.lab.brain.kill()
    stand.lab.wait_until(6.0)
    return stand


def lost(stand: Stand) -> dict[tuple[str, str], list[float]]:
    samples = stand.end()
    found: dict[tuple[str, str], list[float]] = {}
    never = np.isnan(samples.recv_s)
    for pair, due in zip(samples.pair[never], samples.due_s[never], strict=True):
        found.setdefault(samples.pairs[pair], []).append(float(due))
    return found


def outermost(stand: Stand, src: str, dst: str) -> int:
    (trace,) = stand.lab.trace([(src, dst)])
    return trace.hops[0].stack[0]


def test_losing_the_brain_loses_nothing_though_everybody_changes_over(mesh: Topology, tmp_path: Path) -> None:
    stand = Stand(mesh, "shadow", tmp_path)
    assert outermost(stand, "b", "d") == labels.node(3)
    stand.lab.wait_until(1.0)
    stand.lab.brain.kill()
    stand.lab.wait_until(6.0)
    assert outermost(stand, "b", "d") == labels.prefix(3)
    assert lost(stand) == {}


def cut_one_by_one(stand: Stand, *names: str) -> float:
    """Two seconds apart; when the last one was cut."""
    for name in names:
        at_s = stand.lab.now_s()
        stand.lab.links[name].cut()
        stand.lab.wait_until(at_s + 2.0)
    return at_s


CUTS = ("a-b", "b-c", "c-d")
"""Each is repaired, alone and with any other; all three leave a way that fast reroute does not find."""


def test_what_no_bypass_survives_the_daemons_repair_within_a_second(mesh: Topology, tmp_path: Path) -> None:
    stand = headless(mesh, tmp_path)
    last_s = cut_one_by_one(stand, *CUTS)
    stand.lab.wait_until(last_s + 4.0)
    assert max(due for times in lost(stand).values() for due in times) < last_s + 1.0


def test_the_same_cuts_stay_dark_under_fast_reroute(mesh: Topology, tmp_path: Path) -> None:
    stand = headless(mesh, tmp_path, "fast-reroute")
    last_s = cut_one_by_one(stand, *CUTS)
    stand.lab.wait_until(last_s + 4.0)
    assert max(due for times in lost(stand).values() for due in times) > last_s + 3.8


def test_a_silent_link_is_found_by_bfd_and_left_out(mesh: Topology, tmp_path: Path) -> None:
    stand = headless(mesh, tmp_path)
    stand.lab.links["b-c"].silence()
    stand.lab.wait_until(10.0)
    (trace,) = stand.lab.trace([("b", "c")])
    assert [hop.pop for hop in trace.hops] == ["b", "a", "c"], "5 + 9 ms; the other way has 10 + 7"
    assert all(len(hop.stack) <= 1 for hop in trace.hops), "no repair any more, but the way itself"


def test_a_link_that_is_back_is_used_again(mesh: Topology, tmp_path: Path) -> None:
    stand = headless(mesh, tmp_path)
    stand.lab.links["b-c"].cut()
    stand.lab.wait_until(8.0)
    stand.lab.links["b-c"].heal()
    stand.lab.wait_until(8.0 + HELLO_S + IGP_EXCHANGE_S + 0.5)
    (trace,) = stand.lab.trace([("b", "c")])
    assert [hop.pop for hop in trace.hops] == ["b", "c"]


def test_a_returning_brain_takes_over_without_loss(mesh: Topology, tmp_path: Path) -> None:
    stand = headless(mesh, tmp_path)
    stand.lab.brain.start()
    stand.lab.wait_until(12.0)
    assert outermost(stand, "b", "d") == labels.node(3)
    assert lost(stand) == {}


def test_a_brain_that_returns_to_a_changed_network_loses_nothing(tmp_path: Path) -> None:
    """Every heartbeat would hand traffic to stale rules elsewhere, did it come before those are corrected."""
    stand = headless(load("edge12"), tmp_path)
    for name in ("sin-bom", "dxb-bom"):
        stand.lab.links[name].cut()
        stand.lab.wait_until(stand.lab.now_s() + 2.0)
    stand.lab.brain.start()
    stand.lab.wait_until(16.0)
    assert not [due for times in lost(stand).values() for due in times if due > 9.8]


def test_a_brain_that_wipes_loses_nothing_either(mesh: Topology, tmp_path: Path) -> None:
    stand = headless(mesh, tmp_path, "shadow+wipe")
    stand.lab.brain.start()
    stand.lab.wait_until(12.0)
    assert outermost(stand, "b", "d") == labels.node(3)
    assert lost(stand) == {}


def test_a_switch_that_forgot_everything_gets_its_shadow_back_without_a_brain(mesh: Topology, tmp_path: Path) -> None:
    stand = headless(mesh, tmp_path)
    stand.lab.switches["c"].crash()
    stand.lab.wait_until(8.0)
    stand.lab.switches["c"].start()
    stand.lab.wait_until(8.5 + AGENT_RETRY_S + HELLO_S + IGP_EXCHANGE_S + 1.0)
    (trace,) = stand.lab.trace([("b", "c")])
    assert trace.delivered


def test_control_plane_loss_loses_nothing_before_the_cut(tmp_path: Path) -> None:
    asked = prepare("control-plane-loss")
    run = play(asked.spec, asked.topology, "shadow", tmp_path)
    assert run.outcome == "complete"
    assert all(line["held"] for line in run.of("proof"))
    assert not run.lost(until_s=8.7), "what was in flight at the cut was sent after that"
