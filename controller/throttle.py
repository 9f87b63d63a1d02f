"""A process that computes for a share of the time only: SIGSTOP and SIGCONT in turn.

What a CPU quota does (cpu.max of cgroup v2), with a longer period; unlike cgroups it needs no
privilege and works in any sandbox. Meanwhile the process table says ``stopped`` and ``running`` in turn.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress


class Throttle:
    """From its making until ``end``, which leaves the process running."""

    def __init__(self, pid: int, share: float, period_s: float) -> None:
        self._pid, self._on_s, self._off_s = pid, share * period_s, (1 - share) * period_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._alternate, name="throttle", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """May be called twice."""
        self._ended.set()
        self._thread.join()

    def _alternate(self) -> None:
        with suppress(ProcessLookupError):
            while not self._ended.is_set():
                os.kill(self._pid, signal.SIGSTOP)
                self._ended.wait(self._off_s)
                os.kill(self._pid, signal.SIGCONT)
                self._ended.wait(self._on_s)
