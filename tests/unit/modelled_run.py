"""Runs over the modelled lab for its tests: a whole spec, or a lab that stands and is told what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.asking.planning import plan
from experiments.asking.spec import Spec
from experiments.asking.timeline import timeline
from experiments.journal import Journal
from experiments.lab import TrafficPlan
from experiments.labs.modelled.lab import ModelledLab
from experiments.labs.modelled.oracle import Oracle
from experiments.policies import Policy
from experiments.policies import policy as named
from experiments.runner import Plan, run
from topology.model import Link, Pair, Pop, Topology
from traffic import demand
from traffic.bulk import BulkFlow
from traffic.probes import ProbePlan
from traffic.samples import Samples, read

INTERVAL_S = 0.05


@dataclass(frozen=True)
class Played:
    """What a run left."""

    outcome: str
    journal: tuple[Mapping[str, Any], ...]
    samples: Samples

    def of(self, event: str, **wanted: object) -> list[Mapping[str, Any]]:
        lines = (line for line in self.journal if line["event"] == event)
        return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]

    def lost(self, from_s: float = -1.0, until_s: float = 1e9) -> dict[Pair, list[float]]:
        """Pair → due times of the probes that it lost."""
        due = self.samples.due_s
        chosen = np.isnan(self.samples.recv_s) & (due >= from_s) & (due < until_s)
        found: dict[Pair, list[float]] = {}
        for index, due_s in zip(self.samples.pair[chosen], due[chosen], strict=True):
            found.setdefault(self.samples.pairs[index], []).append(float(due_s))
        return found


def square(capacity_bps: float = 1e7) -> Topology:
    """A ring a–b–c–d of 10, 20, 30, 40 ms with the brain at a."""
    pops = tuple(Pop(i, name, name.upper(), "Nowhere", 0.0, 10.0 * i, 1e6) for i, name in enumerate("abcd"))
    ends = (("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"))
    links = tuple(Link(i, a, b, capacity_bps, 100.0, 10.0 * (i + 1)) for i, (a, b) in enumerate(ends))
    return Topology("square", pops, links, "a")


def play(asked: Spec, topology: Topology, policy: str | Policy, folder: Path) -> Played:
    """The whole timeline of a spec."""
    chosen = named(policy) if isinstance(policy, str) else policy
    shares = demand.gravity(topology)
    events = timeline(asked, topology, shares)
    planned = plan(asked, topology, events, shares, asked.seed)
    path = folder / "journal.jsonl"
    path.unlink(missing_ok=True)
    journal = Journal(path, chosen.name, lambda: lab.now_s())  # noqa: PLW0108
    lab = ModelledLab(topology, chosen, seed=asked.seed, record=journal.record, folder=folder)
    outcome = run(lab, Plan(events, planned.traffic, planned.traced), journal.record, Oracle(lab.known))
    journal.close()
    lines = tuple(json.loads(line) for line in path.read_text().splitlines())
    return Played(outcome, lines, read(folder / f"probes.{chosen.name}.bin"))


class Stand:
    """A lab that is built and probed; ``lines`` is its journal."""

    def __init__(
        self, topology: Topology, policy: str | Policy, folder: Path, *, bulk: tuple[BulkFlow, ...] = (), seed: int = 1
    ) -> None:
        self.lines: list[dict[str, Any]] = []
        self.folder = folder
        self.policy = named(policy) if isinstance(policy, str) else policy
        self.lab = ModelledLab(topology, self.policy, seed=seed, record=self._record, folder=folder)
        self.lab.build()
        self.lab.start(TrafficPlan(ProbePlan(tuple(topology.pairs), INTERVAL_S, duration_s=120.0), bulk))

    def _record(self, event: str, /, **data: Any) -> None:
        self.lines.append({"t": self.lab.now_s(), "event": event, **data})

    def of(self, event: str, **wanted: object) -> list[dict[str, Any]]:
        lines = (line for line in self.lines if line["event"] == event)
        return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]

    def said(self, what: str, since_s: float = -1e9) -> list[dict[str, Any]]:
        return [line for line in self.of("brain", what=what) if line["t"] >= since_s]

    def end(self) -> Samples:
        self.lab.stop()
        return read(self.folder / f"probes.{self.policy.name}.bin")
