"""Waiting for a moment of CLOCK_MONOTONIC, exactly: poll(2) alone knows whole milliseconds."""

from __future__ import annotations

import select

from topology.replica.timer import Timer


class Alarm:
    """Wakes its one owner at the moments that it names."""

    def __init__(self) -> None:
        """Raises OSError if the kernel refuses."""
        self._timer = Timer()
        self._poll = select.poll()
        self._poll.register(self._timer.descriptor, select.POLLIN)

    def wait(self, until_ns: int) -> None:
        """Until then; at once when it has passed."""
        self._timer.set(until_ns)
        self._poll.poll()
