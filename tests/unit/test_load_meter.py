"""The load meter's arithmetic."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from experiments.labs.load import Reading, load_between, parse_machine, parse_process, read_now


def test_what_others_took_is_the_difference() -> None:
    load = load_between(Reading(10, 10, 0, 5, 1.0), Reading(11.5, 10.4, 0.1, 5.5, 1.2))
    assert (load.own_pct, load.foreign_pct, load.idle_pct, load.steal_pct) == (25.0, 50.0, 20.0, 5.0)


def test_the_machine_line_leaves_interrupts_out() -> None:
    assert parse_machine("cpu  100 200 300 400 500 600 700 800 0 0\ncpu0 1 1") == (6.0, 9.0, 8.0)


def test_a_process_name_may_hold_anything() -> None:
    stat = "12 (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 100 200 300 400 20 0 1"
    assert parse_process(stat) == 10.0


def test_processes_that_end_while_they_are_read_are_left_out(tmp_path: Path) -> None:
    used = "7 (x) S 1 1 1 0 -1 0 0 0 0 0 100 200 300 400 20 0 1"
    (tmp_path / "stat").write_text("cpu  100 200 300 400 500 600 700 800 0 0\n")
    (tmp_path / "7/task/7").mkdir(parents=True)
    (tmp_path / "7/stat").write_text(used)
    (tmp_path / "7/task/7/schedstat").write_text("5 2000000000 9")
    (tmp_path / "8/task/8").mkdir(parents=True)  # both of its files are gone
    (tmp_path / "9").mkdir()
    (tmp_path / "9/task").write_text("no folder any more")
    (tmp_path / "self").symlink_to("7")
    assert read_now(tmp_path) == Reading(6.0, 9.0, 8.0, 10.0, 2.0)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_a_machine_whose_processes_come_and_go_can_be_read() -> None:
    crowd = subprocess.Popen(["bash", "-c", "while :; do (:) & (:) & wait; done"])
    try:
        readings = [read_now() for _ in range(40)]
    finally:
        crowd.kill()
        crowd.wait()
    assert readings[-1].busy_s >= readings[0].busy_s


def test_this_machine_can_be_read() -> None:
    before = read_now()
    sum(i * i for i in range(300_000))
    after = read_now()
    assert after.busy_s + after.idle_s >= before.busy_s + before.idle_s
    assert after.own_s >= before.own_s >= 0
