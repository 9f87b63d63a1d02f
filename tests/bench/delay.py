"""How exact the links are under the experiment's own load: measured one-way delay minus configured.

From the undisturbed beginning of a real run with the traffic of control-plane-loss. A link is seen
by the pairs whose shortest path it is, both ways; a configured delay is propagation plus the time
that the probe itself takes onto each link.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
from bench.bench import Site
from bench.figures import Figure

from experiments.judging.attribution import SLACK_S, configured_delay_ms, first_fault_s
from experiments.judging.samples import Bools, Floats, Ints
from experiments.judging.story import Story

LINK_P50_MOST_MS, LINK_P99_MOST_MS = 0.4, 3.0
WAY_P50_MOST_MS, WAY_P99_MOST_MS = 1.0, 4.0


@dataclass(frozen=True, slots=True)
class Errors:
    """Absolute errors (ms) of the coarse probes of one null window."""

    link_p50_ms: dict[str, float]
    link_p99_ms: dict[str, float]
    way_p50_ms: float
    way_p99_ms: float
    lost: int
    count: int


def measure(site: Site) -> Iterator[Figure]:
    runs = [site.runs.get("cut", number) for number in range(site.n)]
    found = [errors(run.stories()[0]) for run in runs]
    doubts = next((doubt for run in runs if (doubt := run.doubts())), "")
    last = found[-1]
    typical_ms = median(last.link_p50_ms.values())
    words = f"the worst of {len(last.link_p50_ms)} links of edge12; the one in the middle: {typical_ms:.2f} ms"
    p50_ms = [max(each.link_p50_ms.values()) for each in found]
    p99_ms = [max(each.link_p99_ms.values()) for each in found]
    note = "; ".join(filter(None, (words, doubts)))
    yield Figure("delay error of a link, median", "ms", p50_ms, LINK_P50_MOST_MS, note=note)
    note = f"the worst of all links, last: {max(last.link_p99_ms, key=last.link_p99_ms.__getitem__)}"
    yield Figure("delay error of a link, p99", "ms", p99_ms, LINK_P99_MOST_MS, note=note)
    note = f"all pairs of edge12, {found[-1].count} probes"
    yield Figure(
        "delay error end to end, median", "ms", [each.way_p50_ms for each in found], WAY_P50_MOST_MS, note=note
    )
    yield Figure("delay error end to end, p99", "ms", [each.way_p99_ms for each in found], WAY_P99_MOST_MS)
    yield Figure("probes lost in the null window", "", [float(each.lost) for each in found], 0.0)


def errors(story: Story) -> Errors:
    """Pure: of the probes that should have arrived before the first fault."""
    samples, configured_ms = story.samples, configured_delay_ms(story)
    arrival_s = samples.due_s + configured_ms[samples.pair] / 1e3 + SLACK_S
    null = (samples.due_s >= story.start_s) & (arrival_s < first_fault_s(story))
    kept = null & samples.delivered & ~samples.fine
    error_ms = np.abs(samples.delay_ms[kept] - configured_ms[samples.pair[kept]])
    by_link = {name: error_ms[np.isin(samples.pair[kept], pairs)] for name, pairs in adjacent(story).items()}
    return Errors(
        {name: _quantile(values, 0.5) for name, values in by_link.items() if len(values)},
        {name: _quantile(values, 0.99) for name, values in by_link.items() if len(values)},
        _quantile(error_ms, 0.5),
        _quantile(error_ms, 0.99),
        _count(null & samples.lost),
        len(error_ms),
    )


def adjacent(story: Story) -> dict[str, Ints]:
    """Link → the pairs (indices) whose shortest path is that link alone."""
    found: dict[str, list[int]] = {}
    for index, pair in enumerate(story.samples.pairs):
        way = story.paths().links(*pair)
        if len(way) == 1:
            found.setdefault(way[0], []).append(index)
    return {name: np.array(indices) for name, indices in found.items()}


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share))


def _count(chosen: Bools) -> int:
    return int(chosen.sum())
