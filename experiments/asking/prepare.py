"""What the user asked for → everything decided, or every mistake at once. Nothing is started here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from experiments import policies
from experiments.asking import mistakes, reading
from experiments.asking.planning import Planned, plan
from experiments.asking.spec import Spec
from experiments.asking.targets import Shares
from experiments.asking.timeline import Timeline, timeline, wrong_targets
from experiments.faults import FAULTS, brains, members
from experiments.faults.kind import BRAIN, ETCD
from experiments.policies import Policy, policy
from topology.errors import InputError, Problem
from topology.load import load
from topology.model import Topology
from traffic import demand


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line may change in a spec; None leaves it."""

    policies: tuple[str, ...] | None = None
    topology: str | None = None
    seed: int | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """Key of the spec → its value, of what was chosen."""
        found = {"policies": self.policies, "topology": self.topology, "seed": self.seed}
        return {key: value for key, value in found.items() if value is not None}


_OPTIONS = {"policies": "--policy", "topology": "--topology", "seed": "--seed"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run before it starts."""

    spec: Spec
    """With the choices of the command line in it."""
    topology: Topology
    policies: tuple[Policy, ...]
    timeline: Timeline
    planned: Planned
    asked: str
    """What the user called the spec: a shipped name, or a path."""

    @property
    def seed(self) -> int:
        return self.spec.seed


def prepare(name: str, choice: Choice = Choice()) -> Prepared:
    """Raises InputError with all mistakes of the spec, the options and the topology together."""
    origin = reading.source(name)
    problems = mistakes.mistakes(origin)
    problems += [Problem(_OPTIONS[key], message) for key, message in mistakes.wrong_choices(origin, choice.changes)]
    problems += [Problem("--policy", message) for message in _wrong_policies(choice.policies)]
    topology = _topology(origin, choice, problems)
    shares: Shares = demand.gravity(topology) if topology else {}
    if topology:
        wrong = wrong_targets(mistakes.targets(origin), topology, shares)
        problems += [origin.problem(("timeline", i, "target"), message) for i, message in wrong]
    problems += _without_brains(origin, choice)
    if problems or topology is None:
        raise InputError(problems)
    spec = reading.spec(origin).model_copy(update=choice.changes)
    try:
        return decide(spec, topology, shares, name)
    except InputError as error:
        raise InputError(origin.problem(("traffic",), str(problem)) for problem in error.problems) from None


def decide(spec: Spec, topology: Topology, shares: Shares, asked: str) -> Prepared:
    """All that a believed spec leaves open. Raises InputError for targets that are not there and probes too heavy."""
    events = timeline(spec, topology, shares)
    planned = plan(spec, topology, events, shares, spec.seed)
    return Prepared(spec, topology, tuple(map(policy, spec.policies)), events, planned, asked)


def _wrong_policies(names: tuple[str, ...] | None) -> list[str]:
    if names is None:
        return []
    wrong = [message for name in names if (message := policies.wrong(name))]
    return wrong + [
        f"the policy '{name}' stands here twice" for name in sorted({n for n in names if names.count(n) > 1})
    ]


def _without_brains(origin: reading.Source, choice: Choice) -> Iterator[Problem]:
    """Strikes at a brain, or at a store of brains, that a chosen policy does not have."""
    named: Any = choice.policies or (origin.data.get("policies") if isinstance(origin.data, dict) else None)
    names = [name for name in named if isinstance(name, str)] if isinstance(named, (list, tuple)) else []
    chosen = [policy(name) for name in names if not policies.wrong(name)]
    for i, (kind, target) in mistakes.targets(origin):
        for each in chosen:
            if why := impossible(FAULTS[kind].aims_at, target, each):
                yield origin.problem(("timeline", i, "target"), f"'{target}': the policy {each.name} {why}")


def impossible(aims_at: str, target: str, struck: Policy) -> str:
    """Why a policy has nothing that such a fault could strike; empty when it has."""
    if aims_at == ETCD:
        return members.impossible(target, struck.store.members if struck.store else 0)
    return brains.impossible(target, struck.brains, elect=struck.store is not None) if aims_at == BRAIN else ""


def _topology(origin: reading.Source, choice: Choice, problems: list[Problem]) -> Topology | None:
    """The topology, its mistakes added to ``problems``."""
    named: Any = origin.data.get("topology") if isinstance(origin.data, dict) else None
    name = choice.topology or named
    if not isinstance(name, str):
        return None
    try:
        return load(name)
    except InputError as error:
        place = Problem("--topology", "") if choice.topology else origin.problem(("topology",), "")
        problems += [problem if problem.place else Problem(place.place, problem.message) for problem in error.problems]
        return None
