"""The journal: one write per line, whole lines only, several writers."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from experiments.journal import Follower, Journal, read
from topology.errors import InputError, LabError


def test_what_is_recorded_is_read_back_with_policy_and_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", "fail-static", lambda: 1.25)
    journal.record("phase", name="steady")
    journal.record("port", t=0.5, live=False)
    journal.close()
    journal.close()
    assert list(read(tmp_path / "j")) == [
        {"policy": "fail-static", "t": 1.25, "event": "phase", "name": "steady"},
        {"policy": "fail-static", "t": 0.5, "event": "port", "live": False},
    ]


def test_numbers_sets_and_pairs_become_json(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", "p", lambda: 0.0)
    journal.record("x", pair=("a", "b"), pops=frozenset("ba"), n=np.int64(3), f=np.float64(0.5), gone=float("nan"))
    line = next(read(tmp_path / "j"))
    assert (line["pair"], line["pops"], line["n"], line["f"], line["gone"]) == (["a", "b"], ["a", "b"], 3, 0.5, None)


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", "p", lambda: 0.0)
    journal.record("one")
    with (tmp_path / "j").open("a") as file:
        file.write('{"policy": "p", "t": 3, "ev')
    assert [line["event"] for line in read(tmp_path / "j")] == ["one"]


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("hello\n[1, 2]\n")
    with pytest.raises(InputError, match="not a journal"):
        read(tmp_path / "j")
    with pytest.raises(InputError, match="cannot read the journal"):
        read(tmp_path / "missing")


def test_a_full_disk_is_a_clear_error() -> None:
    journal = Journal(Path("/dev/full"), "p", lambda: 0.0)
    with pytest.raises(LabError, match="No space left"):
        journal.record("x")


def test_many_writers_never_mix_their_lines(tmp_path: Path) -> None:
    def write(name: str) -> None:
        journal = Journal(tmp_path / "j", name, lambda: 0.0)
        for number in range(200):
            journal.record("x", number=number, text="y" * 300)
        journal.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in (tmp_path / "j").read_text().splitlines()]
    assert len(lines) == 800
    assert [line["number"] for line in lines if line["policy"] == "a"] == list(range(200))


def test_a_follower_gets_each_line_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "j")
    assert follower.new() == []
    with (tmp_path / "j").open("w") as file:
        file.write('{"event": "a"}\n{"eve')
        file.flush()
        assert [line["event"] for line in follower.new()] == ["a"]
        assert follower.new() == []
        file.write('nt": "b"}\n')
        file.flush()
        assert [line["event"] for line in follower.new()] == ["b"]
