"""The experiment as a whole, by the command that users type: how long it takes, and what memory a run takes."""

from __future__ import annotations

from collections.abc import Iterator

from bench.bench import Site
from bench.figures import Figure

EXPERIMENT_MOST_S = 110.0
MEMORY_MOST_MB = 600.0


def experiment(site: Site) -> Iterator[Figure]:
    runs = [site.runs.get("control-plane-loss", number) for number in range(site.n)]
    note = "; ".join(filter(None, ["from the command to the report, three policies", runs[-1].doubts()]))
    took_s = [run.took_s for run in runs]
    yield Figure("control-plane-loss, the whole experiment", "s", took_s, EXPERIMENT_MOST_S, note=note)


def memory(site: Site) -> Iterator[Figure]:
    """PSS over the launcher and everything in the sandbox (``bench.pss``)."""
    runs = [site.runs.get("cut", number) for number in range(site.n)]
    largest = sorted(runs[-1].memory_mb.items(), key=lambda part: -part[1])
    parts = ", ".join(f"{name} {mb:.0f}" for name, mb in largest[:6])
    note = f"PSS: shared pages count once. {parts}"
    totals = [sum(run.memory_mb.values()) for run in runs]
    yield Figure("edge12, fast-reroute: memory of a run at its most", "MB", totals, MEMORY_MOST_MB, note=note)
