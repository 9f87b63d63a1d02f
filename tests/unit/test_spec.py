"""The spec's models, and reading a file into them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_run import spec
from hypothesis import given
from hypothesis import strategies as st

from experiments.asking import reading
from experiments.asking.mistakes import mistakes
from experiments.asking.prepare import Choice, prepare
from experiments.asking.spec import CheckSpec, Spec
from experiments.judging.metric_names import METRICS
from topology.errors import InputError


@pytest.mark.parametrize("name", sorted(reading.shipped()))
def test_every_shipped_experiment_is_without_mistakes_and_asks_a_question(name: str) -> None:
    origin = reading.source(name)
    assert mistakes(origin) == []
    asked = reading.spec(origin)
    assert asked.name == name
    assert asked.question.endswith("?")


def test_a_spec_survives_its_own_json() -> None:
    asked = spec(traffic={"probe_interval": "20 ms", "busiest_link_load": "7 %"})
    assert Spec.model_validate(asked.model_dump(mode="json")) == asked


def test_the_command_line_changes_the_spec() -> None:
    prepared = prepare("control-plane-loss", Choice(("fast-reroute",), "europe18", 7))
    assert [policy.name for policy in prepared.policies] == ["fast-reroute"]
    assert (prepared.topology.name, prepared.seed) == ("europe18", 7)


def test_mistakes_of_the_options_come_with_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("name: X\n")
    with pytest.raises(InputError) as caught:
        prepare(str(tmp_path / "x.yaml"), Choice(("a", "a"), "nowhere"))
    places = {problem.place.rpartition("/")[2] for problem in caught.value.problems}
    assert {"--policy", "--topology", "x.yaml:1:7: name"} <= places


def test_the_spec_without_a_comment_asks_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("name: x\n")
    assert reading.question(tmp_path / "x.yaml") == ""


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text("#" * 1_100_000)
    with pytest.raises(InputError, match="more than 1 MB is refused"):
        prepare(str(tmp_path / "big.yaml"))
    with pytest.raises(InputError, match="no such file"):
        prepare(str(tmp_path / "missing.yaml"))
    with pytest.raises(InputError, match="did you mean 'control-plane-loss'"):
        prepare("control-plane-los")


@given(
    st.sampled_from(sorted(METRICS)),
    st.one_of(st.none(), st.floats(-5, 200)),
    st.one_of(st.none(), st.floats(-5, 200)),
)
def test_a_check_has_bounds_that_can_be_or_is_refused(metric: str, low: float | None, high: float | None) -> None:
    limit = 100 if metric.endswith("_pct") else 1e9
    bounds = [bound for bound in (low, high) if bound is not None]
    possible = bool(bounds) and all(0 <= bound <= limit for bound in bounds) and bounds == sorted(bounds)
    try:
        CheckSpec(metric=metric, min=low, max=high)
    except ValueError:
        assert not possible
    else:
        assert possible


def test_a_check_without_a_name_says_what_it_is() -> None:
    check = CheckSpec(metric="probes_lost", phase="dark", min=1, max=5)
    assert check.title() == "probes_lost in dark ≥ 1 and ≤ 5"
