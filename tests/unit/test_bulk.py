"""What an iperf3 server's lines say, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from traffic.bulk import BulkFlow, BulkInterval, BulkResult, parse_line, read

FLOW = BulkFlow("a", "b", 1e6)
ZERO_NS = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[ 12]   0.00-0.50   sec  62.1 KBytes  1.02 Mbits/sec  0.005 ms  0/53 (0%)  ", (0.5, 53)),
        ("[  5]   4.00-4.50   sec  36.3 KBytes   595 Kbits/sec  0.009 ms  209/240 (87%)  ", (0.5, 31)),
        ("[  5]   3.00-3.50   sec  0.00 Bytes  0.00 bits/sec  0.004 ms  0/0 (-nan%)  ", (0.5, 0)),
        ("[  5]   3.00-3.50   sec  4.00 KBytes  64.0 Kbits/sec  0.004 ms  -3/50 (-6%)  ", (0.5, 53)),
        ("[ 12]   0.00-5.00   sec   609 KBytes   998 Kbits/sec  0.002 ms  0/520 (0%)  receiver", None),
        ("[ ID] Interval           Transfer     Bitrate         Jitter    Lost/Total Datagrams", None),
        ("Server listening on 5301 (test #1)", None),
        ("", None),
    ],
)
def test_only_interval_lines_count(line: str, expected: tuple[float, int] | None) -> None:
    assert parse_line(line) == expected


def test_slow_flows_have_small_blocks() -> None:
    assert [BulkFlow("a", "b", rate).block_bytes for rate in (1e3, 1e5, 1e6)] == [64, 625, 1200]


def test_a_window_takes_the_part_of_an_interval_that_lies_in_it() -> None:
    result = BulkResult(FLOW, 2.0, (BulkInterval(0.5, 1.0, 500.0), BulkInterval(1.0, 1.5, 100.0)))
    assert result.delivered_between(0.5, 1.0) == pytest.approx(1000)
    assert result.delivered_between(0.75, 1.25) == pytest.approx((250 + 50) / 0.5)
    assert result.delivered_between(1.5, 2.0) == 0
    assert result.delivered_between(1.0, 1.0) == 0


def test_the_mean_begins_when_the_flow_stands_and_ends_with_the_run() -> None:
    result = BulkResult(FLOW, 2.0, (BulkInterval(0.0, 0.5, 1.0), BulkInterval(0.5, 1.0, 750.0)))
    assert (result.since_s, result.delivered_bps, result.offered_bps) == (0.5, pytest.approx(500), 1e6)


def test_lines_of_a_file_become_results(tmp_path: Path) -> None:
    out = tmp_path / "bulk.jsonl"
    lines = [
        {"flow": 0, "t_ns": ZERO_NS + 600_000_000, "span_s": 0.5, "datagrams": 10},
        {"flow": 1, "t_ns": ZERO_NS + 700_000_000, "error": "client: unable to connect"},
    ]
    out.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"flow": 0, "t_ns"')
    flows = (FLOW, BulkFlow("b", "a", 1e6), BulkFlow("a", "c", 1e6))
    first, second, third = read(out, flows, ZERO_NS, 10.0)
    assert first.intervals == (BulkInterval(pytest.approx(0.1), pytest.approx(0.6), 10 * 9600.0),)
    assert (first.error, second.error, third.error) == ("", "client: unable to connect", "never started")
    assert (second.delivered_bps, second.intervals) == (0, ())


def test_without_a_file_nothing_was_delivered(tmp_path: Path) -> None:
    (result,) = read(tmp_path / "none", (FLOW,), ZERO_NS, 1.0)
    assert (result.delivered_bps, result.error) == (0, "never started")
