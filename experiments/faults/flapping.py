"""Something that goes and comes, again and again: the beats of every kind that flaps. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import Beat, Settings
from topology.units import parse_share, parse_time_s

SHORTEST_S = 0.5
"""Of a period: the runner carries beats out one after the other, each in some milliseconds."""

HAIR_S = 1e-6
"""Sums of floats miss by so little."""


def _period(text: object) -> float:
    """Raises ValueError below ``SHORTEST_S``."""
    period_s = parse_time_s(text)
    if period_s < SHORTEST_S:
        raise ValueError(f"'{text}' is too short: {SHORTEST_S:g} s at least")
    return period_s


SETTINGS: Settings = {"every": _period, "duty": parse_share, "lasting": parse_time_s, "jitter": parse_share}


@dataclass(frozen=True, slots=True)
class Flapping:
    """Down for ``duty`` of every period, up for the rest; ends up. Times in seconds, shares 0…1."""

    restores: ClassVar[bool] = False
    targets: tuple[str, ...]
    every: float = 2.0
    duty: float = 0.5
    lasting: float = 20.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for what never goes down, never comes up, or ends before its first period."""
        if not 0 < self.duty < 1:
            raise ValueError("duty must be more than 0 % and less than 100 %: else it does not flap")
        if self.jitter >= 1:
            raise ValueError("jitter must be less than 100 %: else a period could have no length")
        if self.lasting < self.every:
            raise ValueError(f"lasting {self.lasting:g} s is shorter than one period ({self.every:g} s)")

    def alternate(self, at_s: float, seed: str, *, down: str, up: str) -> Iterator[Beat]:
        """``down``, ``up``, ``down``, … as long as whole periods fit; the first and the last are proven."""
        periods = self._periods(at_s, random.Random(f"{seed} flap {at_s}"))
        for number, (from_s, length_s) in enumerate(periods, start=1):
            yield Beat(from_s, down, proven=number == 1)
            yield Beat(from_s + length_s * self.duty, up, proven=number == len(periods), ends=True)

    def _periods(self, at_s: float, chance: random.Random) -> list[tuple[float, float]]:
        """(beginning, length) of the periods that fit; at least one."""
        end_s, found = at_s + self.lasting, list[tuple[float, float]]()
        while True:
            length_s = self.every * (1 + self.jitter * (2 * chance.random() - 1))
            if found and at_s + length_s > end_s + HAIR_S:
                return found
            found.append((at_s, length_s))
            at_s += length_s
