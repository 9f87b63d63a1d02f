"""Which way packets took: links and label stacks of the traced pairs, and the delay of every pair, which tells its way.

Both are taken near the end of each phase. Where a timer may strike until then, two right runs may stand before and
after it: what differs then is left out, and said to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from experiments.agreement.finding import LEFT_OUT, Aspect, Finding, aspect, word
from experiments.agreement.twins import Twins
from experiments.judging.latency import quantiles
from experiments.judging.samples import Floats
from experiments.judging.story import Line, Phase, Story
from topology.model import Pair

DELAY_MS = 2.0
"""An emulated run is believed up to this median delay error (``machine_trust.Bounds``)."""
PER_HOP_MS = 0.4
"""Switch and relay of one hop: 0.2–0.9 ms over one to six hops on two cores; 5.3 ms over eleven on slow ones."""
TAIL_S, ENOUGH = 1.0, 5
"""The last second of a phase, or its second half where that is shorter; so many probes must have come."""


def traces(twins: Twins) -> Aspect:
    """Links and stacks of the traced pairs, phase by phase."""
    sides = [_traces(story) for story in twins.stories]
    return aspect("paths traced")(
        _trace(twins, placed, *(side.get(placed) for side in sides)) for placed in dict.fromkeys([*sides[0], *sides[1]])
    )


def _traces(story: Story) -> dict[tuple[str, str], Line]:
    return {(str(line["phase"]), "→".join(line["pair"])): line for line in story.of("trace")}


def _trace(twins: Twins, placed: tuple[str, str], emulated: Line | None, modelled: Line | None) -> Finding:
    if emulated is None or modelled is None:
        told = ("traced" if emulated else "not traced", "traced" if modelled else "not traced")
        return Finding(*placed, told, LEFT_OUT, why="one run left it out, because it would have delayed a fault")
    ways = (_way(emulated), _way(modelled))
    waits = twins.unsettled(placed[0], (float(emulated["t"]), float(modelled["t"])))
    why = f"{waits} may strike until then" if waits else ""
    return Finding(*placed, ways, word(ways[0] == ways[1], comparable=not waits), why=why)


def _way(line: Line) -> str:
    """``a-b (16003) b-c (16003), delivered``: each link with the labels on it; of lost packets only that they were."""
    if not line["delivered"]:
        return "lost on the way"
    steps = (
        f"{link} ({' '.join(map(str, stack))})" for link, stack in zip(line["links"], line["stacks"], strict=False)
    )
    return f"{', '.join(steps)}, delivered"


def delays(twins: Twins) -> Aspect:
    """One finding per phase and pair that delivered in both."""
    return aspect("delays", "ms")(found for phases in twins.phases for found in _delays(twins, phases))


def _delays(twins: Twins, phases: tuple[Phase, Phase]) -> Iterator[Finding]:
    sides = [_medians(story, phase) for story, phase in zip(twins.stories, phases, strict=True)]
    waits = twins.unsettled(phases[0].name, (_tail_s(phases[0]), _tail_s(phases[1])))
    for pair in twins.pairs:
        emulated, modelled = (side.get(pair, np.nan) for side in sides)
        if np.isfinite(emulated) and np.isfinite(modelled):
            off, bound = abs(float(emulated - modelled)), DELAY_MS + PER_HOP_MS * _hops(twins.modelled, phases[1], pair)
            why = f"{waits} may strike until then" if waits and off > bound else "fidelity's bound, and switches' time"
            said = word(off <= bound, comparable=not waits)
            values = (f"{emulated:.2f} ms", f"{modelled:.2f} ms")
            subject = f"{pair[0]}→{pair[1]}"
            yield Finding(phases[0].name, subject, values, said, round(off, 3), round(bound, 3), why)


def _hops(story: Story, phase: Phase, pair: Pair) -> int:
    """Links on the pair's way, at most: round those of its shortest way that are broken, if they can be gone round."""
    broken = story.broken_links(_tail_s(phase))
    way = story.paths().links(*pair)
    round_them = (story.paths(broken).links(*story.topology.link(name).ends) for name in way if name in broken)
    return len(way) + sum(map(len, round_them))


def _tail_s(phase: Phase) -> float:
    return max(phase.end_s - TAIL_S, (phase.start_s + phase.end_s) / 2)


def _medians(story: Story, phase: Phase) -> Mapping[Pair, Floats]:
    samples, until_s = story.samples, phase.end_s - 2 * story.interval_s
    chosen = samples.delivered & ~samples.fine & (samples.due_s >= _tail_s(phase)) & (samples.due_s < until_s)
    group = samples.pair[chosen]
    median = quantiles(samples.delay_ms[chosen], group, len(samples.pairs), (0.5,))[0]
    counts = np.bincount(group, minlength=len(samples.pairs))
    return {pair: median[row] for row, pair in enumerate(samples.pairs) if counts[row] >= ENOUGH}
