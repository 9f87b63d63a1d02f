"""Pass, fail or unknown: the rules of truth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic_run
from hypothesis import given
from hypothesis import strategies as st
from synthetic_run import Recipe, diamond

from experiments.judging import checks
from experiments.judging.checks import FAIL, PASS, UNKNOWN, Check, compare, verdict
from experiments.judging.metrics import Measured
from experiments.judging.responses import Measure, unknown
from experiments.judging.story import Story

NUMBERS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("value", "error", "low", "high", "expected"),
    [
        (5, 2, None, 10, PASS),
        (8, 2, None, 10, PASS),  # touching is within
        (9, 2, None, 10, UNKNOWN),  # the bound lies inside the error
        (12, 2, None, 10, UNKNOWN),
        (12.1, 2, None, 10, FAIL),
        (0, 0, None, 0, PASS),
        (1, 0, None, 0, FAIL),
        (0, 3, None, 0, UNKNOWN),  # three probes were never sent
        (99.5, 0, 99, None, PASS),
        (98, 0.5, 99, None, FAIL),
        (5, 0, 5, 5, PASS),
        (5, 1, 5, 5, UNKNOWN),
        (7, 1, 5, 5, FAIL),
        (None, 0, None, 5, UNKNOWN),
    ],
)
def test_a_bound(value: float | None, error: float, low: float | None, high: float | None, expected: str) -> None:
    assert compare(Measure(value, error), low, high) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (None, 2000, "unknown"),
        (None, 900, "fail"),
        (900, None, "pass"),
        (2000, None, "unknown"),
        (900, 2000, "unknown"),
    ],
)
def test_what_was_not_over_is_anything_from_its_value_on(low: float | None, high: float | None, expected: str) -> None:
    assert compare(Measure(970, 10, at_least=True), low, high) == expected


@given(NUMBERS, st.floats(0, 1e6), NUMBERS, st.floats(0, 1))
def test_a_verdict_holds_for_every_value_that_could_be_true(
    value: float, error: float, high: float, part: float
) -> None:
    found = compare(Measure(value, error), None, high)
    truth = value - error + 2 * error * part
    if found == PASS:
        assert truth <= high or truth == pytest.approx(high)
    elif found == FAIL:
        assert truth > high or truth == pytest.approx(high)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [([], PASS), ([PASS], PASS), ([PASS, UNKNOWN], UNKNOWN), ([PASS, UNKNOWN, FAIL], FAIL)],
)
def test_the_worst_counts(verdicts: list[str], expected: str) -> None:
    assert verdict(verdicts) == expected


def story(told: list[dict[str, object]] | None = None) -> Story:
    recipe = Recipe("fail-static", diamond(), "b-d")
    return synthetic_run.story(recipe, synthetic_run.folder.nothing(), told)


MEASURED = Measured({"steady": {"probes_lost": Measure(0.0)}, "headless": {"probes_lost": Measure(0.0)}}, {})


def check(phase: str) -> Check:
    return Check.read({"metric": "probes_lost", "phase": phase, "max": 0, "policies": None})


def lines(*, held: bool | None) -> list[dict[str, object]]:
    """The journal with the kill's proof held, not held, or missing."""
    told = synthetic_run.lines(Recipe("fail-static", diamond(), "b-d"))
    mine = [line for line in told if line["event"] == "proof" and line["fault"] == "brain.kill"]
    rest = [line for line in told if line not in mine]
    return rest if held is None else [*rest, {**mine[0], "held": held, "evidence": {"process": "running"}}]


def test_a_proven_fault() -> None:
    assert checks.run(check("headless"), MEASURED, story(lines(held=True)), ()).verdict == PASS


@pytest.mark.parametrize(("held", "word"), [(False, "process running"), (None, "no proof")])
def test_a_fault_that_cannot_be_shown_gives_unknown(held: bool | None, word: str) -> None:
    result = checks.run(check("headless"), MEASURED, story(lines(held=held)), ())
    assert result.verdict == UNKNOWN
    assert "brain.kill" in result.why
    assert word in result.why
    assert result.measured == PASS


def test_it_spoils_no_phase_before_it() -> None:
    assert checks.run(check("steady"), MEASURED, story(lines(held=False)), ()).verdict == PASS


def test_distrust_makes_everything_unknown_and_says_why() -> None:
    result = checks.run(check("steady"), MEASURED, story(), ("others took the processors",))
    assert (result.verdict, result.why, result.measured) == (UNKNOWN, "others took the processors", PASS)


def test_a_number_that_is_not_known() -> None:
    measured = replace(MEASURED, phases={"steady": {"probes_lost": unknown("nobody looked")}})
    result = checks.run(check("steady"), measured, story(), ())
    assert (result.verdict, result.why) == (UNKNOWN, "nobody looked")
    assert checks.run(check("never"), MEASURED, story(), ()).verdict == UNKNOWN


@pytest.mark.parametrize(
    ("item", "bound"),
    [({"max": 10}, "≤ 10"), ({"min": 99.9}, "≥ 99.9"), ({"min": 1, "max": 2}, "≥ 1 and ≤ 2"), ({"equals": 0}, "= 0")],
)
def test_bounds_in_words(item: dict[str, float], bound: str) -> None:
    assert Check.read({"metric": "probes_lost", **item}).bound == bound


def test_only_the_policies_it_names() -> None:
    items = [{"metric": "probes_lost", "max": 0}, {"metric": "probes_lost", "max": 0, "policies": ["soft-state"]}]
    assert len(checks.for_policy(items, "fail-static")) == 1
    assert len(checks.for_policy(items, "soft-state")) == 2
