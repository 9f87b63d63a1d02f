"""docs/catalogue.md held against the files: every shipped experiment stands there, with its question and length."""

from __future__ import annotations

from pathlib import Path

from experiments.asking.reading import shipped, source, spec
from experiments.judging.metric_names import METRICS
from experiments.policies import VARIANTS

PAGE = Path(__file__).parents[2] / "docs/catalogue.md"


def rows() -> list[list[str]]:
    """The cells of every line that is about an experiment."""
    lines = (line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_experiment_stands_there_once() -> None:
    assert sorted(row[0].strip("`") for row in rows()) == sorted(shipped())


def test_each_with_its_question_and_its_length() -> None:
    specs = {name: spec(source(name)) for name in shipped()}
    expected = {name: (each.question, f"{each.end:g} s × {len(each.policies)}") for name, each in specs.items()}
    assert {row[0].strip("`"): (row[1], row[-1]) for row in rows()} == expected


def test_what_to_look_at_exists() -> None:
    words = {word for row in rows() for word in row[-2].split("`")[1::2]}
    known = {*METRICS, *(f"+{variant}" for variant in VARIANTS)}
    assert words - known == set()


def test_every_phase_that_it_names_exists() -> None:
    for row in rows():
        phases = {phase.name for phase in spec(source(row[0].strip("`"))).phases}
        assert set(row[-2].split("*")[1::2]) <= phases, row[0]
