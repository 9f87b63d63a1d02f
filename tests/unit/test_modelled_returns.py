"""How a brain comes back, on the modelled backend: who loses what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from modelled_run import Stand, square

from experiments.faults import FAULTS

KILL_S, RETURN_S, END_S = 1.0, 5.0, 12.0


def returned(policy: str, folder: Path, **settings: str) -> Stand:
    """Killed at 1 s, back at 5 s."""
    stand = Stand(square(), policy, folder)
    kill, back = FAULTS.make("brain.kill", "brain"), FAULTS.make("brain.return", "brain", **settings)
    stand.lab.wait_until(KILL_S)
    kill.inject(stand.lab)
    stand.lab.wait_until(RETURN_S)
    back.prepare(stand.lab)  # type: ignore[attr-defined]
    kill.heal(stand.lab)
    assert back.proof(stand.lab).held
    stand.lab.wait_until(END_S)
    return stand


def lost(stand: Stand) -> dict[int, list[float]]:
    """Number of the pair → due times of the probes that it lost."""
    samples = stand.end()
    gone = np.isnan(samples.recv_s) & ~np.isnan(samples.sent_s)
    found: dict[int, list[float]] = {}
    for pair, due_s in zip(samples.pair[gone].tolist(), samples.due_s[gone].tolist(), strict=True):
        found.setdefault(pair, []).append(due_s)
    return found


@pytest.mark.parametrize("policy", ["fail-static", "fast-reroute", "fast-reroute+reconcile", "fast-reroute+stale"])
def test_a_brain_that_corrects_what_differs_loses_nothing(policy: str, tmp_path: Path) -> None:
    assert lost(returned(policy, tmp_path)) == {}


@pytest.mark.parametrize("policy", ["fail-static+wipe", "fast-reroute+wipe"])
def test_a_brain_that_wipes_loses_probes_of_every_pair_for_a_round_trip(policy: str, tmp_path: Path) -> None:
    stand = returned(policy, tmp_path)
    assert len(stand.said("wiping", RETURN_S)) == 4
    found = lost(stand)
    assert set(found) == set(range(12))
    assert max(due_s for times in found.values() for due_s in times) < RETURN_S + 3


def test_a_guarded_empty_brain_touches_nothing_and_an_unguarded_one_deletes_the_network(tmp_path: Path) -> None:
    guarded = returned("fail-static+empty", tmp_path)
    assert guarded.said("refused", RETURN_S)
    assert guarded.lab.pairs_down() == 0
    assert lost(guarded) == {}
    unguarded = returned("fail-static+empty-unguarded", tmp_path)
    assert unguarded.lab.pairs_down() == 12


def test_the_state_may_be_told_at_the_return(tmp_path: Path) -> None:
    assert len(returned("fail-static", tmp_path, state="wipe").said("wiping")) == 4


@pytest.mark.parametrize(
    ("variant", "dark"), [("fail-static", 0), ("fail-static+unknown-orion", 0), ("fail-static+unknown-dead", 4)]
)
def test_half_the_control_channels_gone(variant: str, dark: int, tmp_path: Path) -> None:
    """The two halves of a ring: a brain that takes unknown for dead sends nothing there any more, though it works."""
    stand = Stand(square(), variant, tmp_path)
    stand.lab.wait_until(1.0)
    cut = FAULTS.make("control.cut", "control:c", "control:d")
    cut.inject(stand.lab)
    stand.lab.wait_until(30.0)
    assert stand.lab.pairs_down() == dark
