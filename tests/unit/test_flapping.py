"""Faults that strike again and again: their beats, and what the timeline makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from fake_run import of, play, ring, spec
from hypothesis import given
from hypothesis import strategies as st

from experiments.asking.timeline import timeline
from experiments.faults import FAULTS, Repeated
from experiments.labs.fake import FakeLab

FLAP: dict[str, Any] = {"at": "2 s", "fault": "link.flap", "target": "a-b"}


def flap(**settings: str) -> list[dict[str, Any]]:
    return [{**FLAP, "with": settings}]


def test_it_goes_down_and_comes_back_as_often_as_whole_periods_fit() -> None:
    asked = spec(timeline=flap(every="1 s", duty="25 %", lasting="3 s"))
    beats = timeline(asked, ring(), {}).strikes
    assert [(beat.at_s, beat.fault) for beat in beats] == [
        (2.0, "link.cut"),
        (2.25, "link.heal"),
        (3.0, "link.cut"),
        (3.25, "link.heal"),
        (4.0, "link.cut"),
        (4.25, "link.heal"),
    ]
    assert [beat.proven for beat in beats] == [True, False, False, False, False, True]
    assert {beat.targets for beat in beats} == {("a-b",)}


def test_nothing_strikes_after_the_end() -> None:
    beats = timeline(spec(timeline=flap(every="1 s", lasting="1 min")), ring(), {}).strikes
    assert max(beat.at_s for beat in beats) < 10


@given(
    every_s=st.floats(0.5, 10),
    duty=st.floats(0.05, 0.95),
    periods=st.floats(1, 30),
    jitter=st.floats(0, 0.9),
    seed=st.integers(0, 1000),
)
def test_beats_alternate_within_their_time_and_depend_on_the_seed_alone(
    every_s: float, duty: float, periods: float, jitter: float, seed: int
) -> None:
    settings = {"every": every_s, "duty": duty, "lasting": every_s * periods, "jitter": jitter}
    fault = FAULTS.make("link.flap", "a-b", **settings)
    assert isinstance(fault, Repeated)
    beats = list(fault.beats(5.0, str(seed)))
    assert beats == list(fault.beats(5.0, str(seed)))
    assert [beat.fault for beat in beats] == ["link.cut", "link.heal"] * (len(beats) // 2)
    times = [beat.at_s for beat in beats]
    assert times == sorted(times)
    assert times[0] == 5.0
    assert times[-1] <= 5.0 + max(every_s * periods, every_s * (1 + jitter)) + 1e-6
    assert (beats[0].proven, beats[-1].proven) == (True, True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"duty": 0.0}, "does not flap"),
        ({"duty": 1.0}, "does not flap"),
        ({"jitter": 1.0}, "less than 100 %"),
        ({"every": 5.0, "lasting": 2.0}, "shorter than one period"),
    ],
)
def test_what_would_not_flap_cannot_be_made(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FAULTS.make("link.flap", "a-b", **settings)


def test_a_period_has_a_least_length() -> None:
    with pytest.raises(ValueError, match="too short"):
        FAULTS["link.flap"].settings["every"]("100 ms")


def test_the_run_proves_the_first_blow_and_the_last_and_tells_all() -> None:
    lab = FakeLab(ring())
    outcome, lines = play(lab, spec(timeline=flap(every="1 s", lasting="3 s")))
    assert outcome == "complete"
    asked = [line["asked"] for line in of(lines, "fault") if line["action"] == "inject"]
    assert asked == [True, False, False, False, False, True]
    assert [(line["fault"], line["held"]) for line in of(lines, "proof")] == [("link.cut", True), ("link.heal", True)]
    assert all(lab.links["a-b"].carrier())
