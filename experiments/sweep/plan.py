"""A sweep → what its workers get: every point decided, or every mistake of every point told, before anything starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from experiments.asking import reading
from experiments.asking.mistakes import found as mistakes_of
from experiments.asking.mistakes import targets
from experiments.asking.prepare import decide
from experiments.asking.reading import spell
from experiments.asking.spec import Spec
from experiments.asking.timeline import wrong_targets
from experiments.labs.modelled import refusals
from experiments.sweep.blame import Mistakes
from experiments.sweep.build import mine
from experiments.sweep.points import POLICY, SEED, TOPOLOGY, Point, count, expand
from experiments.sweep.pool import Job, Scalar
from experiments.sweep.reading import Sweep
from experiments.sweep.values import Value, number
from topology import inventory
from topology.errors import InputError
from topology.load import load
from topology.model import Pair, Topology
from traffic import demand

MAX_POINTS = 1_000_000
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
    mistakes = Mistakes(sweep)
    points = _points(sweep, mistakes)
    checked: set[str] = set()
    jobs = []
    for point in points:
        job = None if mistakes.added(point, _wrong(sweep, point)) else _job(sweep, point)
        if job is not None and (alike := str(job.columns["spec_hash"])) not in checked:
            checked.add(alike)
            mistakes.added(point, _undecided(sweep, point))
        if job is not None:
            jobs.append(job)
    mistakes.raise_if_any()
    return Planned(points, jobs)


def _points(sweep: Sweep, mistakes: Mistakes) -> list[Point]:
    def find(name: str) -> Topology:
        return _place(name).topology

    try:
        if (total := count(sweep.axes, sweep.experiment.data, find)) <= MAX_POINTS:
            return expand(sweep.axes, sweep.experiment.data, find)
        mistakes.add(("axes",), f"{total:,} points; at most {MAX_POINTS:,} are taken")
    except InputError as error:
        for problem in error.problems:
            mistakes.add(mistakes.axis(TOPOLOGY) or ("experiment",), problem.message)
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


def _wrong(sweep: Sweep, point: Point) -> Iterator[tuple[str, str]]:
    """(parameter, what is wrong with it) of what can be told of each point at little cost."""
    changed = replace(sweep.experiment, data=dict(point.data))
    yield from ((spell(loc), message) for loc, message in mistakes_of(changed))
    for i, message in _wrong_targets(str(point.data[TOPOLOGY]), tuple(targets(changed))):
        yield f"timeline[{i}].target", message


@lru_cache(maxsize=4096)
def _wrong_targets(topology: str, asked: tuple[tuple[int, tuple[str, str]], ...]) -> tuple[tuple[int, str], ...]:
    place = _place(topology)
    return tuple(wrong_targets(asked, place.topology, place.shares))


def _undecided(sweep: Sweep, point: Point) -> Iterator[tuple[str, str]]:
    """The same, of what takes a whole preparation; points that differ in their seed alone are alike here."""
    place = _place(str(point.data[TOPOLOGY]))
    try:
        spec = Spec.model_validate({**point.data, "question": ""})
        prepared = decide(spec, place.topology, place.shares, sweep.spec.experiment)
        if sweep.spec.backend == "modelled":
            refusals.check(prepared, pcap=False)
    except InputError as error:
        yield from ((problem.place, problem.message) for problem in error.problems)


def _job(sweep: Sweep, point: Point) -> Job:
    place, fixed = _place(str(point.data[TOPOLOGY])), {POLICY, TOPOLOGY, SEED}
    columns: dict[str, Scalar] = {name: _scalar(value) for name, value in point.values.items() if name not in fixed}
    columns |= {"experiment": sweep.experiment.data["name"], "draws": point.draws}
    question = reading.question(sweep.experiment.file)
    task = Task(point.data, question, place.text, sweep.spec.backend, sweep.spec.experiment)
    return job(task, place.topology.name, columns)


def job(task: Task, topology: str, columns: Mapping[str, Scalar]) -> Job:
    """A task with its key, and the columns that say where its rows come from beside those given."""
    seed = int(task.data.get(SEED, Spec.model_fields[SEED].default))
    alike = {name: value for name, value in task.data.items() if name != SEED}
    text = json.dumps([alike, task.topology, task.backend], sort_keys=True, default=str)
    spec_hash = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
    made: dict[str, Scalar] = {TOPOLOGY: topology, "backend": task.backend, SEED: seed}
    made |= {"spec_hash": spec_hash, "commit": mine().commit}
    return Job(f"{spec_hash}-{mine().commit}-{seed}", task, {**columns, **made})


def _scalar(value: Value) -> Scalar:
    found = number(value)
    return value if found is None else found
