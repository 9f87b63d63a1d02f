"""What a worker does: so many lives of one network under one policy → a row per life."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache

from experiments.policies import policy
from experiments.survival.damage import Damaged, Graph, Network
from experiments.survival.headless import orphaned
from experiments.survival.lives import budget, live
from experiments.survival.process import Process, events, order
from experiments.survival.promise import Promise
from experiments.survival.spec import SurvivalSpec
from experiments.sweep.build import mine
from experiments.sweep.pool import Job, Row
from topology import inventory
from topology.model import Topology

IDEAL = "ideal"
"""Stands where a policy's name would: loses only what the surviving graph forces on whoever routes over it."""
LIVES_PER_JOB = 50
SECONDS_PER_HOUR = 3600.0
DIGITS = 16


@dataclass(frozen=True, slots=True)
class Lives:
    """Everything that a worker needs, and all that its rows depend on."""

    topology: str
    """The inventory, as JSON."""
    policy: str
    process: Process
    availability: float
    window_h: float
    first_seed: int
    count: int


def jobs(spec: SurvivalSpec, topologies: list[Topology]) -> list[Job]:
    """Those of one network and policy next to each other: a worker keeps what it knows of a network."""
    process = Process(
        spec.process.cuts_per_link_year,
        spec.process.cuts_per_1000_km_year,
        spec.process.mean_repair / SECONDS_PER_HOUR,
        spec.process.horizon / SECONDS_PER_HOUR,
    )
    window_h = spec.promise.window / SECONDS_PER_HOUR
    return [
        _job(topology.name, Lives(text, name, process, spec.promise.availability, window_h, first, count))
        for topology in topologies
        for text in (inventory.dump(topology),)
        for name in (IDEAL, *spec.policies)
        for first, count in _shares(spec.first_seed, spec.seeds)
    ]


def work(lives: Lives) -> list[Row]:
    """A row per seed. Raises LabError when the network cannot be built."""
    network, topology, onset_h = _network(lives.topology, lives.policy)
    rates = lives.process.cuts_per_h(topology)
    rows: list[Row] = []
    for seed in range(lives.first_seed, lives.first_seed + lives.count):
        promise = Promise(lives.availability, lives.window_h, now_h=onset_h)
        life = live(network, events(rates, lives.process, seed), promise, lives.process.horizon_h)
        found = budget(network, order(rates, seed))
        rows.append(
            {"seed": seed, **asdict(life), **{f"budget_{name}": value for name, value in asdict(found).items()}}
        )
    return rows


@lru_cache(maxsize=2)
def _network(text: str, name: str) -> tuple[Damaged, Topology, float]:
    """The network, and the hour after its brain's death from which that shows."""
    topology = inventory.loads(text)
    graph = _graph(text)
    if name == IDEAL:
        return graph, topology, 0.0
    headless, onset_s = orphaned(topology, policy(name))
    return Network(topology, headless, graph), topology, onset_s / SECONDS_PER_HOUR


@lru_cache(maxsize=1)
def _graph(text: str) -> Graph:
    return Graph(inventory.loads(text))


def _shares(first: int, seeds: int) -> Iterator[tuple[int, int]]:
    for begin in range(0, seeds, LIVES_PER_JOB):
        yield first + begin, min(LIVES_PER_JOB, seeds - begin)


def _job(topology: str, lives: Lives) -> Job:
    text = json.dumps(asdict(lives), sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
    columns = {"topology": topology, "policy": lives.policy, "commit": mine().commit}
    return Job(f"{key}-{mine().commit}", lives, columns)
