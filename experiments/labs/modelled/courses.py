"""What became of a pair's packets over time.

A packet that leaves at t takes the same way as one that leaves a little later, until that one
meets something that has changed: ``Network.fly`` says until when. So the life of a pair is a
handful of segments, each with one flight that all its packets share, however many they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.labs.modelled.flight import Flight, Network
from topology.model import Pair


@dataclass(frozen=True, slots=True)
class Segment:
    """All packets that start in [from_s, until_s) share the flight."""

    from_s: float
    until_s: float
    flight: Flight


class Course:
    """The segments of one pair since ``from_s``, as far as the past is known."""

    def __init__(self, network: Network, pair: Pair, from_s: float) -> None:
        self.pair = pair
        self._network, self._from_s = network, from_s
        self._segments: list[Segment] = []
        self._changes, self._known_s, self._longest_s = -1, from_s, 0.0

    def segments(self, now_s: float) -> list[Segment]:
        """All until ``now_s``; the last one is open. What was under way when the past went on is flown again."""
        if self._changes != self._network.past.changes:
            self._changes = self._network.past.changes
            while self._segments and self._segments[-1].until_s + self._longest_s >= self._known_s:
                self._segments.pop()
        start_s = self._segments[-1].until_s if self._segments else self._from_s
        while start_s <= now_s:
            flight, until_s = self._network.fly(self.pair, start_s)
            self._longest_s = max(self._longest_s, flight.ends_s)
            self._segments.append(Segment(start_s, until_s, flight))
            start_s = until_s
        self._known_s = now_s
        return self._segments

    def forget(self) -> None:
        """Everything is to be flown again."""
        self._changes, self._segments = -1, []
