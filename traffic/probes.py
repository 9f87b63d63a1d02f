"""Continuous probing of pairs of PoPs, as the experiment sees it.

Division of labour: ``traffic.schedule`` says when each probe is due (pure), ``traffic.prober`` is
the process that sends and receives, ``traffic.records`` its file, ``traffic.samples`` the reader.
This module starts the process, listens to it and ends it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from topology.addressing import host_ip
from topology.errors import LabError
from topology.model import Topology
from traffic.companion import Companion
from traffic.schedule import ProbePlan, frame_bits, probe_load_bps, probe_shares

__all__ = ["ProbePlan", "Prober", "frame_bits", "probe_load_bps", "probe_shares"]


class Prober:
    """One probing process over all hosts of a plan.

    ``host_pids``: a process in the network namespace of each PoP's host. ``out``: the record file.
    """

    def __init__(self, topology: Topology, plan: ProbePlan, host_pids: Mapping[str, int], out: Path) -> None:
        self._plan = plan
        pops = sorted({pop for pair in plan.pairs + plan.fine_pairs for pop in pair})
        self._order: dict[str, Any] = {
            "plan": asdict(plan),
            "out": str(out.absolute()),
            "pids": {pop: host_pids[pop] for pop in pops},
            "addresses": {pop: host_ip(topology.pop(pop).index) for pop in pops},
        }
        self._companion: Companion | None = None
        self._down = 0
        self._heard = 0

    @property
    def pid(self) -> int:
        """So that the sandbox can raise its priority; raises LabError before ``open``."""
        return self._running().pid

    def open(self) -> None:
        """Start the process and wait until its sockets are open; raises LabError if it cannot."""
        if self._companion is None:
            self._companion = Companion("traffic.prober", self._order)
            self._companion.wait_ready()

    def start(self, zero_ns: int) -> None:
        """Probe from the run's zero on (CLOCK_REALTIME): 20 ms ahead is enough that no slot is missed."""
        self.open()
        self._running().write(str(zero_ns))

    def pairs_down(self) -> int:
        """Pairs with nothing delivered for 5 intervals (250 ms at least); told 4 times per second.

        For the live view: the truth is in the records. Raises LabError if the process died.
        """
        self._listen()
        return self._down

    def pairs_heard(self) -> int:
        """Pairs of which at least one probe has been delivered; told within 10 ms."""
        self._listen()
        return self._heard

    def wait_until_heard(self, timeout_s: float) -> int:
        """Wait until every pair has been heard once; returns how many have not."""
        deadline = time.monotonic() + timeout_s
        while self._heard < len(self._plan.pairs) and (rest := deadline - time.monotonic()) > 0:
            self._listen(rest)
        return len(self._plan.pairs) - self._heard

    def stop(self) -> None:
        """Stop sending, wait a second for what is in flight, end the process. May be called twice."""
        companion, self._companion = self._companion, None
        if companion is not None:
            companion.stop()

    def kill(self) -> None:
        """End it at once, without waiting for what is in flight: the records are of no interest (a warm-up)."""
        companion, self._companion = self._companion, None
        if companion is not None:
            companion.kill()

    def _running(self) -> Companion:
        if self._companion is None:
            raise LabError("the prober is not running")
        return self._companion

    def _listen(self, timeout_s: float = 0.0) -> None:
        """Take in what the process tells; the newest line counts."""
        while line := self._running().line(timeout_s):
            self._down, self._heard = map(int, line.split())
            timeout_s = 0.0
