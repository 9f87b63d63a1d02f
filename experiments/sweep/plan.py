"""A sweep → what its workers get: every point decided, or every mistake of every point told, before anything starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from experiments import mistakes, reading
from experiments.labs.modelled import refusals
from experiments.policies import POLICIES
from experiments.prepare import decide
from experiments.reading import Loc, spell
from experiments.spec import Spec
from experiments.sweep.build import mine
from experiments.sweep.points import POLICY, SEED, TOPOLOGY, Axis, Point, count, expand
from experiments.sweep.pool import Job, Scalar
from experiments.sweep.reading import Sweep
from experiments.sweep.values import Value, number
from topology import inventory
from topology.errors import InputError, Problem
from topology.load import load
from topology.model import Pair, Topology
from traffic import demand

MAX_POINTS = 1_000_000
SHOWN = 20
"""Mistakes told; the others are counted."""
DIGITS = 16


@dataclass(frozen=True, slots=True)
class Task:
    """One point, as it goes to a worker: everything, and nothing that only this machine has."""

    data: Mapping[str, Any]
    question: str
    topology: str
    """The inventory, as JSON."""
    backend: str
    asked: str


@dataclass(frozen=True)
class Planned:
    """``points`` and ``jobs`` belong together, one by one."""

    points: Sequence[Point]
    jobs: Sequence[Job]


def plan(sweep: Sweep) -> Planned:
    """Raises InputError with the mistakes of all points, each once, at the axis that makes it."""
    problems: dict[tuple[Loc, str], None] = {}
    points = _points(sweep, problems)
    checked: set[str] = set()
    jobs = []
    for point in points:
        if found := list(_wrong(sweep, point)):
            problems |= dict.fromkeys(found)
            continue
        job = _job(sweep, point)
        if (alike := str(job.columns["spec_hash"])) not in checked:
            checked.add(alike)
            problems |= dict.fromkeys(_undecided(sweep, point))
        jobs.append(job)
    if problems:
        raise InputError(_told(sweep, list(problems)))
    return Planned(points, jobs)


def _points(sweep: Sweep, problems: dict[tuple[Loc, str], None]) -> list[Point]:
    def find(name: str) -> Topology:
        return _place(name).topology

    try:
        if (total := count(sweep.axes, sweep.experiment.data, find)) > MAX_POINTS:
            problems[("axes",), f"{total:,} points; at most {MAX_POINTS:,} are taken"] = None
            return []
        return expand(sweep.axes, sweep.experiment.data, find)
    except InputError as error:
        loc = next((place for axis, place in _named(sweep) if axis.name == TOPOLOGY), ("experiment",))
        problems |= {(loc, problem.message): None for problem in error.problems}
        return []


@dataclass(frozen=True)
class _Place:
    """A topology with what is worked out of it once."""

    topology: Topology
    shares: Mapping[Pair, float]
    text: str


@lru_cache(maxsize=64)
def _place(name: str) -> _Place:
    topology = load(name)
    return _Place(topology, demand.gravity(topology), inventory.dump(topology))


def _wrong(sweep: Sweep, point: Point) -> Iterator[tuple[Loc, str]]:
    """(place in the sweep file, what is wrong there) of what can be told without the topology."""
    for loc, message in mistakes.found(replace(sweep.experiment, data=dict(point.data)), POLICIES):
        yield _blamed(sweep, point, spell(loc), message)


def _undecided(sweep: Sweep, point: Point) -> Iterator[tuple[Loc, str]]:
    """The same, of what hangs on the topology."""
    place = _place(str(point.data[TOPOLOGY]))
    try:
        spec = Spec.model_validate({**point.data, "question": ""})
        prepared = decide(spec, place.topology, place.shares, sweep.spec.experiment)
        if sweep.spec.backend == "modelled":
            refusals.check(prepared, pcap=False)
    except InputError as error:
        for problem in error.problems:
            yield _blamed(sweep, point, problem.place, problem.message)


def _blamed(sweep: Sweep, point: Point, parameter: str, message: str) -> tuple[Loc, str]:
    """The axis that sets this parameter; where none does, all of them together."""
    for axis, loc in _named(sweep):
        if any(parameter.startswith(spell(one)) for one in axis.sets):
            value = point.values[axis.name]
            return _value_place(sweep, loc, value), f"{value}: {message}"
    return ("axes",), f"at {point.words()}: {parameter}: {message}" if parameter else f"at {point.words()}: {message}"


def _named(sweep: Sweep) -> Iterator[tuple[Axis, Loc]]:
    for axis in sweep.axes.grid:
        yield axis, ("axes", axis.name)
    for axis in sweep.axes.drawn:
        yield axis, ("random", "axes", axis.name)


def _value_place(sweep: Sweep, loc: Loc, value: Value) -> Loc:
    listed: Any = sweep.origin.data
    for part in loc:
        listed = listed[part]
    return (*loc, listed.index(value)) if isinstance(listed, list) and value in listed else loc


def _told(sweep: Sweep, problems: Sequence[tuple[Loc, str]]) -> Iterator[Problem]:
    in_order = sorted(problems, key=lambda entry: sweep.origin.position(entry[0]))
    yield from (sweep.origin.problem(loc, message) for loc, message in in_order[:SHOWN])
    if len(in_order) > SHOWN:
        yield Problem("", f"… and {len(in_order) - SHOWN} more")


def _job(sweep: Sweep, point: Point) -> Job:
    place, backend = _place(str(point.data[TOPOLOGY])), sweep.spec.backend
    seed = int(point.data.get(SEED, Spec.model_fields[SEED].default))
    alike = {name: value for name, value in point.data.items() if name != SEED}
    text = json.dumps([alike, place.text, backend], sort_keys=True, default=str)
    spec_hash = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
    fixed = {POLICY, TOPOLOGY, SEED}
    columns: dict[str, Scalar] = {name: _scalar(value) for name, value in point.values.items() if name not in fixed}
    columns |= {"experiment": sweep.experiment.data["name"], TOPOLOGY: place.topology.name, "backend": backend}
    columns |= {SEED: seed, "spec_hash": spec_hash, "commit": mine().commit, "draws": point.draws}
    question = reading.question(sweep.experiment.file)
    task = Task(point.data, question, place.text, backend, sweep.spec.experiment)
    return Job(f"{spec_hash}-{mine().commit}-{seed}", task, columns)


def _scalar(value: Value) -> Scalar:
    found = number(value)
    return value if found is None else found
