"""When a promised availability is broken: a budget of darkness over a rolling window. Pure.

Availability over a window is one minus the mean share of demand that was dark in it. It falls below
the promise when the dark demand of the last ``window_h`` hours adds up to more than
(1 - promise) · window. Before the first hour nothing was dark.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Promise:
    """``availability`` (0…1) over each ``window_h``; ``spend`` goes through time in order."""

    availability: float
    window_h: float
    now_h: float = 0.0
    spent_h: float = 0.0
    """Dark demand · hours in the window that ends now."""
    _past: deque[tuple[float, float]] = field(default_factory=lambda: deque([(0.0, 0.0)]))
    """(until when, the share of demand that was dark till then), the oldest first; its end has left the window last."""

    @property
    def budget_h(self) -> float:
        return (1.0 - self.availability) * self.window_h

    def spend(self, until_h: float, dark: float) -> float | None:
        """This share of demand is dark until then; the hour at which the promise breaks, if it does."""
        while self.now_h < until_h:
            leaves_h, left = self._leaving()
            slope = dark - left
            next_h = min(until_h, leaves_h)
            step_h = next_h - self.now_h
            if slope > 0 and self.spent_h + slope * step_h > self.budget_h:
                return self.now_h + (self.budget_h - self.spent_h) / slope
            self.spent_h = max(0.0, self.spent_h + slope * step_h)
            self.now_h = next_h
            if self._past[-1][1] == dark:
                self._past.pop()  # one stretch of time, however many steps it takes
            self._past.append((next_h, dark))
        return None

    def _leaving(self) -> tuple[float, float]:
        """(until when, the share dark) of what leaves the window now."""
        while len(self._past) > 1 and self._past[0][0] + self.window_h <= self.now_h:
            self._past.popleft()
        until_h, dark = self._past[0]
        if until_h + self.window_h <= self.now_h:
            return float("inf"), 0.0
        return until_h + self.window_h, dark
