"""What a worker does with a point: the whole experiment there, in a folder that goes when it is done, judged → rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experiments.asking.prepare import Prepared, decide
from experiments.asking.spec import Spec
from experiments.judging import folder as run_folder
from experiments.judging.folder import Run
from experiments.judging.judge import summarise
from experiments.judging.metric_names import TIMES
from experiments.sweep.plan import Task
from experiments.sweep.pool import Row
from experiments.sweep.reading import WHOLE_RUN
from topology import inventory
from topology.errors import LabError
from topology.model import Pair, Topology
from traffic import demand

CENSORED = ".censored"
"""Ends the name of a column that says whether a time was not over when its phase ended."""


TRUSTED = "trusted"
"""Column: whether the machine could be believed, and every fault was shown to have happened."""


def work(task: Task) -> list[Row]:
    """A row per policy and phase. Raises LabError when a policy broke."""
    with TemporaryDirectory(prefix="failstatic-point-") as folder:
        if task.backend == "emulated":
            from experiments.sweep.emulated import run

            return rows(run(task, Path(folder)))
        return rows(summarise(computed(prepared(task), json.loads(task.topology), Path(folder))))


def prepared(task: Task) -> Prepared:
    """As it was decided where the sweep was started."""
    topology, shares = _topology(task.topology)
    spec = Spec.model_validate({**task.data, "question": task.question})
    return decide(spec, topology, shares, task.asked)


def rows(summary: Mapping[str, Any]) -> list[Row]:
    """Pure: a summary as rows, numbers under the metrics' names."""
    trust = summary["fidelity"]["policies"]
    found = summary["policies"].items()
    return [row for policy, one in found for row in _policy(policy, one, bool(trust[policy]["trusted"]))]


def _policy(policy: str, found: Mapping[str, Any], trusted: bool) -> Iterator[Row]:
    lengths_s = {phase["name"]: phase["end_s"] - phase["start_s"] for phase in found["timeline"]["phases"]}
    parts = {**found["phases"], WHOLE_RUN: found["metrics"]}
    for phase, values in parts.items():
        whole = phase == WHOLE_RUN
        open_ended = found["at_least"]["metrics"] if whole else found["at_least"]["phases"].get(phase, ())
        length_s = sum(lengths_s.values()) if whole else lengths_s.get(phase, 0.0)
        row: Row = {"policy": policy, "phase": phase, "verdict": found["verdict"], TRUSTED: trusted}
        for name, value in values.items():
            if value is not None or name in open_ended:
                row[name] = float(_end(name, length_s) if value is None else value)
            if name in row and name in TIMES:
                row[name + CENSORED] = name in open_ended
        yield row


def _end(metric: str, length_s: float) -> float:
    """All that is known of a time that was not over: it took longer than the phase."""
    return length_s * 1e3 if metric.endswith("_ms") else length_s


def computed(prepared: Prepared, topology: Mapping[str, Any], folder: Path) -> Run:
    """A modelled run in a folder, to be judged. Raises LabError when a policy broke."""
    from experiments.manifest import resolved
    from experiments.modelled import BACKEND, compute

    errors: dict[str, str] = {}
    for policy in prepared.policies:
        compute(prepared, policy, folder, errors)
    if errors:
        raise LabError("; ".join(f"{policy}: {error}" for policy, error in errors.items()))
    manifest = {"spec": resolved(prepared), "seed": prepared.seed, "backend": BACKEND, "topology": topology}
    return run_folder.assembled(folder, manifest)


@lru_cache(maxsize=8)
def _topology(text: str) -> tuple[Topology, dict[Pair, float]]:
    topology = inventory.loads(text)
    return topology, dict(demand.gravity(topology))
