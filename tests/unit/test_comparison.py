"""Two sets of runs held against each other: chance is not taken for a change, nor a change for chance."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from experiments.asking.prepare import Choice, prepare
from experiments.comparison.compare import compare
from experiments.comparison.difference import difference
from experiments.comparison.sample import Key, Question, Sample, gather, of_run, read_baseline, write_baseline
from experiments.comparison.words import page_of
from experiments.conclude import Unwatched
from experiments.modelled import execute
from topology.errors import InputError

QUESTION = Question("control-plane-loss", "emulated", "0123")
REPAIR = Key("fast-reroute", "cut-while-headless", "repair_ms")
SHARE = Key("fast-reroute", "", "availability_pct")


def samples(name: str, repair_ms: list[float], share_pct: float = 99.9, error: float = 0.0) -> list[Sample]:
    return [
        Sample(
            f"{name}/{number}",
            QUESTION,
            frozenset({"fast-reroute"}),
            {REPAIR: (value, error), SHARE: (share_pct, 0.0)},
        )
        for number, value in enumerate(repair_ms)
    ]


FAST = [2.1, 2.4, 2.2, 2.9, 2.5]


def words(before: list[Sample], after: list[Sample]) -> dict[Key, str]:
    return {row.key: row.word for row in compare(before, after).rows}


def test_what_did_not_change_is_the_same() -> None:
    assert set(words(samples("a", FAST), samples("b", FAST[::-1])).values()) == {"same"}


def test_a_slower_repair_is_worse_and_comes_first() -> None:
    found = compare(samples("a", FAST), samples("b", [value + 40 for value in FAST]))
    assert (found.rows[0].key, found.rows[0].word, found.verdict) == (REPAIR, "worse", "fail")
    assert found.rows[0].difference.low > 0


def test_a_faster_repair_is_better() -> None:
    found = compare(samples("a", [value + 40 for value in FAST]), samples("b", FAST))
    assert (words(samples("a", [9.0] * 5), samples("b", FAST))[REPAIR], found.verdict) == ("better", "pass")


def test_less_availability_is_worse_though_the_number_fell() -> None:
    assert words(samples("a", FAST), samples("b", FAST, share_pct=80.0))[SHARE] == "worse"


def test_a_change_within_the_error_of_one_measurement_means_nothing() -> None:
    assert words(samples("a", [2.0] * 5, error=2.0), samples("b", [3.5] * 5, error=2.0))[REPAIR] == "same"


def test_with_fewer_than_five_runs_nothing_is_concluded() -> None:
    found = compare(samples("a", FAST[:4]), samples("b", [90.0] * 5))
    assert found.verdict == "unknown"
    assert {row.word for row in found.rows} == {"too few runs"}


def test_a_run_whose_machine_could_not_be_believed_does_not_count() -> None:
    before = [dataclasses.replace(sample, trusted=frozenset()) for sample in samples("a", FAST)]
    found = compare(before, samples("b", FAST))
    assert found.verdict == "unknown"
    assert len(found.doubts) == len(before)


def test_a_number_that_vanished_is_no_success() -> None:
    without = [dataclasses.replace(one, values={SHARE: one.values[SHARE]}) for one in samples("b", FAST)]
    found = compare(samples("a", FAST), without)
    assert {row.key: row.word for row in found.rows} == {REPAIR: "not known any more", SHARE: "same"}
    assert found.verdict == "unknown"
    assert compare(without, samples("a", FAST)).verdict == "pass", "a number that is new is no loss"


def test_a_number_that_half_of_the_runs_have_lost_is_no_success_either() -> None:
    half = [
        dataclasses.replace(one, values=one.values if place % 2 else {SHARE: one.values[SHARE]})
        for place, one in enumerate(samples("b", [*FAST, *FAST]))
    ]
    assert words(samples("a", FAST), half)[REPAIR] == "not known any more"


def test_a_policy_that_vanished_is_named() -> None:
    other = Key("fail-static", "", "availability_pct")
    both = [
        dataclasses.replace(one, values={**one.values, other: (99.0, 0.0)}, trusted=one.trusted | {"fail-static"})
        for one in samples("a", FAST)
    ]
    found = compare(both, samples("b", FAST))
    assert found.verdict == "unknown"
    assert [doubt for doubt in found.doubts if "fail-static" in doubt]


def test_one_bad_measurement_hides_no_change() -> None:
    before = samples("a", [9.0] * 5)
    before[0] = dataclasses.replace(before[0], values={REPAIR: (9.0, 500.0), SHARE: (99.9, 0.0)})
    assert words(before, samples("b", [49.0] * 5))[REPAIR] == "worse"


def test_a_run_counts_once_and_on_one_side_only(tmp_path: Path) -> None:
    write_baseline(tmp_path / "a.json", samples("a", FAST))
    assert len(gather(tmp_path, f"{tmp_path}/a.json, {tmp_path}/a.json")) == len(FAST)
    with pytest.raises(InputError, match="in both sets"):
        compare(samples("a", FAST), samples("a", FAST))


def test_other_questions_are_refused_by_name() -> None:
    other = [dataclasses.replace(sample, question=Question("x", "modelled", "9")) for sample in samples("b", FAST)]
    with pytest.raises(InputError, match="experiment is x, not control-plane-loss"):
        compare(samples("a", FAST), other)


def test_false_alarms_are_rare() -> None:
    """Five runs of the same thing on each side: a 95 % interval may cry wolf now and then, not often."""
    chance = random.Random(7)
    draw = lambda: [chance.gauss(30, 3) for _ in range(5)]  # noqa: E731
    alarms = sum(difference(draw(), draw()).word(more_is_better=False) == "worse" for _ in range(60))
    assert alarms <= 6


def test_a_baseline_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    kept = samples("a", FAST, error=0.5)
    write_baseline(file, kept)
    assert read_baseline(file) == kept
    assert gather(Path("nowhere"), str(file)) == tuple(kept)


def test_a_real_run_is_read_and_the_page_shows_it(tmp_path: Path) -> None:
    prepared = prepare("control-plane-loss", Choice(("fail-static",), None, None))
    folder = execute(prepared, tmp_path, Unwatched()).run
    sample = of_run(folder)
    assert any(key.metric == "availability_pct" for key in sample.values)
    assert of_run(folder.parent / "latest").run == sample.run
    before, after = ([dataclasses.replace(sample, run=f"{side}/{n}") for n in range(5)] for side in "ab")
    page = page_of(compare(before, after), before, after)
    assert "before and after" in page
    assert "Nothing became worse" in page


def test_files_that_are_no_runs_are_named(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text("{}")
    with pytest.raises(InputError, match="is no baseline"):
        gather(tmp_path, str(file))
