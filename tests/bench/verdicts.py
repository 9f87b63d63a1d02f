"""Can a verdict be believed? Short runs whose verdict is known beforehand, again and again."""

from __future__ import annotations

from collections.abc import Iterable

from bench.bench import Site
from bench.figures import Figure

WANTED = {"good": "pass", "bad": "fail", "busy": "unknown"}
"""Spec → the verdict that it must get."""
ALLOWED_MISSES = {"good": 0.05}
"""Share of runs that may be unknown on a machine that is shared: one of twenty."""


def measure(site: Site) -> Iterable[Figure]:
    """Runs of each kind whose verdict was the one that it must be."""
    for name, wanted in WANTED.items():
        runs = [site.runs.get(name, number) for number in range(site.n)]
        found = [run.verdict() for run in runs]
        others = {verdict: found.count(verdict) for verdict in sorted({*found} - {wanted})}
        doubts = "; ".join(dict.fromkeys(run.doubts() for run in runs if name == "good" and run.doubts()))
        note = "; ".join(filter(None, (", ".join(f"{count} {verdict}" for verdict, count in others.items()), doubts)))
        least = site.n - int(site.n * ALLOWED_MISSES.get(name, 0.0))
        yield Figure(f"{name}: {wanted}", f"of {site.n}", (found.count(wanted),), least=least, note=note)
