"""What a link may be, how netem is told, and the arithmetic of the calibration."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.errors import InputError, LabError
from topology.replica import calibrate, netem
from topology.replica.calibrate import FULL_BYTES, SMALL_BYTES, Arrival
from topology.replica.links import Cable, End, Lateness, LinkShape, wires
from topology.replica.netem import (
    LARGEST_FRAME,
    NetemLink,
    first_commands,
    packet_limit,
    parse_received_frames,
    queue_bytes,
    reshaping_commands,
    veth_command,
)
from topology.replica.way import LATENESS_STEPS

SHAPE = LinkShape(delay_ms=5.5, rate_bps=10e6)


@pytest.mark.parametrize(
    "mistake",
    [
        {"delay_ms": -1.0},
        {"delay_ms": math.nan},
        {"rate_bps": 0.0},
        {"rate_bps": math.inf},
        {"loss": 1.1},
        {"queue_ms": -1.0},
    ],
)
def test_a_shape_that_cannot_be_is_refused(mistake: dict[str, float]) -> None:
    with pytest.raises(InputError, match="no link can be like this"):
        LinkShape(**{"delay_ms": 1.0, "rate_bps": 1e6, **mistake})


def test_an_unknown_kind_names_the_known() -> None:
    with pytest.raises(InputError, match="unknown kind of link 'netm'; did you mean 'netem'"):
        wires("netm")


def test_both_ends_of_a_veth_pair_are_born_where_they_belong() -> None:
    assert veth_command(Cable("x", End(11, "fra-eth2"), End(12, "lhr-eth3"), SHAPE)) == (
        "link add name fra-eth2 mtu 1600 netns 11 type veth peer name lhr-eth3 mtu 1600 netns 12"
    )


def test_netem_delays_and_a_policer_is_the_queue() -> None:
    netem = "root handle 1: netem limit 2226 delay 5500.000us loss random 2.000000% rate 10000000bit"
    policer = "matchall action police rate 10000000bit burst 126618 mtu 1618 conform-exceed drop/ok"
    shape = LinkShape(5.5, 10e6, loss=0.02)
    assert first_commands("fra-eth2", shape) == [
        "qdisc add dev fra-eth2 clsact",
        f"qdisc replace dev fra-eth2 {netem}",
        f"filter add dev fra-eth2 egress pref 1 {policer}",
    ]
    assert " root handle 2: netem " in reshaping_commands("fra-eth2", shape, handle=2)[0]
    assert reshaping_commands("fra-eth2", shape) == [
        f"qdisc replace dev fra-eth2 {netem}",
        "filter del dev fra-eth2 egress",
        f"filter add dev fra-eth2 egress pref 1 {policer}",
    ]


def test_a_whole_link_is_told_of_no_loss_and_a_silent_one_of_all() -> None:
    assert "loss" not in reshaping_commands("x", SHAPE)[0]
    assert " loss random 100.000000% " in reshaping_commands("x", SHAPE, silent=True)[0]


@given(
    st.builds(LinkShape, delay_ms=st.floats(0, 300), rate_bps=st.floats(1e4, 1e9), queue_ms=st.floats(0, 500)),
    st.integers(60, LARGEST_FRAME),
)
def test_netem_never_drops_what_the_policer_let_through(shape: LinkShape, size: int) -> None:
    fits = (shape.rate_bps * shape.delay_ms / 8e3 + queue_bytes(shape)) / size
    assert packet_limit(shape) > fits


def test_received_frames_are_read_from_proc_net_dev() -> None:
    table = (
        "Inter-|   Receive                    |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
        "    lo:       0       0    0    0    0     0          0         0        0       0\n"
        "fra-eth2: 123456    789    0    0    0     0          0         0      100      10\n"
    )
    assert parse_received_frames(table, "fra-eth2") == 789
    with pytest.raises(LabError, match="fra-eth3 is gone"):
        parse_received_frames(table, "fra-eth3")


def lateness(**steps: int) -> Lateness:
    counts = [0] * (LATENESS_STEPS + 1)
    for step, count in steps.items():
        counts[int(step[1:])] = count
    return Lateness(tuple(counts), worst_ms=42.0)


def test_percentiles_of_lateness_are_upper_edges() -> None:
    late = lateness(s0=98, s3=1, s200=1)
    assert late.percentile_ms(50) == pytest.approx(0.05)
    assert late.percentile_ms(99) == pytest.approx(0.2)
    assert late.percentile_ms(100) == 42.0
    assert math.isnan(lateness().percentile_ms(50))


def train(rate_bps: float, frames: int, start_ns: int = 10**18) -> list[Arrival]:
    step_ns = FULL_BYTES * 8e9 / rate_bps
    return [Arrival(1, k, 0, start_ns + round(k * step_ns)) for k in range(frames)]


@given(st.floats(1e5, 1e8), st.integers(2, 100))
def test_the_rate_is_told_by_the_spacing(rate_bps: float, frames: int) -> None:
    assert calibrate.rate_bps(train(rate_bps, frames)) == pytest.approx(rate_bps, rel=1e-4)


def test_one_late_frame_does_not_change_the_rate() -> None:
    arrivals = train(1e7, 30)
    arrivals[20] = Arrival(1, 20, 0, arrivals[20].received_ns + 900_000)
    assert calibrate.rate_bps(arrivals) == pytest.approx(1e7, rel=1e-6)


def test_too_few_frames_tell_no_rate() -> None:
    assert math.isnan(calibrate.rate_bps(train(1e7, 1)))
    assert calibrate.train_length(math.nan) == calibrate.train_length(1e3) < calibrate.train_length(1e7)


def test_the_delay_is_the_median_without_the_frame_s_own_time() -> None:
    own_ns = SMALL_BYTES * 8e9 / 1e6
    lone = [Arrival(0, k, 0, round(20e6 + own_ns + late_ns)) for k, late_ns in enumerate((0, 1e5, 1e5, 1e5, 9e6))]
    assert calibrate.delay_ms(lone, 1e6) == pytest.approx(20.1)


def test_a_degraded_link_that_falls_silent_one_way_stays_degraded_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(netem, "shape_at", lambda lines: told.extend(line for _, line in lines if "netem" in line))
    link = NetemLink(Cable("a-b", End(1, "a0"), End(2, "b0"), SHAPE), ())  # type: ignore[arg-type]
    link.reshape(LinkShape(delay_ms=200.0, rate_bps=1e6, loss=0.2))
    link.silence(ba=False)
    ours, theirs = told[-2:]
    assert "loss random 100" in ours
    assert "delay 200000.000us loss random 20" in theirs
