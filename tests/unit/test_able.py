"""Policies whose companions a machine cannot run are skipped by name; the rest runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_abilities import STOCK

from experiments.asking.able import able
from experiments.asking.prepare import Choice, prepare
from topology.errors import MachineError
from topology.replica.abilities import judge

WITHOUT_FRR = replace(STOCK, programs={**STOCK.programs, "ospfd": ""})


def test_everything_runs_where_everything_is_there() -> None:
    prepared = prepare("control-plane-loss", Choice(policies=("fail-static", "shadow")))
    assert able(prepared, judge(STOCK)) == (prepared, {})


def test_a_policy_that_lacks_its_daemons_is_skipped_by_name() -> None:
    prepared = prepare("control-plane-loss", Choice(policies=("fail-static", "shadow")))
    rest, skipped = able(prepared, judge(WITHOUT_FRR))
    assert [policy.name for policy in rest.policies] == ["fail-static"]
    assert rest.spec.policies == ("fail-static",)
    assert skipped == {"shadow": "frr: no ospfd. sudo apt-get install frr"}


def test_when_nothing_is_left_it_is_the_machine_that_cannot() -> None:
    with pytest.raises(MachineError, match="frr: no ospfd"):
        able(prepare("control-plane-loss", Choice(policies=("shadow",))), judge(WITHOUT_FRR))


def test_the_doctor_says_what_takes_its_place() -> None:
    machine = judge(WITHOUT_FRR)
    assert not machine.missing()
    assert "skipped" in machine.ability("frr").instead
