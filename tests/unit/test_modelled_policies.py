"""control-plane-loss on edge12 in virtual time: each design does what its authors say, for the reason they say."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from modelled_run import Played, play

from experiments.asking.prepare import Prepared, prepare
from experiments.policies import BFD_INTERVAL_MS

KILL_S, CUT_S, HEAL_S, RETURN_S, END_S = 4.0, 9.0, 15.0, 17.0, 29.0
CROSSING = ("sin", "bom")
LINK = "sin-bom"


@cache
def prepared() -> Prepared:
    return prepare("control-plane-loss")


@cache
def played(policy: str) -> Played:
    asked = prepared()
    return play(asked.spec, asked.topology, policy, Path(mkdtemp()))


@pytest.mark.parametrize("policy", ["soft-state", "fail-static", "fast-reroute"])
def test_every_fault_is_proven_and_nothing_is_lost_before_the_first(policy: str) -> None:
    run = played(policy)
    assert run.outcome == "complete"
    assert [line["held"] for line in run.of("proof")] == [True] * 4
    assert not run.lost(until_s=KILL_S - 0.5)


@pytest.mark.parametrize("policy", ["fail-static", "fast-reroute"])
def test_where_rules_are_permanent_the_kill_alone_loses_nothing(policy: str) -> None:
    run = played(policy)
    assert not run.lost(until_s=CUT_S - 0.3)
    assert not run.of("port", live=False) or min(line["t"] for line in run.of("port", live=False)) >= CUT_S


def test_soft_state_goes_dark_three_seconds_after_its_last_refresh() -> None:
    run = played("soft-state")
    applied = [line for line in run.of("brain", what="applied") if line["t"] < KILL_S + 0.5]
    last = {line["pop"]: line["t"] for line in applied}
    lost = run.lost(KILL_S, CUT_S)
    assert len(lost) == 132
    for (src, _), due_s in lost.items():
        # at the latest with the ingress's own rules; at the earliest with those of the first switch to forget
        assert min(last.values()) + 3 - 0.5 <= min(due_s) <= last[src] + 3 + 0.2
    assert max(map(max, lost.values())) > CUT_S - 0.1, "and stays dark"


def test_soft_state_comes_back_with_the_brain() -> None:
    run = played("soft-state")
    up_s = min(line["t"] for line in run.of("brain", what="gathered") if line["t"] > RETURN_S)
    assert up_s > RETURN_S
    assert not run.lost(up_s + 0.6, END_S)


def test_fail_static_loses_exactly_what_crosses_the_cut_until_the_heal() -> None:
    run, paths = played("fail-static"), prepared().planned.crossing
    lost = run.lost(CUT_S - 0.5, HEAL_S)
    assert set(lost) == set(paths)
    assert all(max(due_s) > HEAL_S - 0.5 for due_s in lost.values())
    assert not run.lost(HEAL_S, END_S)


def test_fast_reroute_loses_what_is_in_flight_and_what_comes_until_the_switch_reacts() -> None:
    run = played("fast-reroute")
    link = prepared().topology.link(LINK)
    reaction_s = min(line["t"] for line in run.of("port", link=LINK, live=False)) - CUT_S
    assert reaction_s < 0.01
    fine = run.samples.fine & (run.samples.due_s > CUT_S - 1) & (run.samples.due_s < HEAL_S)
    lost = fine & (run.samples.recv_s != run.samples.recv_s)
    per_pair = lost.sum() / 2 * 0.002
    assert per_pair == pytest.approx(link.delay_ms / 1e3 + reaction_s, abs=0.003)


def test_fast_reroute_heals_without_a_loss_when_bfd_says_so() -> None:
    run = played("fast-reroute")
    back = [line["t"] - HEAL_S for line in run.of("port", link=LINK, live=True) if line["t"] > HEAL_S]
    assert len(back) == 2
    assert all(0.2 < after_s < 2.5 for after_s in back), "up takes two slow packets or three"
    assert not run.lost(HEAL_S, END_S)


@pytest.mark.parametrize("policy", ["fail-static", "fast-reroute"])
def test_return_by_reconciling_loses_nothing_and_changes_nothing(policy: str) -> None:
    run = played(policy)
    assert not run.lost(RETURN_S, END_S)
    notes = [line for line in run.of("brain", what="reconciling") if line["t"] > RETURN_S]
    assert {line["pop"] for line in notes} == set(prepared().topology.names)
    assert {line["mods"] for line in notes} == {0}


@pytest.mark.parametrize("policy", ["soft-state", "fail-static", "fast-reroute"])
def test_switches_find_the_returning_brain_when_open_vswitch_would(policy: str) -> None:
    """An attempt a second, each refusal a round trip later; the brain takes half a second to listen."""
    run = played(policy)
    hellos = {line["pop"]: line["t"] for line in run.of("brain", what="hello") if line["t"] > RETURN_S}
    assert hellos["iad"] == pytest.approx(RETURN_S + 1, abs=0.05)
    assert all(RETURN_S + 0.5 < at_s < RETURN_S + 3.5 for at_s in hellos.values())


def test_bfd_has_the_interval_of_the_policy() -> None:
    assert BFD_INTERVAL_MS == 100, "the bounds above were worked out for it"
