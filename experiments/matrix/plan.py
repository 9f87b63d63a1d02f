"""What was asked for → the cells of the table: each decided, or refused by name; or every mistake at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments import policies
from experiments.asking.prepare import decide, impossible
from experiments.asking.spec import Spec
from experiments.asking.timeline import wrong_targets
from experiments.labs.modelled import refusals
from experiments.matrix import scenario
from experiments.matrix.scenario import Fault
from experiments.policies import policy
from experiments.sweep.plan import Task, job
from experiments.sweep.pool import Job
from topology import inventory
from topology.errors import InputError, Problem, unknown
from topology.load import load
from topology.model import Pair, Topology
from traffic import demand

POLICIES = (
    "standalone", "soft-state", "fail-static", "fast-reroute", "shadow", "standby", "sliced", "withdraw",
)  # fmt: skip
FAULTS = (
    "brain.kill", "brain.hang", "control.cut", "link.cut", "link.silent", "switch.crash", "pop.down", "push.poison",
)  # fmt: skip
"""What is tried when nothing is said: the ladder, and a failure of each sort."""
BACKENDS = ("modelled", "emulated")
MAX_SEEDS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line."""

    policies: tuple[str, ...] = POLICIES
    faults: tuple[str, ...] = FAULTS
    topology: str = "edge12"
    backend: str = "modelled"
    seeds: int = 1
    headless: bool = False


@dataclass(frozen=True)
class Planned:
    """``refused``: (policy, fault's words) → why there can be no number."""

    asked: Asked
    topology: Topology
    jobs: Sequence[Job]
    cells: Mapping[str, tuple[str, str]]
    """A job's key → its cell."""
    refused: Mapping[tuple[str, str], str]


def plan(asked: Asked) -> Planned:
    """Raises InputError with all mistakes. What only one backend, or not every design, can represent is no mistake."""
    problems = [*_wrong_names(asked)]
    faults, wrong_faults = _faults(asked.faults)
    topology, wrong_topology = _topology(asked.topology)
    problems += wrong_faults + wrong_topology
    shares = demand.gravity(topology) if topology else {}
    if topology:
        wrong = wrong_targets(enumerate((each.kind, each.target) for each in faults), topology, shares)
        problems += [Problem("--faults", f"{faults[place].words}: {message}") for place, message in wrong]
    if problems or topology is None:
        raise InputError(problems)
    return _crossed(asked, faults, topology, shares)


def _crossed(asked: Asked, faults: Sequence[Fault], topology: Topology, shares: Mapping[Pair, float]) -> Planned:
    jobs, cells, refused = [], {}, {}
    text = inventory.dump(topology)
    for name in asked.policies:
        for tried in faults:
            cell = (name, tried.words)
            if why := _refused(asked, name, tried, topology, shares):
                refused[cell] = why
                continue
            for seed in range(1, asked.seeds + 1):
                task = Task(_spec(asked, name, tried, seed), "", text, asked.backend, "matrix")
                found = job(task, topology.name, {"fault": tried.words})
                jobs.append(found)
                cells[found.key] = cell
    return Planned(asked, topology, jobs, cells, refused)


def _refused(asked: Asked, name: str, tried: Fault, topology: Topology, shares: Mapping[Pair, float]) -> str:
    """Why this design or this backend has no such cell; empty when it has."""
    if why := scenario.impossible(tried, headless=asked.headless):
        return why
    if why := impossible(tried.aims_at, tried.target, policy(name)):
        return f"the design {why}"
    prepared = decide(Spec.model_validate(_spec(asked, name, tried, 1)), topology, shares, "matrix")
    try:
        prepared.policies[0].charges(topology)
        if asked.backend == "modelled":
            refusals.check(prepared, pcap=False)
    except InputError as error:
        return error.problems[0].message.partition(". ")[0]
    return ""


def _spec(asked: Asked, name: str, tried: Fault, seed: int) -> dict[str, Any]:
    found = scenario.experiment(tried, headless=asked.headless)
    return {"name": "matrix", "topology": asked.topology, "policies": [name], "seed": seed, **found}


def _wrong_names(asked: Asked) -> Iterator[Problem]:
    for option, names in (("--policies", asked.policies), ("--faults", asked.faults)):
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                yield Problem(option, f"'{name}' stands here twice")
    for name in asked.policies:
        if message := policies.wrong(name):
            yield Problem("--policies", message)
    if asked.backend not in BACKENDS:
        yield Problem("--backend", unknown("backend", asked.backend, BACKENDS))
    if not 1 <= asked.seeds <= MAX_SEEDS:
        yield Problem("--seeds", f"{asked.seeds}: from 1 to {MAX_SEEDS}")


def _faults(words: Sequence[str]) -> tuple[list[Fault], list[Problem]]:
    found, problems = [], []
    for each in words:
        try:
            found.append(scenario.fault(each))
        except InputError as error:
            problems += [Problem("--faults", problem.message) for problem in error.problems]
    return found, problems


def _topology(name: str) -> tuple[Topology | None, list[Problem]]:
    try:
        return load(name), []
    except InputError as error:
        return None, [Problem(problem.place or "--topology", problem.message) for problem in error.problems]
