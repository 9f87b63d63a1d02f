"""Axes → points: what is changed, what is drawn, and that nothing but the seed and the names decides it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.asking import reading
from experiments.policies import POLICIES
from experiments.sweep.plan import Planned, plan
from experiments.sweep.points import Axes, Axis, count, expand, parameters
from experiments.sweep.reading import read, shipped
from experiments.sweep.values import Spread, number, parse, spread
from topology.load import load

BASE = reading.source("control-plane-loss")
EDGE12 = load("edge12")


def _axis(name: str, raw: Any, *, drawn: bool = False) -> Axis:
    sets, found = parse(raw, drawn=drawn)
    known = parameters(BASE)
    return Axis(name, tuple(known[each] for each in sets or (name,)), found)


def _plan(tmp_path: Path, text: str) -> Planned:
    path = tmp_path / "sweep.yaml"
    path.write_text(f"# Why?\nname: try\nexperiment: control-plane-loss\n{text}")
    return plan(read(str(path)))


def test_every_combination_is_a_point_and_changes_only_what_it_says() -> None:
    axes = Axes((_axis("policy", ["fail-static", "soft-state"]), _axis("traffic.bulk_flows", [0, 4])))
    points = expand(axes, BASE.data, load)
    assert count(axes, BASE.data, load) == len(points) == 4
    assert [point.values["policy"] for point in points] == ["fail-static", "fail-static", "soft-state", "soft-state"]
    for point in points:
        assert point.data["policies"] == [point.values["policy"]]
        changed = {**point.data, "policies": None, "traffic": None}
        assert changed == {**BASE.data, "policies": None, "traffic": None}
        assert {**point.data["traffic"], "bulk_flows": 4} == BASE.data["traffic"]


def test_a_parameter_that_the_file_leaves_out_can_be_set() -> None:
    axes = Axes((_axis("phases[1].tables_every", ["1 s"]),))
    (point,) = expand(axes, BASE.data, load)
    assert point.data["phases"][1]["tables_every"] == "1 s"
    assert "tables_every" not in BASE.data["phases"][1]


def test_each_link_is_of_the_topology_that_the_point_has() -> None:
    targets = {"sets": ["timeline[1].target", "timeline[2].target"], "values": "each link"}
    axes = Axes((_axis("fibre", targets), _axis("topology", ["edge12", "europe18"])))
    points = expand(axes, BASE.data, load)
    assert count(axes, BASE.data, load) == len(points) == len(EDGE12.links) + len(load("europe18").links)
    assert {point.values["fibre"] for point in points if point.values["topology"] == "edge12"} == {
        link.name for link in EDGE12.links
    }
    assert all(point.data["timeline"][1]["target"] == point.data["timeline"][2]["target"] for point in points)


def test_designs_are_compared_on_the_same_draws() -> None:
    when = _axis("timeline[1].at", {"uniform": ["9 s", "14 s"]}, drawn=True)
    axes = Axes((_axis("policy", ["fail-static", "soft-state"]),), (when,), draws=20)
    points = expand(axes, BASE.data, load)
    times = {policy: [p.values[when.name] for p in points if p.values["policy"] == policy] for policy in POLICIES}
    assert len(set(times["fail-static"])) == 20
    assert times["fail-static"] == times["soft-state"]


def test_another_axis_or_more_draws_change_no_draw_that_was_there() -> None:
    when = _axis("timeline[1].at", {"uniform": ["9 s", "14 s"]}, drawn=True)
    where = _axis("timeline[1].target", "each link", drawn=True)
    few = [point.values[when.name] for point in expand(Axes((), (when,), 5), BASE.data, load)]
    more = [point.values[when.name] for point in expand(Axes((), (where, when), 9), BASE.data, load)]
    assert more[:5] == few
    other = [point.values[when.name] for point in expand(Axes((), (when,), 5, seed=2), BASE.data, load)]
    assert not set(other) & set(few)


def test_equal_draws_are_one_point_that_counts_for_all() -> None:
    coin = _axis("traffic.bulk_flows", {"choice": [0, 12]}, drawn=True)
    points = expand(Axes((), (coin,), 50), BASE.data, load)
    assert len(points) == 2
    assert sum(point.draws for point in points) == 50


SPREADS = st.sampled_from(
    [
        spread("integers", [3, 9]),
        spread("uniform", ["5 s", "12 s"]),
        spread("loguniform", ["0.1 %", "20 %"]),
        spread("choice", ["a", "b"]),
        spread("choice", "each PoP"),
    ]
)


@given(SPREADS, st.floats(0, 1, exclude_max=True))
def test_a_draw_stands_between_its_bounds(found: Spread, chance: float) -> None:
    value = found.draw(chance, EDGE12)
    low, high = number(found.draw(0.0, EDGE12)), number(found.draw(1 - 1e-12, EDGE12))
    if low is None or high is None:
        assert value in ("a", "b", *EDGE12.names)
    else:
        assert low <= (number(value) or 0.0) <= high


def test_loguniform_gives_each_decade_its_share() -> None:
    found = spread("loguniform", ["0.1 %", "10 %"])
    shares = [number(found.draw(chance, EDGE12)) for chance in np.linspace(0, 1, 1000, endpoint=False)]
    assert np.mean(np.array(shares) < 0.01) == pytest.approx(0.5, abs=0.01)


def test_a_key_says_all_that_a_result_hangs_on(tmp_path: Path) -> None:
    first = _plan(tmp_path, "axes: {seed: [1, 2], policy: [fail-static]}")
    assert len({job.key for job in first.jobs}) == 2
    assert len({job.columns["spec_hash"] for job in first.jobs}) == 1
    renamed = _plan(tmp_path, "axes: {chance: {sets: [seed], values: [1, 2]}, policy: [fail-static]}")
    assert {job.key for job in renamed.jobs} == {job.key for job in first.jobs}
    other = _plan(tmp_path, "axes: {seed: [1], policy: [fail-static], topology: [europe18]}")
    assert {job.columns["spec_hash"] for job in other.jobs}.isdisjoint(job.columns["spec_hash"] for job in first.jobs)


def test_keys_are_the_same_in_every_process(tmp_path: Path) -> None:
    planned = _plan(tmp_path, "axes: {seed: [1, 2]}\nrandom: {n: 3, axes: {end: {uniform: [29 s, 35 s]}}}")
    ask = (
        "from experiments.sweep.plan import plan; from experiments.sweep.reading import read\n"
        f"print([job.key for job in plan(read({str(tmp_path / 'sweep.yaml')!r})).jobs])"
    )
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert told.stdout.strip() == str([job.key for job in planned.jobs])


@pytest.mark.parametrize("name", shipped())
def test_shipped_sweeps_are_sound(name: str) -> None:
    sweep = read(name)
    planned = plan(sweep)
    assert len(planned.jobs) == len(planned.points) > 10
    assert sweep.spec.question
    assert sweep.spec.name == name
