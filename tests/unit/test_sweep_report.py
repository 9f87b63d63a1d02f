"""What a sweep's page is made of: shares of variance, topics, and that it opens offline and says what it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.sweep import table
from experiments.sweep.page import render
from experiments.sweep.reading import WHOLE_RUN
from experiments.sweep.sensitivity import effect, explained, groups
from experiments.sweep.store import frame_of
from experiments.sweep.topics import Topic, topics

RNG = np.random.default_rng(1)
MANIFEST: dict[str, Any] = {
    "sweep": "try",
    "question": "Does <it> matter?",
    "written": "2026-01-01T00:00:00Z",
    "command": "failstatic sweep try",
    "backend": "modelled",
    "spec": {"experiment": "x", "axes": {"fibre": "each link"}, "seed": 1, "metrics": ["outage_max_ms", "mitigate_s"]},
    "points": 40,
    "draws": 40,
    "failed": {},
    "commit": "abc",
    "versions": {"python": "3"},
}


def _rows(count: int = 20) -> pl.DataFrame:
    """Two policies; the fibre decides all of one and none of the other; some times are not over."""
    rows = []
    for number in range(count):
        for policy, value in (("a", 100.0 * (number % 4)), ("b", 5.0 + number // 4)):
            row = {"point": f"{policy}{number}", "policy": policy, "phase": WHOLE_RUN, "verdict": "pass", "draws": 1}
            row |= {"fibre": f"f{number % 4}", "seed": number, "loss": number / 100}
            row |= {"outage_max_ms": value, "mitigate_s": 3.0 + number, "mitigate_s.censored": number % 4 == 0}
            rows.append(row)
    return frame_of(rows)


def _topic(rows: pl.DataFrame, metric: str) -> Topic:
    return topics(rows, [metric], ())[0]


def test_an_axis_that_decides_all_explains_all_and_one_that_decides_nothing_explains_nothing() -> None:
    levels = np.tile(np.arange(4), 250)
    noise = RNG.normal(size=1000)
    assert explained(levels, levels * 3.0) == pytest.approx(1.0)
    assert explained(levels, noise) == pytest.approx(0.0, abs=0.01)
    assert explained(levels, levels * 1.0 + noise * np.sqrt(1.25)) == pytest.approx(0.5, abs=0.05)


def test_many_groups_of_few_points_are_not_taken_for_an_effect() -> None:
    """η² itself would be near one half here: a group for every two points of noise."""
    shares = [explained(np.arange(100) // 2, RNG.normal(size=100)) for _ in range(200)]
    assert np.mean([share for share in shares if share is not None]) == pytest.approx(0.0, abs=0.12)
    assert explained(np.arange(100), RNG.normal(size=100)) is None


@pytest.mark.filterwarnings("error")
def test_what_does_not_vary_is_explained_by_nothing() -> None:
    assert explained(np.array([0, 0, 1, 1]), np.ones(4)) is None
    assert effect("seed", [1, 1, 1], np.array([1.0, 2.0, 3.0])).share is None
    assert effect("seed", [1, 1, 1], np.array([1.0, 2.0, 3.0])).rank is None


def test_a_rising_number_has_rank_one_and_a_name_has_none() -> None:
    assert effect("loss", [0.1, 0.2, 0.3, 0.4], np.array([1.0, 5.0, 6.0, 90.0])).rank == pytest.approx(1.0)
    assert effect("fibre", ["a", "b", "c", "d"], np.arange(4.0)).rank is None


@given(st.lists(st.floats(0, 1, width=32), min_size=20, max_size=200))
def test_groups_are_in_the_order_of_the_axis(levels: Sequence[float]) -> None:
    found = groups(levels)
    order = np.argsort(levels, kind="stable")
    assert len(np.unique(found)) <= 10
    assert (np.diff(found[order]) >= 0).all()


def test_a_fibre_within_its_topology_counts_what_it_adds() -> None:
    rows = frame_of(
        [
            {
                "point": str(i),
                "policy": "a",
                "phase": WHOLE_RUN,
                "draws": 1,
                "topology": t,
                "fibre": f"{t}{f}",
                "x_ms": x,
            }
            for i, (t, f, x) in enumerate(
                (t, f, 10.0 * f + (t == "big") * 100) for t in ("big", "small") for f in (0, 1) * 5
            )
        ]
    )
    effects = {found.axis: found.share or 0.0 for found in table.effects(_topic(rows, "x_ms"), ["fibre", "topology"])}
    assert effects["topology"] > 0.9
    assert sum(effects.values()) == pytest.approx(1.0, abs=0.02)


def test_points_count_as_often_as_they_were_drawn() -> None:
    rows = _rows().with_columns(pl.when(pl.col("point") == "a1").then(5.0).otherwise(1.0).alias("draws"))
    assert len(_topic(rows, "outage_max_ms").of("a").values) == 24


def test_times_that_were_not_over_make_no_mean() -> None:
    rows = {row.policy: row for row in table.summaries(_topic(_rows(), "mitigate_s"), ["fibre"])}
    assert rows["a"].mean == "–"
    assert "(" in rows["a"].median
    (plain, _) = table.summaries(_topic(_rows(), "outage_max_ms"), ["fibre", "seed"])
    assert (plain.policy, plain.points, plain.worst, plain.at) == ("a", "20", "300\u202fms", "fibre f3, seed 3")


def test_the_page_opens_offline_and_says_that_no_packet_was_sent() -> None:
    page = render(_rows(), MANIFEST, ["fibre", "seed", "loss"])
    assert "No packet was sent" in page
    assert "Does &lt;it&gt; matter?" in page
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#|data:)|<script|@import|url\(\s*["']?http""", page)
    assert page.count("<svg") == 3
    assert all(f'id="{name}"' in page for name in ("designs", "distributions", "survival", "sensitivity", "levels"))
    assert "No packet was sent" not in render(_rows(), {**MANIFEST, "backend": "emulated"}, ["fibre"])


def test_what_cannot_be_believed_is_left_out_and_told() -> None:
    rows = _rows().with_columns(trusted=pl.col("point") != "a3")
    assert len(_topic(rows, "outage_max_ms").of("a").values) == 19
    assert "1 measurements are left out here" in render(rows, MANIFEST, ["fibre"])


def test_failed_points_are_told_on_the_page_and_an_empty_sweep_has_one() -> None:
    page = render(_rows(), {**MANIFEST, "failed": {"fibre f9": "the relay died"}}, ["fibre"])
    assert "1 points failed and are missing here. The first: fibre f9: the relay died" in page
    assert "0 of 40" in render(pl.DataFrame(schema={"point": pl.String}), MANIFEST, ["fibre"])
