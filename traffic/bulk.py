"""The largest flows of the demand matrix as real UDP flows, by iperf3 through its Python bindings.

What counts is what the receiver got, and it must survive a path that goes dark. iperf3 hands its
report over on a TCP connection at the end of a test: a flow that is dark then loses everything, and
many short tests instead of one would spend their time on handshakes (about 8 round trips each, two
seconds between continents). So one test runs as long as the timeline, and each *server* prints a
line per ``INTERVAL_S`` while it runs, which is stamped and kept at once: exact counts of datagrams,
zeros while the flow is dark, and nothing to lose at the end. The client's report is not needed.

Division of labour: here are the flow, the reading of those lines (pure) and the experiment's side;
``traffic.bulk_process`` is the helper that forks one client and one server per flow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from topology.addressing import host_ip
from topology.model import Pair, Topology
from traffic.companion import Companion

INTERVAL_S = 0.5
FIRST_PORT = 27100
MAX_BLOCK_BYTES, MIN_BLOCK_BYTES = 1200, 64
BLOCKS_PER_S = 20
"""Slow flows use smaller blocks, so that an interval holds some."""
_LINE = re.compile(r"\[ *\d+\] +([\d.]+)-([\d.]+) +sec .* (-?\d+)/(-?\d+) \([^)]*\) *")


@dataclass(frozen=True, slots=True)
class BulkFlow:
    """One flow of the demand matrix, sent as UDP at ``rate_bps`` (payload bits)."""

    src: str
    dst: str
    rate_bps: float

    @property
    def pair(self) -> Pair:
        return (self.src, self.dst)

    @property
    def block_bytes(self) -> int:
        """Payload of one datagram."""
        return round(min(MAX_BLOCK_BYTES, max(MIN_BLOCK_BYTES, self.rate_bps / 8 / BLOCKS_PER_S)))


@dataclass(frozen=True, slots=True)
class BulkInterval:
    """What arrived between two moments of the run's clock."""

    from_s: float
    to_s: float
    delivered_bits: float


@dataclass(frozen=True, slots=True)
class BulkResult:
    """One flow over the whole run. ``error`` is empty, or the last thing that went wrong."""

    flow: BulkFlow
    until_s: float
    intervals: tuple[BulkInterval, ...]
    error: str = ""

    @property
    def offered_bps(self) -> float:
        return self.flow.rate_bps

    @property
    def since_s(self) -> float:
        """From when on the flow counts: after iperf3's handshake and the interval in which its first datagrams came."""
        return self.intervals[0].to_s if self.intervals else 0.0

    @property
    def delivered_bps(self) -> float:
        """Mean over the run from ``since_s`` on."""
        return self.delivered_between(self.since_s, self.until_s)

    def delivered_between(self, from_s: float, to_s: float) -> float:
        """Mean rate at the receiver (bit/s) in a window; an interval counts by the part that lies inside.

        Time without any interval counts as nothing delivered.
        """
        bits = sum(each.delivered_bits * _overlap(each, from_s, to_s) for each in self.intervals)
        return bits / (to_s - from_s) if to_s > from_s else 0.0


def parse_line(line: str) -> tuple[float, int] | None:
    """A line of an iperf3 UDP server: (seconds it covers, datagrams that arrived); None for any other line.

    >>> parse_line("[  5]   2.00-2.50   sec  23.4 KBytes   384 Kbits/sec  0.004 ms  1/20 (5%)  ")
    (0.5, 19)
    """
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    begin, end, lost, total = float(match[1]), float(match[2]), int(match[3]), int(match[4])
    return round(end - begin, 3), max(0, total - lost)


class Bulk:
    """All flows of a run: one helper process, which forks a client and a server per flow."""

    def __init__(
        self, topology: Topology, flows: Sequence[BulkFlow], host_pids: Mapping[str, int], duration_s: float, out: Path
    ) -> None:
        """``host_pids``: a process in the network namespace of each PoP's host. ``out``: where the lines go."""
        self._flows, self._duration_s, self._out = tuple(flows), duration_s, out
        self._zero_ns = 0
        self._order = {
            "out": str(out.absolute()),
            "duration_s": duration_s,
            "flows": [_order(topology, flow, host_pids, FIRST_PORT + i) for i, flow in enumerate(flows)],
        }
        self._companion: Companion | None = None

    def open(self) -> None:
        """Start the helper; it has the servers listening. Raises MachineError without libiperf, LabError otherwise."""
        if self._companion is None and self._flows:
            self._companion = Companion("traffic.bulk_process", self._order)
            self._companion.wait_ready()

    def start(self, zero_ns: int) -> None:
        """Start all clients now; they last until ``duration_s`` after the run's zero (CLOCK_REALTIME).

        Half a second before zero is a good moment: their handshakes take some round trips.
        """
        self.open()
        self._zero_ns = zero_ns
        if self._companion is not None:
            self._companion.write(str(zero_ns))

    def stop(self) -> tuple[BulkResult, ...]:
        """End all flows, whatever state they are in, and read what arrived. May be called twice."""
        companion, self._companion = self._companion, None
        if companion is not None:
            companion.stop()
        return read(self._out, self._flows, self._zero_ns, self._duration_s)


def read(out: Path, flows: Sequence[BulkFlow], zero_ns: int, duration_s: float) -> tuple[BulkResult, ...]:
    """The results in a helper's file; a last line that was cut off is left out. No file: nothing delivered."""
    text = out.read_text() if out.exists() else ""
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return tuple(
        _result(flow, [line for line in lines if line["flow"] == number], zero_ns, duration_s)
        for number, flow in enumerate(flows)
    )


def _result(flow: BulkFlow, lines: list[dict[str, Any]], zero_ns: int, duration_s: float) -> BulkResult:
    intervals = []
    for line in lines:
        if "datagrams" in line:
            to_s = (line["t_ns"] - zero_ns) / 1e9
            intervals.append(BulkInterval(to_s - line["span_s"], to_s, line["datagrams"] * flow.block_bytes * 8.0))
    errors = [str(line["error"]) for line in lines if "error" in line]
    if not intervals and not errors:
        errors = ["never started"]
    return BulkResult(flow, duration_s, tuple(intervals), errors[-1] if errors else "")


def _order(topology: Topology, flow: BulkFlow, host_pids: Mapping[str, int], port: int) -> dict[str, Any]:
    return {
        "client_pid": host_pids[flow.src],
        "server_pid": host_pids[flow.dst],
        "address": host_ip(topology.pop(flow.dst).index),
        "port": port,
        "rate_bps": round(flow.rate_bps),
        "block_bytes": flow.block_bytes,
    }


def _overlap(interval: BulkInterval, from_s: float, to_s: float) -> float:
    """The share of an interval that lies inside the window."""
    span = interval.to_s - interval.from_s
    inside = min(interval.to_s, to_s) - max(interval.from_s, from_s)
    return max(0.0, inside) / span if span > 0 else 0.0
