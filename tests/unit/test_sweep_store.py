"""What a sweep keeps: whole lines, one dataset, and nothing twice, however it was left."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from experiments.sweep import pool
from experiments.sweep.pool import Job
from experiments.sweep.store import LINES, PARQUET, Store
from topology.errors import InputError, LabError

JOBS = [Job(f"k{i}", i, {"loss": float(i), "seed": i}) for i in range(4)]


def _keep(folder: Path, jobs: list[Job], value: float = 1.0) -> None:
    with Store(folder) as kept:
        for job in jobs:
            kept.keep(job, [{"policy": policy, "outage_max_ms": value} for policy in ("a", "b")])


def test_what_was_finished_is_not_left_to_do(tmp_path: Path) -> None:
    _keep(tmp_path, JOBS[:2])
    with Store(tmp_path) as kept:
        assert pool.left([*JOBS, *JOBS], kept.finished) == JOBS[2:]
        kept.merge(JOBS)
    with Store(tmp_path) as kept:
        assert kept.finished == {"k0", "k1"}


def test_a_line_cut_short_is_no_line(tmp_path: Path) -> None:
    _keep(tmp_path, JOBS[:3])
    lines = tmp_path / LINES
    os.truncate(lines, lines.stat().st_size - 5)
    with Store(tmp_path) as kept:
        assert kept.finished == {"k0", "k1"}
        kept.keep(JOBS[3], [{"policy": "a", "outage_max_ms": 4.0}])
        rows = kept.merge(JOBS)
    assert sorted(rows["point"].unique()) == ["k0", "k1", "k3"]


def test_merging_again_changes_nothing_and_a_kill_between_costs_nothing(tmp_path: Path) -> None:
    _keep(tmp_path, JOBS)
    before = (tmp_path / LINES).read_bytes()
    with Store(tmp_path) as kept:
        first = kept.merge(JOBS)
        assert (tmp_path / LINES).read_bytes() == b""
    (tmp_path / LINES).write_bytes(before)  # killed between writing the dataset and emptying the lines
    with Store(tmp_path) as kept:
        assert kept.merge(JOBS).sort("point", "policy").equals(first.sort("point", "policy"))


def test_the_dataset_keeps_points_that_nobody_asks_for_now(tmp_path: Path) -> None:
    _keep(tmp_path, JOBS)
    with Store(tmp_path) as kept:
        assert kept.merge(JOBS[:1])["point"].unique().to_list() == ["k0"]
        assert kept.merge(JOBS)["point"].n_unique() == 4


def test_other_axes_of_the_same_points_and_other_kinds_of_value(tmp_path: Path) -> None:
    _keep(tmp_path, JOBS[:2])
    with Store(tmp_path) as kept:
        kept.merge(JOBS[:2])
        renamed = [Job("k0", 0, {"link": "ams-fra", "seed": 0}), Job("k9", 9, {"loss": "a lot", "seed": 9})]
        kept.keep(renamed[1], [{"policy": "a", "outage_max_ms": 2.0}])
        rows = kept.merge(renamed)
    assert set(rows.filter(point="k0")["link"]) == {"ams-fra"}
    whole = pl.read_parquet(tmp_path / PARQUET)
    assert set(whole.filter(point="k1")["loss"]) == {"1.0"}
    assert set(whole.filter(point="k9")["loss"]) == {"a lot"}


def test_a_full_disk_is_told_and_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _keep(tmp_path, JOBS[:1])
    size = (tmp_path / LINES).stat().st_size
    whole = os.write
    with Store(tmp_path) as kept:
        monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[: len(data) // 2]))
        with pytest.raises(LabError, match="No space left on device; nothing that was finished is lost"):
            kept.keep(JOBS[1], [{"policy": "a", "outage_max_ms": 1.0}])
        monkeypatch.undo()
        assert (tmp_path / LINES).stat().st_size == size
        kept.keep(JOBS[1], [{"policy": "a", "outage_max_ms": 1.0}])
    with Store(tmp_path) as kept:
        assert kept.finished == {"k0", "k1"}


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with Store(tmp_path), pytest.raises(LabError, match="another process is at work"):
        Store(tmp_path).__enter__()


def test_a_dataset_that_cannot_be_read_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / PARQUET).write_bytes(b"half of it")
    with pytest.raises(InputError, match="move it away to begin anew"):
        Store(tmp_path).__enter__()
    assert (tmp_path / PARQUET).read_bytes() == b"half of it"
