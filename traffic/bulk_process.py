"""The helper behind ``traffic.bulk``, ``python -m traffic.bulk_process``: forks, watches and ends iperf3.

A flow that does not get through its handshake in ``HANDSHAKE_S``, or whose client or server ends
early, starts afresh while the run lasts; all are killed when told to stop, blackholed or not. Told
and telling as ``traffic.companion`` says; what arrives is appended to a file as lines of JSON.
"""

from __future__ import annotations

import gc
import json
import math
import os
import select
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from topology.errors import MachineError
from traffic.bulk import INTERVAL_S, parse_line
from traffic.iperf import Child, check, fork, send, serve

HANDSHAKE_S = 5.0
RETRY_S = 0.5


@dataclass
class Flow:
    """One flow: its two children while they live, and when the younger was started (monotonic seconds)."""

    number: int
    order: dict[str, Any]
    server: Child | None = None
    client: Child | None = None
    began_s: float = -math.inf
    listening: bool = False
    flowing: bool = False
    heard_s: float = -math.inf

    def children(self) -> list[Child]:
        return [child for child in (self.server, self.client) if child is not None]

    def start_server(self) -> None:
        self.began_s, self.flowing = time.monotonic(), False
        self.server = fork(lambda: serve(self.order))

    def start_client(self, until_s: float) -> None:
        self.began_s = time.monotonic()
        seconds = until_s - self.began_s
        self.client = fork(lambda: send(self.order, seconds))

    def end(self) -> None:
        """Both sides: one without the other is of no use."""
        for child in self.children():
            child.end()
        self.server = self.client = None


@dataclass
class Supervisor:
    """Keeps every flow going until told to stop."""

    flows: list[Flow]
    out: TextIO
    until_s: float = math.inf

    def listen(self) -> bool:
        """Wait until every server listens; False after ``HANDSHAKE_S``."""
        deadline = time.monotonic() + HANDSHAKE_S
        while time.monotonic() < deadline and not all(flow.listening for flow in self.flows):
            self.turn(RETRY_S)
        return all(flow.listening for flow in self.flows)

    def run(self) -> None:
        """Until stdin ends, and on until the last interval of every flow that flows is in."""
        for flow in self.flows:
            flow.start_client(self.until_s)
        while not self.turn(RETRY_S, 0):
            for flow in self.flows:
                self.tend(flow, time.monotonic())
        self.until_s = min(self.until_s, time.monotonic())
        deadline = time.monotonic() + 2 * INTERVAL_S
        while time.monotonic() < deadline and any(flow.flowing and flow.heard_s < self.until_s for flow in self.flows):
            self.turn(INTERVAL_S / 10)

    def turn(self, timeout_s: float, *others: int) -> bool:
        """Hear what the children say next; True when one of the other descriptors is readable."""
        owners = {child.pipe: (flow, child) for flow in self.flows for child in flow.children()}
        readable = select.select([*others, *owners], [], [], timeout_s)[0]
        for flow, child in (owners[descriptor] for descriptor in readable if descriptor in owners):
            if child is flow.server or child is flow.client:  # not ended with its partner a moment ago
                self.hear(flow, child)
        return any(descriptor in readable for descriptor in others)

    def hear(self, flow: Flow, child: Child) -> None:
        """Keep what a child says; end the flow when it has died (``tend`` starts it again)."""
        lines = child.read()
        for line in lines or ():
            if (parsed := parse_line(line)) is not None:
                flow.flowing, flow.heard_s = True, time.monotonic()
                self.note(flow, span_s=parsed[0], datagrams=parsed[1])
            elif "Server listening" in line:
                flow.listening = True
            elif "error" in line or child is flow.client:
                self.note(flow, error=line.strip())
        if lines is None:
            flow.end()

    def tend(self, flow: Flow, now_s: float) -> None:
        """Start what is not running, one side per ``RETRY_S``; end what did not get through its handshake."""
        age_s = now_s - flow.began_s
        if flow.client is not None and not flow.flowing and age_s > HANDSHAKE_S:
            self.note(flow, error="no handshake")
            flow.end()
        elif flow.server is None and age_s > RETRY_S:
            flow.start_server()
        elif flow.client is None and age_s > RETRY_S and now_s < self.until_s - 1:
            flow.start_client(self.until_s)

    def note(self, flow: Flow, **fields: Any) -> None:
        self.out.write(json.dumps({"flow": flow.number, "t_ns": time.time_ns(), **fields}) + "\n")
        self.out.flush()


def main() -> int:
    """Read the order, start the servers, say so, wait for the run's zero, run until told to stop."""
    order = json.loads(sys.stdin.buffer.readline())
    os.environ["TMPDIR"] = str(Path(order["out"]).parent)  # libiperf makes, and unlinks, a file per stream
    try:
        check()
    except OSError as error:
        sys.stderr.write(f"{error}. Get it with: apt-get install libiperf0\n")
        return MachineError.exit_status
    flows = [Flow(number, flow) for number, flow in enumerate(order["flows"])]
    gc.freeze()
    try:
        for flow in flows:
            flow.start_server()
        with Path(order["out"]).open("w", encoding="utf-8") as out:
            return supervise(Supervisor(flows, out), order["duration_s"])
    finally:
        for flow in flows:
            flow.end()


def supervise(supervisor: Supervisor, duration_s: float) -> int:
    """From listening servers to the end of the run; returns the exit status."""
    if not supervisor.listen():
        sys.stderr.write(f"no iperf3 server within {HANDSHAKE_S:g} s\n")
        return 1
    os.write(1, b"ready\n")
    if zero := sys.stdin.buffer.readline():
        supervisor.until_s = (int(zero) - time.time_ns()) / 1e9 + time.monotonic() + duration_s
        supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
