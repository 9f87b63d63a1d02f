"""What a bench gives: figures with their bound, met or missed by the median."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. Without a bound (``most``) or (``least``) it only stands beside another."""

    what: str
    unit: str
    values: Sequence[float]
    """One per repetition."""
    most: float | None = None
    least: float | None = None
    note: str = ""
    """How it was measured, or why it is not what it seems."""

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def met(self) -> bool | None:
        """None without a bound."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.median <= self.most) and (self.least is None or self.median >= self.least)

    @property
    def measured(self) -> str:
        """``1.23 (1.1–1.4, n = 3)``"""
        if len(self.values) == 1:
            return number(self.values[0])
        return f"{number(self.median)} ({number(min(self.values))}–{number(max(self.values))}, n = {len(self.values)})"

    @property
    def bound(self) -> str:
        limits = (("≥", self.least), ("≤", self.most))
        return " and ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None)

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return {
            "what": self.what,
            "unit": self.unit,
            "values": list(self.values),
            "median": self.median,
            "most": self.most,
            "least": self.least,
            "met": self.met,
            "note": self.note,
        }


def number(value: float) -> str:
    """Three digits are more than a shared machine can repeat; zero and whole counts stay as they are.

    >>> number(0.01234), number(12.34), number(1234.5), number(0.0)
    ('0.0123', '12.3', '1234', '0')
    """
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
