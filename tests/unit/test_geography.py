"""Distances and delays: the laws of a metric, and the published table of round trips."""

from __future__ import annotations

from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.geography import EARTH_RADIUS_KM, FIBRE_KM_PER_S, delay_ms, fibre_delay_ms, great_circle_km

AIRPORTS = {
    "EWR": (40.6925, -74.1687), "FRA": (50.0333, 8.5706), "GRU": (-23.4356, -46.4731), "IAD": (38.9445, -77.4558),
    "JNB": (-26.1392, 28.2460), "LAX": (33.9425, -118.4081), "LHR": (51.4706, -0.4619), "MIA": (25.7932, -80.2906),
    "NRT": (35.7647, 140.3864), "SIN": (1.3502, 103.9944), "SYD": (-33.9461, 151.1772),
}  # fmt: skip
PATH_FACTORS = (1.0, 1.3, 1.5, 2.1)
ROUND_TRIPS_MS = {
    ("JNB", "LHR"): (90.8, 118, 136, 191),
    ("JNB", "IAD"): (131, 170, 197, 275),
    ("LHR", "EWR"): (55.7, 72, 84, 117),
    ("SIN", "NRT"): (53.6, 70, 80, 113),
    ("GRU", "MIA"): (65.8, 85, 99, 138),
    ("SYD", "LAX"): (121, 157, 181, 254),
    ("FRA", "SIN"): (103, 134, 154, 216),
}

places = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(("ends", "expected"), ROUND_TRIPS_MS.items())
def test_round_trips_between_airports(ends: tuple[str, str], expected: tuple[float, ...]) -> None:
    a, b = (AIRPORTS[end] for end in ends)
    measured = [2 * delay_ms(a, b, factor) for factor in PATH_FACTORS]
    assert measured == pytest.approx(expected, abs=0.6)  # the table rounds to whole ms …
    if expected[0] < 100:  # … but to tenths here
        assert measured[0] == pytest.approx(expected[0], abs=0.06)


@given(places, places)
def test_distance_is_symmetric_and_at_most_half_way_round(a: tuple[float, float], b: tuple[float, float]) -> None:
    there, back = great_circle_km(a, b), great_circle_km(b, a)
    assert there == pytest.approx(back, abs=1e-6)
    assert 0 <= there <= pi * EARTH_RADIUS_KM + 1e-6


@given(places, places, places)
def test_no_detour_is_shorter(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
    assert great_circle_km(a, c) <= great_circle_km(a, b) + great_circle_km(b, c) + 1e-3


@given(places)
def test_the_other_side_of_the_earth(place: tuple[float, float]) -> None:
    lat, lon = place
    assert great_circle_km(place, (-lat, lon + 180)) == pytest.approx(pi * EARTH_RADIUS_KM, rel=1e-6)
    assert great_circle_km(place, place) == 0


def test_a_second_of_fibre() -> None:
    assert fibre_delay_ms(FIBRE_KM_PER_S) == 1000
