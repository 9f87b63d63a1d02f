"""Gravity demand: shares, symmetry, distance."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.model import Pop, Topology
from traffic.demand import bulk_flows, gravity, largest


def world(*people: float, lon: float = 10.0) -> Topology:
    pops = tuple(Pop(i, f"p{i}", "city", "region", 0.0, lon * i, n) for i, n in enumerate(people))
    return Topology("world", pops, (), "p0")


@given(st.lists(st.floats(1e3, 1e8), min_size=2, max_size=12))
def test_shares_add_up_and_are_the_same_both_ways(people: list[float]) -> None:
    demand = gravity(world(*people))
    assert sum(demand.values()) == pytest.approx(1)
    assert len(demand) == len(people) * (len(people) - 1)
    assert all(demand[a, b] == demand[b, a] > 0 for a, b in demand)


def test_people_attract_and_distance_deters() -> None:
    demand = gravity(world(1, 1, 1))
    assert demand["p0", "p1"] > demand["p0", "p2"]
    flat = gravity(world(1, 2, 4), exponent=0)
    assert flat["p1", "p2"] == pytest.approx(8 / (2 * (2 + 4 + 8)))


def test_the_formula() -> None:
    near, far = (
        gravity(world(1, 1, 1), distance_km=1111.95, exponent=2)[pair] for pair in (("p0", "p1"), ("p0", "p2"))
    )
    assert near / far == pytest.approx((3 / 2) ** 2, rel=1e-4)


def test_nobody_at_home_means_all_alike() -> None:
    assert list(gravity(world(0, 0, 0)).values()) == pytest.approx([1 / 6] * 6)


def test_the_largest_come_first_and_keep_their_rates() -> None:
    demand = gravity(world(1, 2, 4))
    shares = list(largest(demand, 4).values())
    assert all(a >= b for a, b in pairwise(shares))
    flows = bulk_flows(demand, 2, 1e6)
    assert [flow.pair for flow in flows] == [("p1", "p2"), ("p2", "p1")]
    assert flows[0].rate_bps == pytest.approx(demand["p1", "p2"] * 1e6)
    assert len(bulk_flows(demand, 100, 1e6)) == 6
