"""``failstatic matrix`` as it is called: what it leaves, that it goes on from there, and cells with packets."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from dask_processes import LOOPBACK
from typer.testing import CliRunner

from experiments import modelled
from experiments.conclude import Unwatched
from experiments.matrix.plan import Asked, plan
from experiments.matrix.work import SERIES, work
from experiments.sweep import emulated
from experiments.sweep.plan import Task
from experiments.sweep.reading import WHOLE_RUN
from experiments.sweep.work import prepared
from failstatic.cli import app

RUNNER = CliRunner()


def _matrix(results: Path, *more: str) -> tuple[int, str]:
    done = RUNNER.invoke(app, ["matrix", "--results", str(results), "--workers", "1", *more])
    return done.exit_code, done.output


@LOOPBACK
def test_it_leaves_a_report_and_a_larger_one_goes_on_from_there(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed: make setup")
    folder = tmp_path / "matrices" / "matrix"
    status, told = _matrix(tmp_path, "--policies", "fail-static", "--faults", "brain.kill,machine.hog")
    assert status == 0, told
    assert "1 cells cannot be" in told
    first = pl.read_parquet(folder / "points.parquet")
    assert first["point"].n_unique() == 1
    status, told = _matrix(tmp_path, "--policies", "fail-static,soft-state", "--faults", "brain.kill")
    assert status == 0, told
    assert "1 of 2 points were finished before" in told
    cells = {cell["policy"]: cell for cell in json.loads((folder / "matrix.json").read_text())["cells"]}
    assert cells["fail-static"]["medians"]["outage_p99_ms"] == 0
    assert cells["soft-state"]["medians"]["outage_p99_ms"] > 5000
    assert (folder / "report.html").exists()
    assert (folder / "matrix.png").exists()


def test_mistakes_end_with_status_2_before_anything_is_made(tmp_path: Path) -> None:
    status, told = _matrix(tmp_path, "--policies", "nobody", "--faults", "nothing")
    assert status == 2, told
    assert not list(tmp_path.iterdir())


def test_a_cell_with_packets_is_read_from_its_run_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(task: Task, folder: Path) -> None:
        modelled.execute(prepared(task), folder, Unwatched())

    monkeypatch.setattr(emulated, "run", run)
    (job,) = plan(Asked(("soft-state",), ("brain.kill",), backend="emulated")).jobs
    (whole,) = [row for row in work(job.payload) if row["phase"] == WHOLE_RUN]
    assert max(json.loads(str(whole[SERIES]))) == 1
