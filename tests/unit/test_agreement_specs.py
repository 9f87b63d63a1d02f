"""The table of short specs for the agreement of both backends: every kind stands in it, and none is vacuous."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from agreement_specs import entries, of_policy, policies, prepared
from modelled_run import Played, play

from experiments.faults import FAULTS
from experiments.labs.modelled import refusals
from experiments.policies import POLICIES, USUAL, VARIANTS

EMULATED_S = 410.0
"""All timelines together, without building: they are run for real."""


@cache
def played(policy: str) -> Played:
    folder = Path(mkdtemp())
    asked = prepared(policy, folder)
    return play(asked.spec, asked.topology, asked.policies[0], folder)


def end_s(policy: str) -> float:
    return 2.0 + sum(entry.end_s for entry in of_policy(policy))


@pytest.mark.parametrize("kind", sorted(set(FAULTS.names()) & refusals.FAULTS))
def test_every_kind_of_fault_has_a_short_spec(kind: str) -> None:
    known = {kind for entry in entries() for kind in entry.kinds}
    assert kind in known, f"'{kind}' has no entry in tests/emulation/agreement/kinds.yaml (docs/adding-a-fault.md)"


def test_every_design_variant_and_setting_is_in_it() -> None:
    asked = {policy for entry in entries() for policy in entry.policies}
    designs, variants = {name.split("+")[0] for name in asked}, {part for name in asked for part in name.split("+")[1:]}
    assert set(POLICIES) - designs == {"broken"}, "one PoP is dark whatever happens"
    assert set(VARIANTS) - variants == {*USUAL, "probe-10s", "probe-15s"}, "5 s, and twice and three times that"
    used = {(event["fault"], key) for entry in entries() for event in entry.timeline for key in event.get("with", {})}
    known = {(kind, key) for kind in refusals.FAULTS & set(FAULTS.names()) for key in FAULTS[kind].settings}
    assert known - used == set()


@pytest.mark.parametrize("policy", policies())
def test_the_model_takes_it_and_every_fault_is_proven(policy: str) -> None:
    run = played(policy)
    assert run.outcome == "complete"
    unproven = [(line["fault"], line["evidence"]) for line in run.of("proof") if not line["held"]]
    assert not unproven


@pytest.mark.parametrize(("policy", "name"), [(policy, e.name) for e in entries() for policy in e.policies])
def test_an_entry_shows_and_ends_mended(policy: str, name: str) -> None:
    run, begin_s = played(policy), 2.0
    for entry in of_policy(policy):
        if entry.name == name:
            break
        begin_s += entry.end_s
    lost = run.lost(begin_s - 0.2, begin_s + entry.end_s - 0.2)
    assert bool(lost) == entry.loses
    assert not run.lost(begin_s + entry.end_s - 0.7, begin_s + entry.end_s - 0.2), "not mended when the next begins"
    assert np.isfinite(run.samples.recv_s).any()


def test_all_of_it_can_be_run_in_a_few_minutes() -> None:
    assert sum(end_s(policy) for policy in policies()) <= EMULATED_S
