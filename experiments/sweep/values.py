"""What stands on an axis: some values, or a distribution to draw from.

    [1, 2, 5]                        these
    each link, each PoP              all of the topology that the point has
    {integers: [1, 100]}             all of them; one of them where points are drawn
    {uniform: [5 s, 12 s]}           drawn evenly between the two
    {loguniform: [0.1 %, 20 %]}      drawn so that every order of magnitude is as likely

A draw is a function of a number in [0, 1): the dice are the caller's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from topology.errors import unknown
from topology.model import Topology

Value = str | float | int | bool
_QUANTITY = re.compile(r"\s*(-?[0-9.]+(?:[eE][+-]?[0-9]+)?)\s*(\D*?)\s*")
_EACH = ("each link", "each PoP")
DIGITS = 6
"""Of a number that was drawn: what stands in the dataset is exactly what was run."""


class Spread(Protocol):
    """What stands on an axis."""

    def draw(self, chance: float, topology: Topology, /) -> Value:
        """One of them; ``chance`` is evenly spread over [0, 1)."""


class Countable(Spread, Protocol):
    """What can be gone through from end to end."""

    def all(self, topology: Topology, /) -> Sequence[Value]:
        """In order."""


@dataclass(frozen=True, slots=True)
class Listed:
    values: tuple[Value, ...]

    def all(self, _: Topology, /) -> Sequence[Value]:
        return self.values

    def draw(self, chance: float, topology: Topology, /) -> Value:
        return _one_of(self.all(topology), chance)


@dataclass(frozen=True, slots=True)
class Each:
    """All links or PoPs of a topology."""

    what: str

    def all(self, topology: Topology, /) -> Sequence[Value]:
        return [link.name for link in topology.links] if self.what == _EACH[0] else list(topology.names)

    def draw(self, chance: float, topology: Topology, /) -> Value:
        return _one_of(self.all(topology), chance)


@dataclass(frozen=True, slots=True)
class Integers:
    first: int
    last: int

    def all(self, _: Topology, /) -> Sequence[Value]:
        return range(self.first, self.last + 1)

    def draw(self, chance: float, topology: Topology, /) -> Value:
        return _one_of(self.all(topology), chance)


@dataclass(frozen=True, slots=True)
class Continuous:
    """Between two quantities of one unit, evenly or evenly in their logarithms."""

    low: float
    high: float
    unit: str
    logarithmic: bool

    def draw(self, chance: float, _: Topology, /) -> Value:
        if self.logarithmic:
            number = math.exp(math.log(self.low) + chance * math.log(self.high / self.low))
        else:
            number = self.low + chance * (self.high - self.low)
        text = f"{number:.{DIGITS}g}"
        return f"{text} {self.unit}" if self.unit else float(text)


def spread(kind: str, given: object) -> Spread:
    """Raises ValueError with what is wrong."""
    if kind in ("values", "choice"):
        return _values(given)
    if not (isinstance(given, list) and len(given) == 2):
        raise ValueError(f"{kind} stands between two bounds, such as [1, 100]")
    if kind == "integers":
        if not all(isinstance(bound, int) and not isinstance(bound, bool) for bound in given) or given[0] > given[1]:
            raise ValueError("integers go from one whole number up to another, such as [1, 100]")
        return Integers(given[0], given[1])
    return _continuous(kind, given)


def number(value: Value) -> float | None:
    """A value as a plain number, times in seconds and shares from 0 to 1; None for a name.

    >>> number("50 ms"), number("5 %"), number(3), number("lhr-iad")
    (0.05, 0.05, 3.0, None)
    """
    from topology.units import parse_share, parse_time_s

    if isinstance(value, (bool, int, float)):
        return float(value)
    for parse in (parse_time_s, parse_share):
        try:
            return parse(value)
        except ValueError:
            continue
    return None


def _values(given: object) -> Spread:
    if isinstance(given, str):
        if given not in _EACH:
            raise ValueError(unknown("set of values", given, _EACH) + "; or write a list, such as [1, 2, 5]")
        return Each(given)
    if not isinstance(given, list) or not given:
        raise ValueError("should be a list of values, such as [1, 2, 5]")
    if wrong := [value for value in given if not isinstance(value, (str, float, int))]:
        raise ValueError(f"'{str(wrong[0])[:40]}' is not a single value")
    if again := [value for place, value in enumerate(given) if value in given[:place]]:
        raise ValueError(f"'{again[0]}' stands here twice")
    return Listed(tuple(given))


def _continuous(kind: str, given: Sequence[object]) -> Continuous:
    (low, unit), (high, other) = (_quantity(bound) for bound in given)
    if unit != other:
        raise ValueError(f"{kind} needs both bounds in one unit; found '{unit}' and '{other}'")
    if not low < high:
        raise ValueError(f"{kind} needs a lower bound that is below the upper one")
    if kind == "loguniform" and low <= 0:
        raise ValueError("loguniform needs bounds above 0")
    return Continuous(low, high, unit, kind == "loguniform")


def _quantity(bound: object) -> tuple[float, str]:
    match = _QUANTITY.fullmatch(str(bound)) if not isinstance(bound, bool) else None
    try:
        return (float(match[1]), match[2]) if match else (float("nan"), "")
    except ValueError:
        raise ValueError(f"'{bound}' is not a quantity") from None


def _one_of(values: Sequence[Value], chance: float) -> Value:
    return values[min(int(chance * len(values)), len(values) - 1)]


KINDS: Mapping[bool, tuple[str, ...]] = {
    False: ("values", "integers"),
    True: ("choice", "integers", "uniform", "loguniform"),
}
"""Whether points are drawn → the kinds of values that an axis may have then."""


def parse(raw: Any, *, drawn: bool) -> tuple[tuple[str, ...] | None, Spread]:
    """(the parameters that the axis says it sets, what stands on it). Raises ValueError with what is wrong."""
    kinds = KINDS[drawn]
    if not isinstance(raw, dict):
        return None, spread(kinds[0], raw)
    if wrong := [key for key in raw if key not in (*kinds, "sets")]:
        raise ValueError(unknown("kind of values", str(wrong[0]), (*kinds, "sets")))
    given = [key for key in raw if key != "sets"]
    if len(given) != 1:
        raise ValueError(f"an axis has one of {', '.join(kinds)}")
    sets = raw.get("sets")
    if sets is not None and not (isinstance(sets, list) and sets and all(isinstance(each, str) for each in sets)):
        raise ValueError("sets is a list of parameters that get the same value, such as [timeline[1].target]")
    return tuple(sets) if sets else None, spread(given[0], raw[given[0]])
