"""A sweep file → a ``Sweep``, or all of its mistakes at once, each with its place.

What is wrong with the experiment itself is told of its own file; what an axis makes wrong of it is
``plan``'s to find.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.asking import reading
from experiments.asking.grammar import Grammar
from experiments.asking.prepare import prepare
from experiments.asking.reading import CATALOGUE, Found, Loc, Source
from experiments.sweep.points import TOPOLOGY, Axes, Axis, parameters
from experiments.sweep.spec import RandomSpec, SweepSpec
from experiments.sweep.values import Each, parse
from topology.errors import InputError, unknown

WHOLE_RUN = "whole run"
"""Stands where a phase's name would, of what is about all phases."""
GRAMMAR = Grammar(SweepSpec, {"random": RandomSpec})


@dataclass(frozen=True)
class Sweep:
    """Read and believed; its points are not yet."""

    spec: SweepSpec
    origin: Source
    experiment: Source
    axes: Axes
    asked: str
    """As the user called it."""


def shipped() -> dict[str, Path]:
    """Name → file of the sweeps that come along."""
    return reading.shipped_in(CATALOGUE / "sweeps")


def read(name: str) -> Sweep:
    """A shipped sweep or a path. Raises InputError with all mistakes of the file, or of its experiment's."""
    origin = reading.source(name, shipped(), "sweep")
    found = [*origin.duplicates, *GRAMMAR.mistakes(origin)]
    experiment = _experiment(origin, found)
    axes = Axes()
    if experiment is not None:
        axes = _axes(origin, experiment, found)
        found += _phases(origin, experiment)
    if found:
        in_order = sorted(dict.fromkeys(found), key=lambda entry: origin.position(entry[0]))
        raise InputError(origin.problem(loc, message) for loc, message in in_order)
    assert experiment is not None, "a file that names none was refused"
    question = reading.question(origin.file)
    return Sweep(SweepSpec.model_validate({**origin.data, "question": question}), origin, experiment, axes, name)


def _experiment(origin: Source, found: list[Found]) -> Source | None:
    name = origin.data.get("experiment") if isinstance(origin.data, dict) else None
    if not isinstance(name, str):
        return None
    try:
        experiment = reading.source(name)
    except InputError as error:
        found += [(("experiment",), problem.message) for problem in error.problems]
        return None
    prepare(name)
    return experiment


def _axes(origin: Source, experiment: Source, found: list[Found]) -> Axes:
    known = parameters(experiment)
    drawn = origin.data.get("random")
    drawn = drawn if isinstance(drawn, dict) else {}
    grid_axes = list(_each(origin.data.get("axes"), ("axes",), known, found))
    drawn_axes = list(_each(drawn.get("axes"), ("random", "axes"), known, found))
    found += _twice([*grid_axes, *drawn_axes])
    topologies = any(axis.name == TOPOLOGY for _, axis in drawn_axes)
    for loc, axis in grid_axes:
        if topologies and isinstance(axis.spread, Each):
            found.append((loc, f"'{axis.spread.what}' needs the topology, which is drawn: draw this axis as well"))
    if not (origin.data.get("axes") or drawn.get("axes")):
        found.append(((), "a sweep needs 'axes', 'random' or both, such as axes: {seed: {integers: [1, 100]}}"))
    n, seed = drawn.get("n", 1), origin.data.get("seed", 1)
    grid, chance = (tuple(axis for _, axis in axes) for axes in (grid_axes, drawn_axes))
    return Axes(grid, chance, n if isinstance(n, int) else 1, seed if isinstance(seed, int) else 1)


def _each(given: Any, place: Loc, known: Mapping[str, Loc], found: list[Found]) -> Iterator[tuple[Loc, Axis]]:
    for name, raw in given.items() if isinstance(given, dict) else ():
        loc = (*place, name)
        try:
            sets, spread = parse(raw, drawn=place != ("axes",))
            yield loc, Axis(name, tuple(_known(each, known) for each in sets or (name,)), spread)
        except ValueError as error:
            found.append((loc, str(error)))


def _known(name: str, known: Mapping[str, Loc]) -> Loc:
    if name not in known:
        raise ValueError(unknown("axis", name, known))
    return known[name]


def _twice(axes: list[tuple[Loc, Axis]]) -> Iterator[Found]:
    """Axes that set what another one sets."""
    seen: dict[Loc, str] = {}
    for loc, axis in axes:
        for parameter in axis.sets:
            if parameter in seen:
                yield loc, f"{reading.spell(parameter)} is set by the axis '{seen[parameter]}' already"
            seen.setdefault(parameter, axis.name)


def _phases(origin: Source, experiment: Source) -> Iterator[Found]:
    names = [str(item.get("name")) for _, item in experiment.entries("phases")] + [WHOLE_RUN]
    asked = origin.data.get("phases")
    for i, name in enumerate(asked if isinstance(asked, list) else ()):
        if name not in names:
            yield ("phases", i), unknown("phase", str(name), names)
