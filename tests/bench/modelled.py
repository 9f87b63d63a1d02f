"""The modelled backend: how long an experiment takes, how that grows, what memory it needs; and a thousand lives.

Each measurement is a process of its own, so that none profits from what another has computed. Times
are those of the computation, from the file to probes and journal: without imports and report.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.bench import Site
from bench.brain import SIZES, slope
from bench.figures import Figure

from topology.errors import LabError

EXPERIMENT = "control-plane-loss"
SMALL_MOST_S, LARGE_MOST_S, MEMORY_MOST_MB = 1.0, 30.0, 2048.0
STUDY, SEEDS, STUDY_MOST_S, WORKERS = "headless-survival", 1000, 60.0, 2
LIVES = 5
LARGE = f"cities:{SIZES[-1]}"


def measure(site: Site) -> Iterator[Figure]:
    small = [_alone(site, _played, "edge12")[0] for _ in range(site.n)]
    yield Figure(f"modelled {EXPERIMENT}, edge12, three policies", "s", small, most=SMALL_MOST_S)
    grown = [[_alone(site, _played, f"cities:{size}") for size in SIZES] for _ in range(site.n)]
    yield Figure(f"modelled {EXPERIMENT}, {LARGE}", "s", [runs[-1][0] for runs in grown], most=LARGE_MOST_S)
    yield Figure(f"modelled {EXPERIMENT}, {LARGE}: memory", "MB", [runs[-1][1] for runs in grown], most=MEMORY_MOST_MB)
    for place, (what, unit) in enumerate((("time", "s"), ("memory", "MB"))):
        values = [[run[place] for run in runs] for runs in grown]
        yield Figure(
            f"modelled, cities:N: growth exponent of {what} over N",
            "",
            [slope([math.log(size) for size in SIZES], [math.log(value) for value in one]) for one in values],
            note=", ".join(f"N = {size}: {value:.3g} {unit}" for size, value in zip(SIZES, values[-1], strict=True)),
        )


def lives(site: Site) -> Iterator[Figure]:
    took_s = [_study(site) for _ in range(site.n)]
    note = f"by the command, {WORKERS} workers, their start and the page included"
    yield Figure(f"{STUDY}, edge12, {SEEDS:,} seeds", "s", took_s, most=STUDY_MOST_S, note=note)
    large = [_alone(site, _lived, LARGE) for _ in range(site.n)]
    note = f"the network learnt, then {LIVES} lives of a year under fast-reroute"
    yield Figure(f"{STUDY}, {LARGE}: one worker", "s", [took for took, _ in large], note=note)
    yield Figure(f"{STUDY}, {LARGE}: its memory", "MB", [memory for _, memory in large], most=MEMORY_MOST_MB)


def _alone(site: Site, work: Callable[[str], float], topology: str) -> tuple[float, float]:
    """(seconds that it says, MB at most) of something done in a process of its own."""
    site.say(f"{work.__name__.strip('_')}: {topology}")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_weighed, work, topology).result()


def _weighed(work: Callable[[str], float], topology: str) -> tuple[float, float]:
    import resource

    took_s = work(topology)
    return took_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _played(topology: str) -> float:
    """The experiment's three policies."""
    from experiments import modelled
    from experiments.asking.prepare import Choice, prepare

    begun = time.perf_counter()
    prepared = prepare(EXPERIMENT, Choice(topology=topology))
    errors: dict[str, str] = {}
    with TemporaryDirectory(prefix="failstatic-bench-") as folder:
        for policy in prepared.policies:
            modelled.compute(prepared, policy, Path(folder), errors)
    if errors:
        raise LabError("; ".join(errors.values()))
    return time.perf_counter() - begun


def _lived(topology: str) -> float:
    """A few lives of a year, by the function that a worker calls."""
    from dataclasses import replace

    from experiments.survival import spec, work
    from topology.load import load

    begun = time.perf_counter()
    asked = spec.read(STUDY, spec.Choice((topology,), ("fast-reroute",), LIVES))
    job = work.jobs(asked, [load(topology)])[-1]
    year = replace(job.payload.process, horizon_h=8766.0)
    work.work(replace(job.payload, process=year))
    return time.perf_counter() - begun


def _study(site: Site) -> float:
    """As users type it; returns seconds."""
    site.say(f"{STUDY} of edge12, {SEEDS:,} seeds")
    command = Path(sys.executable).with_name("failstatic")
    with TemporaryDirectory(prefix="failstatic-bench-") as folder:
        asked = [str(command), "survive", STUDY, "--topology", "edge12", "--seeds", str(SEEDS)]
        asked += ["--workers", str(WORKERS), "--results", folder]
        begun = time.perf_counter()
        done = subprocess.run(asked, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(asked)} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return time.perf_counter() - begun
