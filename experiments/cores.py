"""How many policies can run side by side without spoiling each other: asked of the machine, not guessed."""

from __future__ import annotations

import os
import time
from pathlib import Path

from topology.errors import MachineError

CORES_PER_RUN = 1.4
"""What a policy's run of edge12 takes on the machine where it was measured (1.3), and some air."""
WINDOW_S = 0.5


def check_jobs(jobs: int) -> None:
    """Raises MachineError when ``jobs`` runs at once do not fit beside what this machine does already."""
    if jobs <= 1:
        return
    idle = idle_cores()
    fit = fitting(idle)
    if jobs > fit:
        raise MachineError(
            f"{jobs} runs at once need {jobs * CORES_PER_RUN:.1f} idle cores; this machine has {os.cpu_count()}, "
            f"of which {idle:.1f} are idle now",
            f"use --jobs {max(1, fit)}",
        )


def fitting(idle: float) -> int:
    """Runs that fit into so many idle cores.

    >>> fitting(2.0), fitting(2.9)
    (1, 2)
    """
    return int(idle / CORES_PER_RUN)


def idle_cores(window_s: float = WINDOW_S) -> float:
    """Idle cores, averaged over a short window (proc(5), /proc/stat)."""
    idle_before, total_before = _ticks()
    time.sleep(window_s)  # the window of the measurement, not a wait for something to happen
    idle, total = _ticks()
    return (os.cpu_count() or 1) * (idle - idle_before) / max(total - total_before, 1)


def _ticks() -> tuple[int, int]:
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)
