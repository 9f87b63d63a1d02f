"""What was in force when: a value and its changes over time."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Generic, TypeVar

T = TypeVar("T")


class Past:
    """Counts all changes of a lab, so that others see whether anything happened since they looked."""

    def __init__(self) -> None:
        self.changes = 0


class Track(Generic[T]):
    """A piecewise constant function of time; a value holds from its time on, that instant included."""

    __slots__ = ("_past", "times", "values")

    def __init__(self, past: Past, first: T) -> None:
        self._past = past
        self.times, self.values = [-math.inf], [first]

    @property
    def last(self) -> T:
        return self.values[-1]

    def set(self, now_s: float, value: T) -> None:
        """From now on; of several values of one instant the last holds."""
        self._past.changes += 1
        if self.times[-1] == now_s:
            self.values[-1] = value
            return
        self.times.append(now_s)
        self.values.append(value)

    def at(self, t_s: float) -> tuple[T, float]:
        """The value, and when it changes next (inf: not that we know)."""
        place = bisect_right(self.times, t_s)
        return self.values[place - 1], (self.times[place] if place < len(self.times) else math.inf)
