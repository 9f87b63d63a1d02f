"""Virtual time: a heap of (time, sequence, action). Same calls, same order, always."""

from __future__ import annotations

import heapq
from collections.abc import Callable

Action = Callable[[], None]


class Clock:
    """``now`` in seconds; it moves in ``run_until`` only."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Action]] = []
        self._sequence = 0

    def at(self, when_s: float, action: Action) -> None:
        """Do it then; what lies in the past happens next. Actions of one instant keep their order."""
        self._sequence += 1
        heapq.heappush(self._heap, (max(when_s, self.now), self._sequence, action))

    def after(self, delay_s: float, action: Action) -> None:
        self.at(self.now + delay_s, action)

    def run_until(self, when_s: float) -> None:
        """All that is due until then, that instant included."""
        while self._heap and self._heap[0][0] <= when_s:
            self.now, _, action = heapq.heappop(self._heap)
            action()
        self.now = max(self.now, when_s)
