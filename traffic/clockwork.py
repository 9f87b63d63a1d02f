"""A steady tick: absolute moments of a timerfd, so that a late wake-up does not move the ticks that follow."""

from __future__ import annotations

import select
import time

from topology.replica.timer import Timer


class Ticker:
    """Ticks every ``period_ns`` of CLOCK_MONOTONIC from ``first_ns`` on."""

    def __init__(self, first_ns: int, period_ns: int) -> None:
        """Raises OSError if the kernel refuses."""
        self._timer = Timer()
        self._poll = select.poll()
        self._poll.register(self._timer.descriptor, select.POLLIN)
        self._next_ns, self._period_ns = first_ns, period_ns

    def wait(self) -> None:
        """Until the next tick; at once when it has passed. Ticks that were slept through are left out."""
        self._timer.set(self._next_ns)
        self._poll.poll()
        self._next_ns = max(self._next_ns + self._period_ns, time.monotonic_ns())
