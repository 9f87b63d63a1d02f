"""Somebody else's work on the machine of a run: processes that compute and do nothing.

They live in the run's sandbox, so they end with it, but the load meter counts them as foreign.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from experiments.labs.load import parse_process

BUSY = [sys.executable, "-S", "-c", "while True: pass"]


class BusyProcesses:
    """Implements ``faults.kind.Crowd``. ``lift`` gives a process its priority."""

    def __init__(self, lift: Callable[[int], object]) -> None:
        self._lift = lift
        self._running: list[subprocess.Popen[bytes]] = []
        self._ended_s = 0.0

    def start(self, per_core: int) -> None:
        self.end()
        for _ in range(per_core * (os.cpu_count() or 1)):
            # a session of its own: else a nice value counts only among the run's own processes
            self._running.append(subprocess.Popen(BUSY, stdin=subprocess.DEVNULL, start_new_session=True))
            self._lift(self._running[-1].pid)

    def end(self) -> None:
        used_s = self.cpu_s()
        for process in self._running:
            process.kill()
        for process in self._running:
            process.wait()
        self._running, self._ended_s = [], used_s

    def count(self) -> int:
        return sum(process.poll() is None for process in self._running)

    def cpu_s(self) -> float:
        return self._ended_s + sum(_used_s(process.pid) for process in tuple(self._running))


def _used_s(pid: int) -> float:
    """0 for a process that is gone."""
    with suppress(OSError):
        return parse_process(Path(f"/proc/{pid}/stat").read_text())
    return 0.0
