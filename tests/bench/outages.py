"""What losses cost the data plane: a cut and a silent cut under fast reroute, and the loss of the brain alone.

From real runs; repair is the outage of the fine probes (every 2 ms) less what was in flight on the link.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.bench import Site
from bench.figures import Figure
from bench.runs import Run

from experiments.judging.metrics import measure as metrics
from experiments.judging.responses import Measure
from experiments.policies import BFD_INTERVAL_MS
from topology.errors import LabError

REPAIR_MOST_MS, SILENT_MOST_MS = 10.0, 20.0
DETECTION_MS = 3.0 * BFD_INTERVAL_MS
"""BFD gives a link up after three intervals (RFC 5880, detect multiplier)."""


def measure(site: Site) -> Iterator[Figure]:
    runs = [site.runs.get("cut", number) for number in range(site.n)]
    found = [_of(run, "cut", "repair_ms") for run in runs]
    yield Figure(
        "fast-reroute, cut: outage beyond in flight", "ms", _values(found), REPAIR_MOST_MS, note=_note(runs, found)
    )
    runs = [site.runs.get("silent", number) for number in range(site.n)]
    found = [_of(run, "silent", "repair_ms") for run in runs]
    yield Figure(
        "fast-reroute, silent cut: outage beyond in flight and BFD's detection",
        "ms",
        [value - DETECTION_MS for value in _values(found)],
        SILENT_MOST_MS,
        note=f"outage {_values(found)[-1]:.0f} ms, detection {DETECTION_MS:.0f} ms; {_note(runs, found)}",
    )
    runs = [site.runs.get("kill", number) for number in range(site.n)]
    found = [_of(run, "headless", "probes_lost") for run in runs]
    yield Figure("fail-static, brain killed: probes lost", "", _values(found), 0.0, note=_note(runs, found))


def _of(run: Run, phase: str, metric: str) -> Measure:
    measured = metrics(run.stories()[0]).phases[phase].get(metric)
    if measured is None or measured.value is None:
        raise LabError(f"{metric} of {phase} is not known: {measured.note if measured else 'not measured'}")
    return measured


def _values(found: list[Measure]) -> list[float]:
    return [float(measure.value) for measure in found if measure.value is not None]


def _note(runs: list[Run], found: list[Measure]) -> str:
    words = [f"± {found[-1].error:.3g}" if found[-1].error else "", found[-1].note, runs[-1].doubts()]
    return "; ".join(filter(None, words))
