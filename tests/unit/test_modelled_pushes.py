"""Pushes and planned changes as faults, over the modelled lab: what they prove, and who is dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from modelled_run import Stand, square

from experiments.faults import FAULTS, Evidence
from experiments.faults.push_poison import PushPoison
from experiments.faults.pushing import parse_stages
from topology.load import load

STRIKE_S = 1.0
PAIRS = 12


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    made = Stand(square(), "fast-reroute", tmp_path)
    made.lab.wait_until(STRIKE_S)
    return made


def strike(stand: Stand, kind: str, *targets: str, **settings: Any) -> Evidence:
    fault = FAULTS.make(kind, *(targets or ("brain",)), **settings)
    if hasattr(fault, "prepare"):
        fault.prepare(stand.lab)
    fault.inject(stand.lab)
    return fault.proof(stand.lab)


def poison(stand: Stand, *targets: str, **settings: Any) -> Evidence:
    return strike(stand, "push.poison", *(targets or stand.lab.topology.names), **settings)


def later(stand: Stand, seconds: float) -> None:
    stand.lab.wait_until(stand.lab.now_s() + seconds)


def test_an_instant_crash_is_proven_and_total(stand: Stand) -> None:
    evidence = poison(stand)
    assert evidence.held
    assert evidence.values == {"brain_said_push": 1, "brain_said_configured": 4, "switches_with_version_1": 4}
    assert stand.lab.pairs_down() == PAIRS


def test_a_push_that_nobody_carries_out_is_not_proven(stand: Stand) -> None:
    stand.lab.brain.kill()
    assert not poison(stand).held
    assert not strike(stand, "push.rollback").held
    assert not strike(stand, "push.freeze").held
    assert not strike(stand, "brain.replan", *stand.lab.topology.names).held


@pytest.mark.parametrize("kind", ["push.poison", "push.good", "push.rollback", "push.freeze"])
def test_what_an_earlier_push_left_proves_no_later_order(
    stand: Stand, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its versions are in the tables, its stages still arrive, and nobody hears the second order."""
    assert poison(stand, mode="longer", stages=(0.25, 0.5, 1.0), gate=0.5).held
    monkeypatch.setattr(type(stand.lab.brain), "tell", lambda _brain, _order: None)
    assert not strike(stand, kind, *(stand.lab.topology.names if kind == "push.poison" else ())).held


def test_every_slice_s_brain_obeys(tmp_path: Path) -> None:
    sliced = Stand(square(), "sliced", tmp_path)
    sliced.lab.wait_until(STRIKE_S)
    for kind, word in (("push.poison", "push"), ("push.rollback", "rolled_back"), ("push.freeze", "push_frozen")):
        targets = sliced.lab.topology.names if kind == "push.poison" else ()
        evidence = strike(sliced, kind, *targets)
        assert evidence.held, kind
        assert evidence.values[f"brain_said_{word}"] == 4


@pytest.mark.parametrize("deaf", [False, True])
def test_a_planned_change_is_every_slice_s(tmp_path: Path, deaf: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs of two slices push binding labels, which have no version."""
    sliced = Stand(load("edge12"), "sliced", tmp_path)
    lab = sliced.lab
    lab.wait_until(STRIKE_S)
    if deaf:
        monkeypatch.setattr(lab.brains["brain-2"], "tell", lambda _order: None)
    evidence = strike(sliced, "brain.replan", *lab.topology.names)
    assert evidence.values["brain_said_replan"] == 4 - deaf
    assert evidence.held is not deaf


def test_a_staged_crash_stays_in_its_first_stage(stand: Stand) -> None:
    assert poison(stand, stages=(0.01, 1.0), gate=1.0).held
    later(stand, 10.0)
    assert stand.lab.pairs_down() == 6, "the pairs of one PoP of four"
    assert stand.said("push-stopped")


def test_a_crash_that_comes_after_the_gate_needs_no_brain_and_makes_the_last_known_good_bad(stand: Stand) -> None:
    assert poison(stand, stages=(0.01, 1.0), gate=1.0, delay=6).held
    later(stand, 3.0)
    assert stand.said("push-accepted")
    assert stand.lab.pairs_down() == 0
    stand.lab.brain.kill()
    later(stand, 7.0)
    assert stand.lab.pairs_down() == PAIRS


def test_roll_back_to_a_bad_last_known_good_is_no_help_and_to_the_first_is(stand: Stand) -> None:
    poison(stand, delay=3)
    later(stand, 5.0)
    assert stand.lab.pairs_down() == PAIRS
    assert strike(stand, "push.rollback").held
    assert stand.lab.pairs_down() == PAIRS
    assert strike(stand, "push.rollback", to="first").held
    assert stand.lab.pairs_down() == 0


def test_a_good_push_ends_it_as_well(stand: Stand) -> None:
    poison(stand, "a")
    assert stand.lab.pairs_down() == 6
    assert strike(stand, "push.good").held
    assert stand.lab.pairs_down() == 0


def test_frozen_pushes_go_no_further(stand: Stand) -> None:
    poison(stand, mode="wrong", stages=(0.01, 1.0), gate=2.0)
    dark = stand.lab.pairs_down()
    assert 0 < dark < PAIRS / 2
    assert strike(stand, "push.freeze").held
    later(stand, 5.0)
    assert stand.lab.pairs_down() == dark


def test_canaries_of_another_class_let_it_pass(stand: Stand) -> None:
    assert poison(stand, "a", canaries="other", stages=(0.5, 0.75, 1.0), gate=1.0).held
    assert stand.lab.pairs_down() == 0
    later(stand, 5.0)
    assert stand.lab.pairs_down() == 6


def test_healing_a_poison_restores_the_configuration_before_it(stand: Stand) -> None:
    fault = FAULTS.make("push.poison", *stand.lab.topology.names)
    for step in (fault.inject, fault.inject):
        step(stand.lab)
        later(stand, 1.0)
    for step in (fault.heal, fault.heal):
        step(stand.lab)
        later(stand, 1.0)
    assert stand.lab.pairs_down() == 0


def test_a_planned_change_of_every_path_loses_no_probe(stand: Stand) -> None:
    evidence = strike(stand, "brain.replan", *stand.lab.topology.names, metric="hops")
    assert evidence.held, evidence.values
    assert evidence.values["versions_pushed"] == [1]
    later(stand, 3.0)
    samples = stand.end()
    assert len(samples.recv_s)
    sent = samples.due_s < samples.due_s.max() - 1.0
    assert not (samples.recv_s[sent] != samples.recv_s[sent]).any(), "nan is a probe that was lost"


def test_settings_are_read_or_refused() -> None:
    assert parse_stages("instant") == (1.0,)
    assert parse_stages("1-5-25-100 %") == (0.01, 0.05, 0.25, 1.0)
    assert parse_stages(["5 %", "100 %"]) == (0.05, 1.0)
    for wrong in ("1-5", "5-1-100 %", "", [], 7, "0-100 %", "a-100 %"):
        with pytest.raises(ValueError):
            parse_stages(wrong)
    with pytest.raises(ValueError, match="only a crash can be delayed"):
        PushPoison(("a",), mode="wrong", delay=1)
    with pytest.raises(ValueError, match="whole number of seconds"):
        PushPoison.settings["delay"]("1500 ms")
    with pytest.raises(ValueError, match="did you mean 'crash'"):
        PushPoison.settings["mode"]("crsh")


def test_a_slow_brain_is_seen_to_stand_still_and_runs_again_when_healed(stand: Stand) -> None:
    fault = FAULTS.make("brain.slow", "brain", share=0.1, period=1.0)
    assert not fault.proof(stand.lab).held, "a healthy one does not"
    fault.inject(stand.lab)
    assert fault.proof(stand.lab).held
    fault.heal(stand.lab)
    later(stand, 2.0)
    assert stand.lab.brain.state() == "running"
    assert not fault.proof(stand.lab).held
