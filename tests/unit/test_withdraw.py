"""A PoP that does not hear from the brain takes its own prefix out, and carries the others' traffic on."""

from __future__ import annotations

from pathlib import Path

import pytest
from modelled_run import Stand, square

LIFE_S = 3.0


@pytest.fixture
def standing(tmp_path: Path) -> Stand:
    return Stand(square(), "withdraw", tmp_path)


def dark_between(stand: Stand, from_s: float, until_s: float) -> set[tuple[str, str]]:
    samples = stand.end()
    late = (samples.due_s >= from_s) & (samples.due_s < until_s) & (samples.recv_s != samples.recv_s)
    return {samples.pairs[index] for index in samples.pair[late]}


def test_alone_without_the_brain_only_its_own_prefix_goes(standing: Stand) -> None:
    lab = standing.lab
    lab.wait_until(1.0)
    lab.control["b"].cut()
    lab.wait_until(9.0)
    dark = dark_between(standing, 5.0, 9.0)
    assert dark == {pair for pair in lab.topology.pairs if "b" in pair}, "a to c goes through b, and went on"


def test_nothing_is_lost_before_the_heartbeat_ends(standing: Stand) -> None:
    lab = standing.lab
    lab.wait_until(1.0)
    lab.brain.kill()
    lab.wait_until(8.0)
    assert dark_between(standing, 0.0, 1.0 + LIFE_S - 1.2) == set()


def test_with_the_brain_gone_everybody_withdraws_and_its_return_announces_them_again(standing: Stand) -> None:
    lab = standing.lab
    lab.wait_until(1.0)
    lab.brain.kill()
    lab.wait_until(8.0)
    lab.brain.start()
    lab.wait_until(16.0)
    samples = standing.end()
    lost = samples.recv_s != samples.recv_s
    assert lost[(samples.due_s > 5.0) & (samples.due_s < 8.0)].all()
    assert not lost[samples.due_s > 12.0].any()
