"""The schedule of probes: even, complete, and heavy enough for the spec's limit to be checked."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.errors import InputError
from topology.model import Link
from traffic.probes import ProbePlan, frame_bits, probe_load_bps, probe_shares
from traffic.schedule import Wheel

PAIRS = (("a", "b"), ("b", "a"), ("a", "c"))
LINKS = (Link(0, "a", "b", 1e6, 100, 1), Link(1, "c", "b", 1e5, 100, 1))

wheels = st.builds(
    lambda count, interval, duration: Wheel(tuple((str(i), "x") for i in range(count)), interval, duration),
    st.integers(1, 300),
    st.integers(1_000_000, 5_000_000_000),
    st.integers(0, 20_000_000_000),
)


@given(wheels, st.data())
def test_a_slot_is_the_last_due_from_its_own_moment_to_the_next(wheel: Wheel, data: st.DataObject) -> None:
    if not wheel.slots:
        assert wheel.last_due(0) == -1
        return
    slot = data.draw(st.integers(0, wheel.slots - 1))
    assert wheel.last_due(wheel.due_ns(slot) + 1) == slot
    assert wheel.last_due(wheel.due_ns(slot) - 1) < slot


@given(wheels)
def test_exactly_the_slots_before_the_end_exist(wheel: Wheel) -> None:
    assert wheel.due_ns(wheel.slots) >= wheel.duration_ns
    assert wheel.slots == 0 or wheel.due_ns(wheel.slots - 1) < wheel.duration_ns
    assert wheel.last_due(2 * wheel.duration_ns) == wheel.slots - 1


def test_pairs_are_spread_evenly_and_each_pair_keeps_its_interval() -> None:
    wheel = ProbePlan(PAIRS, 0.05, duration_s=1.0).coarse
    due = [wheel.due_ns(slot) for slot in range(wheel.slots)]
    assert wheel.slots == 60
    assert {b - a for a, b in pairwise(due)} <= {16_666_666, 16_666_667}
    assert {b - a for a, b in zip(due, due[3:], strict=False)} == {50_000_000}


def test_without_pairs_nothing_is_ever_due() -> None:
    wheel = ProbePlan((), 0.05, duration_s=1.0).fine
    assert (wheel.slots, wheel.last_due(500_000_000)) == (0, -1)


def test_a_plan_names_all_its_mistakes() -> None:
    with pytest.raises(InputError) as caught:
        ProbePlan((("a", "b"), ("a", "b")), 0.0, fine_interval_s=float("nan"), duration_s=-1)
    assert [problem.place for problem in caught.value.problems] == [
        "probes: interval_s",
        "probes: fine_interval_s",
        "probes: duration_s",
        "probes: pairs",
    ]


def test_a_probe_is_small_even_under_two_labels() -> None:
    assert frame_bits() == 58 * 8
    assert frame_bits(2) == 66 * 8


def test_load_counts_each_direction_of_each_link_that_a_pair_crosses() -> None:
    plan = ProbePlan(PAIRS, 0.05, fine_pairs=(("a", "c"),), fine_interval_s=0.002)
    paths = {("a", "b"): LINKS[:1], ("b", "a"): LINKS[:1], ("a", "c"): LINKS}
    load = probe_load_bps(plan, paths, labels=1)
    bits = 62 * 8
    assert load == {("a", "b"): 540 * bits, ("b", "a"): 20 * bits, ("b", "c"): 520 * bits}
    assert probe_shares(plan, paths, labels=1)["b", "c"] == pytest.approx(520 * bits / 1e5)
    assert plan.probes_per_s == 560


def test_fine_probes_are_sent_in_their_stretch_only() -> None:
    plan = ProbePlan(PAIRS, 0.05, (("a", "c"),), 0.002, duration_s=10.0, fine_from_s=4.0, fine_until_s=6.0)
    assert plan.fine.slots == 1000
    assert plan.fine.due_ns(0) == 4_000_000_000
    assert plan.fine.last_due(3_999_999_999) == -1
    assert plan.fine.last_due(4_000_000_000) == 0
    assert plan.fine.last_due(9_000_000_000) == 999
