"""The schedule of probes: even, complete, and heavy enough for the spec's limit to be checked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.errors import InputError
from topology.model import Link
from traffic.probes import ProbePlan, frame_bits, probe_load_bps, probe_shares
from traffic.samples import due_ns
from traffic.schedule import BUNCH, Wheel

PAIRS = (("a", "b"), ("b", "a"), ("a", "c"))
LINKS = (Link(0, "a", "b", 1e6, 100, 1), Link(1, "c", "b", 1e5, 100, 1))

wheels = st.builds(
    lambda hosts, each, interval, duration: Wheel(
        tuple((str(host), str(number)) for host in range(hosts) for number in range(each)), interval, duration
    ),
    st.integers(1, 40),
    st.integers(1, 2 * BUNCH + 3),
    st.integers(1_000_000, 5_000_000_000),
    st.integers(0, 20_000_000_000),
)


@given(wheels, st.data())
def test_a_bunch_is_due_at_one_moment_and_nothing_else_is(wheel: Wheel, data: st.DataObject) -> None:
    if not wheel.slots:
        assert wheel.last_due(0) == -1
        return
    slot = data.draw(st.integers(0, wheel.slots - 1))
    due_ns, count = wheel.due_ns(slot), len(wheel.pairs)  # which is rounded down
    first, last = wheel.last_due(due_ns - 1) + 1, wheel.last_due(due_ns + 1)
    assert first <= slot <= last < first + BUNCH
    assert {wheel.due_ns(each) for each in range(first, last + 1)} == {due_ns}
    assert len({wheel.pairs[each % count][0] for each in range(first, last + 1)}) == 1
    assert wheel.due_ns(last + 1) > due_ns or last - first == BUNCH - 1 or wheel.interval_ns < count


@given(wheels)
def test_exactly_the_slots_before_the_end_exist(wheel: Wheel) -> None:
    assert wheel.due_ns(wheel.slots) >= wheel.duration_ns
    assert wheel.slots == 0 or wheel.due_ns(wheel.slots - 1) < wheel.duration_ns
    assert wheel.last_due(2 * wheel.duration_ns) == wheel.slots - 1


@given(wheels)
def test_arrays_of_slots_are_due_when_each_of_them_is(wheel: Wheel) -> None:
    slots = range(min(wheel.slots, 3 * len(wheel.pairs)))
    assert due_ns(wheel, np.array(slots, dtype=np.int64)).tolist() == [wheel.due_ns(slot) for slot in slots]


def test_each_pair_keeps_its_interval_and_hosts_take_turns() -> None:
    pairs = tuple((a, b) for a in "abcd" for b in "abcd" if a != b)
    wheel = ProbePlan(pairs, 0.06, duration_s=0.6).coarse
    due = [wheel.due_ns(slot) for slot in range(wheel.slots)]
    assert wheel.slots == 120
    assert due[:12] == [0] * 3 + [15_000_000] * 3 + [30_000_000] * 3 + [45_000_000] * 3
    assert {b - a for a, b in zip(due, due[12:], strict=False)} == {60_000_000}


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
