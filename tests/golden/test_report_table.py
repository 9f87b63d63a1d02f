"""The table that ends a run, word for word: of a good run, and of one that cannot be believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import synthetic_run
from synthetic_run import Recipe, diamond

from experiments.judging.judge import judge
from experiments.report.table import text

POLICIES = ("soft-state", "fail-static", "fast-reroute")
RECIPE = Recipe("fail-static", diamond(), "b-d", fine_pairs=(("b", "d"), ("d", "b")))


@pytest.mark.parametrize("width", [80, 100, 130])
def test_a_good_run(width: int, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    golden(f"report/table-{width}.txt", text(judge(synthetic_run.write(tmp_path, RECIPE, POLICIES)), width))


def test_a_run_that_cannot_be_believed(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    run = synthetic_run.write(tmp_path, RECIPE, POLICIES)
    told = (run / "journal.jsonl").read_text().replace('"held": true', '"held": false')
    told = told.replace('"step_ms": 0.01', '"step_ms": 7.5', 1)
    (run / "journal.jsonl").write_text(told)
    golden("report/table-unknown.txt", text(judge(run), 100))


def test_a_run_that_fails(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    run = synthetic_run.write(tmp_path, RECIPE, POLICIES)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["spec"]["checks"] += [
        {"name": "nobody notices", "metric": "outage_max_ms", "max": 1000},
        {"metric": "repair_ms", "phase": "cut-while-headless", "max": 3, "policies": ["fast-reroute"]},
    ]
    (run / "manifest.json").write_text(json.dumps(manifest))
    golden("report/table-fail.txt", text(judge(run), 100))
