"""A switch that fails open: it forgets, bridges along a tree, and is taken back by the brain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from modelled_run import Stand, square

from topology import addressing, flooding
from topology.forwarding import SwitchState
from topology.load import load
from topology.model import HOST_PORT
from topology.replica import readback
from topology.switch import Switch
from topology.walk import journey

LEARNT = """ port  VLAN  MAC                Age
    2     0  02:00:0a:00:00:03    1
LOCAL     0  ae:e8:54:6f:20:49    0
    1     0  02:00:0a:00:00:02    0
"""
FAILED_OPEN = "duration=1s, n_packets=0, n_bytes=0, priority=15790320,actions=NORMAL\n"


@pytest.mark.parametrize("name", ["edge12", "europe18"])
def test_the_tree_reaches_everybody_without_a_circle(name: str) -> None:
    topology = load(name)
    used = flooding.tree(topology)
    assert len(used) == len(topology.pops) - 1
    every_port = frozenset({HOST_PORT, *range(64)})
    switches = {
        pop: Switch(SwitchState(flooding.bridging(flooding.tree_ports(topology, pop)), (), every_port))
        for pop in topology.names
    }
    for pair in topology.pairs:
        taken = journey(topology, switches, *pair)
        assert taken.delivered
        assert used.issuperset(taken.links)


def test_what_a_real_switch_has_learnt_is_read() -> None:
    assert readback.parse_learnt(LEARNT) == {3: 2, 2: 1}
    assert addressing.host_index(addressing.host_mac(300)) == 300
    assert readback.bridges(FAILED_OPEN)
    assert not readback.bridges("table_id=0, priority=100,mpls actions=goto_table:2")


@pytest.fixture
def standing(tmp_path: Path) -> Stand:
    return Stand(square(), "standalone", tmp_path)


def test_without_a_word_for_three_probes_it_bridges_and_everybody_is_reached(standing: Stand) -> None:
    lab = standing.lab
    lab.wait_until(1.0)
    lab.brain.kill()
    lab.wait_until(6.0)
    rules = {pop: set(state.flows) for pop, state in lab.snapshot().items()}
    assert rules == {pop: set(flooding.bridging(flooding.tree_ports(lab.topology, pop))) for pop in lab.topology.names}
    samples = standing.end()
    assert not np.isnan(samples.recv_s[samples.due_s > 4.5]).any()


def test_a_cut_of_the_tree_stays_dark_though_there_is_another_way(standing: Stand) -> None:
    lab = standing.lab
    lab.brain.kill()
    lab.wait_until(5.0)
    lab.links["a-b"].cut()
    lab.wait_until(9.0)
    samples = standing.end()
    late = (samples.due_s > 5.5) & (samples.due_s < 8.5)
    dark = {samples.pairs[index] for index in samples.pair[late & np.isnan(samples.recv_s)]}
    assert ("a", "b") in dark
    assert ("a", "d") not in dark


def test_the_returning_brain_takes_it_back(standing: Stand) -> None:
    lab = standing.lab
    lab.brain.kill()
    lab.wait_until(5.0)
    lab.brain.start()
    lab.wait_until(14.0)
    bridged = set(flooding.bridging(flooding.tree_ports(lab.topology, "c")))
    assert bridged.isdisjoint(lab.snapshot()["c"].flows)
    samples = standing.end()
    assert not np.isnan(samples.recv_s[samples.due_s > 10.0]).any()
