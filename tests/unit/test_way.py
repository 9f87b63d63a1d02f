"""One direction of a relayed link: departure times, queue, order, loss, cut. Virtual time."""

from __future__ import annotations

from heapq import heappop

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.replica.way import LATENESS_STEPS, STORM_SHARE, Agenda, Lateness, Way

MS = 1_000_000
sizes = st.integers(60, 1618)
shapes = st.tuples(
    st.floats(0, 300), st.sampled_from([1e5, 1e6, 1e7, 1e8]), st.just(0.0), st.floats(0, 200)
)  # delay_ms, rate_bps, loss, queue_ms


def way(*shape: float, seed: str = "0") -> Way:
    made = Way(0, source=3, sink=4, seed=seed, lateness=Lateness())
    made.reshape(*shape)
    return made


def test_a_lone_frame_takes_its_own_time_and_the_propagation_delay() -> None:
    assert way(20, 10e6, 0, 100).admit(1250, 5 * MS) == 5 * MS + 1 * MS + 20 * MS


def test_a_train_leaves_at_the_rate_of_the_link() -> None:
    link = way(20, 10e6, 0, 100)
    assert [link.admit(1250, 1) for _ in range(4)] == [1 + (20 + k) * MS for k in (1, 2, 3, 4)]


def test_what_would_wait_longer_than_the_queue_is_dropped_at_the_tail() -> None:
    link = way(0, 1e6, 0, 50)
    assert [bool(link.admit(1250, 1)) for _ in range(8)] == [True] * 6 + [False] * 2  # 10 ms each: waits of 0…50 ms
    assert link.overflowed == 2
    assert link.admit(1250, 1 + 10 * MS)  # one has gone


def test_a_storm_of_small_frames_is_held_back_and_counted() -> None:
    link = way(0, 100e6, 0, 100)
    taken = [bool(link.admit(60, 1 + number * 10_000)) for number in range(20_000)]  # 100,000 a second, for 0.2 s
    per_window = round(STORM_SHARE * 100e6 / (8 * 1514) / 10)
    assert sum(taken) == 2 * per_window
    assert link.counters()["stormed"] == 20_000 - 2 * per_window
    assert link.admit(60, 1 + 20_000 * 10_000), "the next window"


def test_full_frames_at_full_rate_are_no_storm() -> None:
    link = way(0, 40e6, 0, 100)
    for number in range(2_000):
        link.admit(1514, 1 + number * 150_000)  # twice the rate
    assert link.counters()["stormed"] == 0


def test_a_frame_larger_than_the_queue_passes_an_idle_link() -> None:
    assert way(0, 1e5, 0, 0).admit(1514, 1)


@given(shapes, st.lists(st.tuples(st.integers(0, 20 * MS), sizes), max_size=60))
def test_never_early_never_faster_than_the_rate_never_longer_queued(
    shape: tuple[float, float, float, float], frames: list[tuple[int, int]]
) -> None:
    delay_ms, rate_bps, _, queue_ms = shape
    link, now, before = way(*shape), 1, 0
    for gap, size in frames:
        now += gap
        due = link.admit(size, now)
        if not due:
            continue
        own = size * 8e9 / rate_bps
        assert due >= now + delay_ms * MS + own - 2
        assert due >= before + own - 2  # rounding to whole nanoseconds
        assert due <= now + (delay_ms + queue_ms) * MS + own + 2
        before = due


@given(st.lists(st.tuples(shapes, st.integers(0, 50 * MS), sizes), max_size=40))
def test_no_frame_overtakes_whatever_the_shape_becomes(
    steps: list[tuple[tuple[float, float, float, float], int, int]],
) -> None:
    link, now, before = way(0, 1e6, 0, 100), 1, 0
    for shape, gap, size in steps:
        link.reshape(*shape)
        now += gap
        due = link.admit(size, now)
        assert due == 0 or due >= before
        before = due or before


def test_a_lowered_delay_takes_effect_when_the_frames_in_flight_have_left() -> None:
    link = way(100, 1e9, 0, 100)
    first = link.admit(125, 1)
    link.reshape(10, 1e9, 0, 100)
    assert link.admit(125, 1 + MS) == first
    assert link.admit(125, 1 + 200 * MS) == 1 + 200 * MS + 1_000 + 10 * MS


def test_a_raised_delay_takes_effect_at_once() -> None:
    link = way(10, 1e9, 0, 100)
    link.admit(125, 1)
    link.reshape(100, 1e9, 0, 100)
    assert link.admit(125, 1 + MS) == 1 + MS + 1_000 + 100 * MS


@pytest.mark.parametrize("loss", [0.01, 0.1, 0.5])
def test_loss_is_the_share_asked_for_and_the_same_for_the_same_seed(loss: float) -> None:
    runs = []
    for seed in ("a", "a", "b"):
        link = way(0, 1e12, loss, 100, seed=seed)
        runs.append([bool(link.admit(100, 1 + k)) for k in range(20_000)])
    assert runs[0] == runs[1] != runs[2]
    assert runs[0].count(False) == pytest.approx(20_000 * loss, abs=4 * (20_000 * loss * (1 - loss)) ** 0.5)


def test_a_cut_loses_what_is_in_flight_and_leaves_the_others_on_the_agenda() -> None:
    agenda: Agenda = []
    ways = [Way(key, source=key, sink=key, seed="", lateness=Lateness()) for key in range(3)]
    for number, link in enumerate(ways):
        link.reshape(10 * (number + 1), 1e9, 0, 100)
        for frame in (b"x" * 100, b"y" * 100):
            link.hold(link.admit(len(frame), 1), frame, agenda)
    ways[0].sever(agenda)
    assert (ways[0].cut_off, len(ways[0].fifo), ways[0].armed) == (2, 0, False)
    assert [heappop(agenda)[2] for _ in range(2)] == ways[1:]
    assert ways[0].admit(100, 1) == 0


def test_after_a_heal_nothing_of_the_time_before_the_cut_delays_a_frame() -> None:
    agenda: Agenda = []
    link = way(100, 1e6, 0, 100)
    link.hold(link.admit(1250, 1), b"x", agenda)
    link.sever(agenda)
    link.reshape(1, 1e6, 0, 100)
    link.closed = False
    link.hold(due := link.admit(1250, 2), b"y", agenda)
    assert due == 2 + 10 * MS + 1 * MS
    assert agenda == [(due, link.key, link)]


def test_lateness_ends_in_an_open_step() -> None:
    late = Lateness()
    for late_ns in (0, 49_999, 50_000, 25 * MS):
        late.add(late_ns)
    assert (late.counts[0], late.counts[1], late.counts[LATENESS_STEPS]) == (2, 1, 1)
    assert late.worst_ns == 25 * MS
