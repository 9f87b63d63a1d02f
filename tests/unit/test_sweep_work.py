"""What a worker makes of a point: the same numbers as a run of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments import modelled
from experiments.asking.prepare import Choice, prepare
from experiments.conclude import Unwatched
from experiments.sweep.plan import plan
from experiments.sweep.reading import WHOLE_RUN, read
from experiments.sweep.work import CENSORED, rows, work

SWEEP = "# Why?\nname: try\nexperiment: control-plane-loss\naxes: {policy: [fail-static], seed: [3]}\n"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = tmp_path_factory.mktemp("sweep") / "sweep.yaml"
    path.write_text(SWEEP)
    (job,) = plan(read(str(path))).jobs
    return work(job.payload)


def test_a_point_is_the_run_that_it_stands_for(found: list[dict[str, Any]], tmp_path: Path) -> None:
    prepared = prepare("control-plane-loss", Choice(policies=("fail-static",), seed=3))
    result = modelled.execute(prepared, tmp_path, Unwatched())
    assert found == rows(json.loads((result.run / "summary.json").read_text()))


def test_what_was_not_over_is_told_apart(found: list[dict[str, Any]]) -> None:
    phases = {row["phase"]: row for row in found}
    assert [*phases] == ["steady", "headless", "cut-while-headless", "healed", "returned", WHOLE_RUN]
    cut, healed = phases["cut-while-headless"], phases["healed"]
    assert cut["mitigate_s"] == 6.0
    assert all(cut[name + CENSORED] for name in ("mitigate_s", "outage_max_ms", "repair_ms"))
    assert healed["mitigate_s"] == 0.0
    assert not healed["mitigate_s" + CENSORED]
    assert "probes_lost" + CENSORED not in cut
