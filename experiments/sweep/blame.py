"""Whose fault a point's mistake is: the axis that sets the parameter. One mistake of many points is told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from experiments.asking.reading import Loc, spell
from experiments.sweep.points import Axis, Point
from experiments.sweep.reading import Sweep
from experiments.sweep.values import Value
from topology.errors import InputError, Problem

SHOWN = 20
"""Mistakes told; the others are counted."""


@dataclass
class Mistake:
    """``first``: the value, or the point, that made it first; ``points``: how many make it."""

    first: str
    points: int = 0


class Mistakes:
    """Those of all points of a sweep."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._found: dict[tuple[Loc, str], Mistake] = {}

    def add(self, loc: Loc, message: str) -> None:
        """A mistake of no point in particular."""
        self._found[loc, message] = Mistake("")

    def added(self, point: Point, wrong: Iterable[tuple[str, str]]) -> bool:
        """Take in (parameter, what is wrong with it) of a point; whether there was any."""
        any_found = False
        for parameter, message in wrong:
            loc, words, first = self._blamed(point, parameter, message)
            self._found.setdefault((loc, words), Mistake(first)).points += 1
            any_found = True
        return any_found

    def axis(self, name: str) -> Loc | None:
        """Where an axis stands in the file."""
        return next((loc for axis, loc in self._axes() if axis.name == name), None)

    def raise_if_any(self) -> None:
        """Raises InputError, in the order of the file."""
        if self._found:
            raise InputError(self._told())

    def _blamed(self, point: Point, parameter: str, message: str) -> tuple[Loc, str, str]:
        """Where it stands, what is wrong there, and of which value; of all axes together if none sets it."""
        for axis, loc in self._axes():
            if any(parameter.startswith(spell(one)) for one in axis.sets):
                value = point.values[axis.name]
                place = self._listed(loc, value)
                return place, message, "" if place != loc else str(value)
        return ("axes",), f"{parameter}: {message}" if parameter else message, point.words()

    def _axes(self) -> Iterator[tuple[Axis, Loc]]:
        for axis in self._sweep.axes.grid:
            yield axis, ("axes", axis.name)
        for axis in self._sweep.axes.drawn:
            yield axis, ("random", "axes", axis.name)

    def _listed(self, loc: Loc, value: Value) -> Loc:
        """The value itself, where it stands in a list."""
        found: Any = self._sweep.origin.data
        for part in loc:
            found = found[part]
        return (*loc, found.index(value)) if isinstance(found, list) and value in found else loc

    def _told(self) -> Iterator[Problem]:
        origin = self._sweep.origin
        in_order = sorted(self._found.items(), key=lambda entry: origin.position(entry[0][0]))
        for (loc, message), mistake in in_order[:SHOWN]:
            more = f" and {mistake.points - 1} more" if mistake.points > 1 else ""
            where = f" (at {mistake.first}{more})" if mistake.first else ""
            yield origin.problem(loc, message + where)
        if len(in_order) > SHOWN:
            yield Problem("", f"… and {len(in_order) - SHOWN} more")
