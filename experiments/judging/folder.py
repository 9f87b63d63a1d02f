"""A run folder as what is to be judged: ``manifest.json``, ``journal.jsonl`` and the probes → stories.

Tolerant where a killed run leaves things out, strict where nothing could be judged without
them: the manifest and the journal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments import journal
from experiments.judging import samples as probes
from experiments.judging.samples import Samples
from experiments.judging.story import Line, Story, events, phases
from experiments.results import MANIFEST, read_json
from topology import inventory
from topology.errors import InputError
from topology.model import Topology

INTERVAL_S, FINE_INTERVAL_S = 0.05, 0.002
"""Assumed of a stream with a single probe."""


@dataclass(frozen=True)
class Run:
    """A run folder, read. ``stories`` are in the order of the spec's policies."""

    path: Path
    manifest: Mapping[str, Any]
    stories: tuple[Story, ...]

    @property
    def spec(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.manifest.get("spec") or {}
        return found

    @property
    def topology(self) -> Topology:
        return topology_of(self.manifest, self.path)


def read(path: Path) -> Run:
    """Raises InputError when the folder holds no run or one that cannot be read."""
    return assembled(path, read_json(path / MANIFEST, "the manifest"))


def assembled(path: Path, manifest: Mapping[str, Any]) -> Run:
    """What a run left in the folder, under a manifest that need not stand there. Raises InputError."""
    topology = topology_of(manifest, path)
    lines = list(journal.read(path / "journal.jsonl"))
    seen, spec = probes.collect(path), manifest.get("spec") or {}
    names = list(
        dict.fromkeys([*spec.get("policies", ()), *(str(line["policy"]) for line in lines if "policy" in line)])
    )
    demand = shares(topology)
    told = {name: tuple(line for line in lines if line.get("policy") == name and "t" in line) for name in names}
    stories = (_story(name, topology, told[name], seen.get(name), spec, demand) for name in names if told[name])
    return Run(path, manifest, tuple(stories))


def topology_of(manifest: Mapping[str, Any], path: Path) -> Topology:
    """The inventory that the manifest keeps."""
    try:
        return inventory.loads(json.dumps(manifest["topology"]))
    except KeyError:
        raise InputError("the manifest holds no topology", place=str(path / "manifest.json")) from None


def shares(topology: Topology) -> dict[tuple[str, str], float]:
    """The gravity demand by which pairs are weighed."""
    from traffic.demand import gravity

    return dict(gravity(topology))


def _story(
    name: str,
    topology: Topology,
    lines: tuple[Line, ...],
    seen: Samples | None,
    spec: Mapping[str, Any],
    demand: Mapping[tuple[str, str], float],
) -> Story:
    happened = events(lines, topology)
    samples = seen if seen is not None else nothing()
    intervals = (interval_s(samples, False) or INTERVAL_S, interval_s(samples, True) or FINE_INTERVAL_S)
    return Story(name, topology, samples, lines, phases(spec, happened), happened, *intervals, demand)


def interval_s(samples: Samples, fine: bool) -> float:
    """δ of a stream kind, from its schedule; 0 when it has no two probes."""
    chosen = samples.take(samples.fine == fine)
    same = np.flatnonzero((chosen.pair[1:] == chosen.pair[:-1]) & (chosen.seq[1:] > chosen.seq[:-1]))
    if not len(same):
        return 0.0
    steps = (chosen.due_s[same + 1] - chosen.due_s[same]) / (chosen.seq[same + 1] - chosen.seq[same])
    return round(float(np.median(steps)), 9)


def nothing() -> Samples:
    """No probes at all."""
    columns: dict[str, Any] = {name: [] for name in ("pair", "seq", "fine", "due_s", "sent_s", "recv_s")}
    return probes.from_columns((), columns)
