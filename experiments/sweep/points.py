"""Axes → points. A point is a copy of the experiment with some parameters changed. Pure.

Drawn values are the same for every combination of the other axes (common random numbers): two
designs are compared on the same faults. A draw hangs on the sweep's seed, the axis's name and its
own number alone, so that adding an axis, or more draws, changes none that was there.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.asking.reading import Loc, Source, spell
from experiments.asking.spec import TrafficSpec
from experiments.faults import FAULTS
from experiments.sweep.values import Countable, Spread, Value
from topology.model import Topology

POLICY, TOPOLOGY, SEED = "policy", "topology", "seed"
Find = Callable[[str], Topology]


@dataclass(frozen=True, slots=True)
class Axis:
    name: str
    sets: tuple[Loc, ...]
    """The parameters of the experiment that get its value."""
    spread: Spread


@dataclass(frozen=True)
class Axes:
    """``grid``: every combination; ``drawn``: ``draws`` times by chance for each of these."""

    grid: tuple[Axis, ...] = ()
    drawn: tuple[Axis, ...] = ()
    draws: int = 1
    seed: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(axis.name for axis in (*self.grid, *self.drawn))


@dataclass
class Point:
    values: Mapping[str, Value]
    data: Mapping[str, Any] = field(repr=False)
    """The experiment, with these values in it."""
    draws: int = 1
    """How often chance has drawn just this."""

    def words(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.values.items())


def parameters(experiment: Source) -> dict[str, Loc]:
    """Everything in an experiment that an axis can set, by its name."""
    found: list[Loc] = [(SEED,), (TOPOLOGY,), ("end",), *(("traffic", name) for name in TrafficSpec.model_fields)]
    for i, _ in experiment.entries("phases"):
        found += [("phases", i, "at"), ("phases", i, "tables_every")]
    for i, item in experiment.entries("timeline"):
        found += [("timeline", i, name) for name in ("at", "fault", "target")]
        settings = FAULTS[item["fault"]].settings if item.get("fault") in FAULTS.names() else ()
        found += [("timeline", i, "with", name) for name in settings]
    for key in ("checks", "slo"):
        found += [(key, i, bound) for i, _ in experiment.entries(key) for bound in ("min", "max")]
    return {POLICY: ("policies",), **{spell(loc): loc for loc in found}}


def count(axes: Axes, data: Mapping[str, Any], find: Find) -> int:
    """How many points there will be at most, without making them."""
    total = 0
    for chosen in _topologies(axes.grid, data, find):
        part = axes.draws
        for axis in axes.grid:
            part *= 1 if axis.name == TOPOLOGY else len(_countable(axis).all(chosen))
        total += part
    return total


def expand(axes: Axes, data: Mapping[str, Any], find: Find) -> list[Point]:
    """All points, equal ones once, in the order of the axes."""
    points: dict[str, Point] = {}
    grid = sorted(axes.grid, key=_topology_first)
    for combination in _combinations(grid, dict(data), find):
        for number in range(axes.draws):
            values, changed = dict(combination), _changed(data, grid, combination)
            for axis in sorted(axes.drawn, key=_topology_first):
                chance = random.Random(f"{axes.seed} {axis.name} {number}").random()
                values[axis.name] = axis.spread.draw(chance, _topology(changed, find))
                changed = _changed(changed, [axis], values)
            point = Point({name: values[name] for name in axes.names}, changed)
            known = points.setdefault(json.dumps(changed, sort_keys=True, default=str), point)
            known.draws += known is not point
    return list(points.values())


def _combinations(axes: Sequence[Axis], data: Mapping[str, Any], find: Find) -> Iterator[dict[str, Value]]:
    if not axes:
        yield {}
        return
    first, *others = axes
    for value in _countable(first).all(_topology(data, find)):
        changed = {**data, TOPOLOGY: value} if first.name == TOPOLOGY else data
        for rest in _combinations(others, changed, find):
            yield {first.name: value, **rest}


def _topologies(grid: Sequence[Axis], data: Mapping[str, Any], find: Find) -> list[Topology]:
    base = _topology(data, find)
    named = [str(value) for axis in grid if axis.name == TOPOLOGY for value in _countable(axis).all(base)]
    return [find(name) for name in named] or [base]


def _changed(data: Mapping[str, Any], axes: Sequence[Axis], values: Mapping[str, Value]) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(dict(data))
    for axis in axes:
        for loc in axis.sets:
            _set(changed, loc, values[axis.name])
    return changed


def _set(data: Any, loc: Loc, value: Value) -> None:
    if loc == ("policies",):
        data["policies"] = [value]
        return
    for part in loc[:-1]:
        if isinstance(data, dict) and data.get(part) is None:
            data[part] = {}
        data = data[part]
    data[loc[-1]] = value


def _topology(data: Mapping[str, Any], find: Find) -> Topology:
    return find(str(data.get(TOPOLOGY)))


def _topology_first(axis: Axis) -> bool:
    return axis.name != TOPOLOGY


def _countable(axis: Axis) -> Countable:
    assert hasattr(axis.spread, "all"), "a grid has no distributions: values.parse refuses them"
    return axis.spread  # type: ignore[return-value]
