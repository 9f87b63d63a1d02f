"""Run folders: unique names, an atomic ``latest``, finding a run again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from experiments import results
from topology.errors import InputError, LabError


def _made(folder: Path) -> Path:
    (folder / results.MANIFEST).write_text("{}")
    return folder


def test_runs_of_the_same_second_and_seed_get_different_folders(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: results.make(tmp_path, "x", 1), range(16)))
    assert len(set(folders)) == 16
    assert all(folder.is_dir() for folder in folders)


def test_latest_points_at_the_newest_and_leaves_nothing_else(tmp_path: Path) -> None:
    first, second = results.make(tmp_path, "x", 1), results.make(tmp_path, "x", 2)
    results.point_latest(first)
    results.point_latest(second)
    assert (tmp_path / "x" / "latest").resolve() == second
    assert {path.name for path in (tmp_path / "x").iterdir()} == {first.name, second.name, "latest"}


def test_a_run_is_found_by_experiment_by_name_and_by_path(tmp_path: Path) -> None:
    run = _made(results.make(tmp_path, "x", 1))
    results.point_latest(run)
    for name in ("x", "x/latest", f"x/{run.name}", run.name, str(run)):
        assert results.find(tmp_path, name) == run
    assert results.runs(tmp_path) == [f"x/{run.name}"]


def test_a_run_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    run = _made(results.make(tmp_path, "x", 1))
    with pytest.raises(InputError, match=f"unknown run 'y'.*x/{run.name}"):
        results.find(tmp_path, "y")


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot make a results folder"):
        results.make(tmp_path / "file", "x", 1)


def test_names_for_slots_are_short_and_printable() -> None:
    assert results.name_for_slot("up", "Nobel EU ü") == "up/Nobel-EU--"
    assert len(results.name_for_slot("x" * 32, "y" * 60)) == 60
