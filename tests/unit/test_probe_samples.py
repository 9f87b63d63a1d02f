"""The prober's record file: what is read back, whole, cut off and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from topology.errors import LabError
from traffic.records import DROPPED, END, RECEIVED, SENT, Recorder
from traffic.samples import read
from traffic.schedule import FINE, ProbePlan

ZERO_NS = 1_700_000_000_000_000_000
PLAN = ProbePlan((("a", "b"), ("b", "a")), 0.1, (("a", "b"),), 0.02, 1.0)


def at(seconds: float) -> int:
    return ZERO_NS + round(seconds * 1e9)


def write(path: Path, records: list[tuple[int, int, int]], plan: ProbePlan = PLAN) -> Path:
    recorder = Recorder(path, plan, ZERO_NS)
    for record in records:
        recorder.put(*record)
    recorder.close()
    return path


def test_lost_unsent_and_delivered_are_told_apart(tmp_path: Path) -> None:
    out = write(
        tmp_path / "probes.bin",
        [
            (0, SENT, at(0.001)),
            (0, RECEIVED, at(0.021)),
            (1, SENT, at(0.051)),
            (3 | FINE, SENT, at(0.061)),
            (3 | FINE, RECEIVED, at(0.081)),
            (2, DROPPED, at(1.9)),
            (0, END, at(1.0)),
        ],
    )
    samples = read(out, PLAN)
    assert (len(samples.due_s), samples.fine.sum(), samples.complete, samples.dropped) == (70, 50, True, 2)
    assert samples.pairs == (("a", "b"), ("b", "a"), ("a", "b"))
    assert samples.pair[:4].tolist() == [0, 1, 0, 1]
    assert samples.seq[:4].tolist() == [0, 0, 1, 1]
    assert samples.due_s[:4] == pytest.approx([0, 0.05, 0.1, 0.15])
    assert samples.sent_s[:3] == pytest.approx([0.001, 0.051, np.nan], nan_ok=True)
    assert samples.recv_s[:3] == pytest.approx([0.021, np.nan, np.nan], nan_ok=True)
    fine = 20 + 3
    assert (samples.pair[fine], samples.seq[fine]) == (2, 3)
    assert (samples.due_s[fine], samples.recv_s[fine]) == (pytest.approx(0.06), pytest.approx(0.081))


def test_of_a_packet_that_came_twice_the_first_counts(tmp_path: Path) -> None:
    out = write(tmp_path / "p", [(0, RECEIVED, at(0.02)), (0, RECEIVED, at(0.03)), (0, END, at(1.0))])
    assert read(out).recv_s[0] == pytest.approx(0.02)


def test_a_run_that_was_stopped_early_has_no_rows_after_its_end(tmp_path: Path) -> None:
    samples = read(write(tmp_path / "p", [(0, END, at(0.5))]))
    assert samples.due_s.max() < 0.5
    assert len(samples.due_s) == 10 + 25


def test_a_prober_that_died_leaves_out_what_was_in_flight(tmp_path: Path) -> None:
    plan = ProbePlan(PLAN.pairs, 0.1, duration_s=3.0)
    records = [(slot, SENT, at(slot * 0.05)) for slot in range(40)]
    samples = read(write(tmp_path / "p", records, plan))
    assert not samples.complete
    assert samples.due_s.max() == pytest.approx(0.9)


RECORDS = [(0, SENT, at(0.001)), (0, RECEIVED, at(1.5)), (0, END, at(1.0))]


@pytest.mark.parametrize("missing", range(49))
def test_a_file_cut_off_among_its_records_is_read(tmp_path: Path, missing: int) -> None:
    whole = write(tmp_path / "whole", RECORDS).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) - missing])
    samples = read(cut)
    assert samples.complete == (missing == 0)
    assert len(samples.due_s) == (70 if missing == 0 else 35 if missing <= 16 else 0)


@pytest.mark.parametrize("missing", [49, 100, 200])
def test_a_file_cut_off_in_its_header_is_refused(tmp_path: Path, missing: int) -> None:
    whole = write(tmp_path / "whole", RECORDS).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) - missing])
    with pytest.raises(LabError, match="cut off in its first line"):
        read(cut)


@pytest.mark.parametrize("content", [b"", b"\n", b"PAR1\x00\xff\n", b'{"format": "other"}\n', b"[]\n"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(LabError, match="not a record of probes"):
        read(path)


def test_records_of_another_plan_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="another plan"):
        read(write(tmp_path / "p", []), ProbePlan(PLAN.pairs, 0.2))


def test_more_records_than_the_buffer_holds(tmp_path: Path) -> None:
    plan = ProbePlan(PLAN.pairs, 0.001, duration_s=5.0)
    records = [(slot, SENT, at(slot * 0.0005)) for slot in range(10_000)]
    samples = read(write(tmp_path / "p", [*records, (0, END, at(5.0))], plan))
    assert len(samples.sent_s) == 10_000
    assert not np.isnan(samples.sent_s).any()
