"""All metrics of one policy: per phase and over the whole run, each a value with its error.

Division of labour: ``attribution`` says which phase a probe belongs to, ``outage`` finds runs
of losses, ``windows`` availability, ``latency`` round trips, ``responses`` reads the journal;
this module puts their answers under the names of the contract. What each means: ``experiments.judging.metric_names``.
Availability, outages and black holes rest on the coarse probes alone, which every pair has at
the same interval; the counts of probes take in the fine ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.judging import latency, outage, responses, windows
from experiments.judging.attribution import NOWHERE, crossing, first_fault_s, phase_numbers, settled
from experiments.judging.exposure import exposure
from experiments.judging.responses import Measure, unknown
from experiments.judging.samples import Bools, Floats, Ints
from experiments.judging.story import Line, Phase, Story

Measures = dict[str, Measure]
END_OF_PHASE_PROBES = 5
"""A pair is down at the end when its last so many probes were all lost."""


@dataclass(frozen=True)
class Measured:
    """Everything that was measured on one policy."""

    phases: dict[str, Measures]
    overall: Measures


def measure(story: Story) -> Measured:
    """Pure: the same story gives the same numbers."""
    number = phase_numbers(story)
    calm = _calm(story, number)
    by_phase = {phase.name: _phase(story, place, number, calm) for place, phase in enumerate(story.phases)}
    return Measured(by_phase, _overall(story, number, by_phase))


def _phase(story: Story, place: int, number: Ints, calm: latency.Delays) -> Measures:
    phase = story.phases[place]
    mine = number == place
    if not mine.any():
        return {"probes_due": Measure(0.0)}
    found = _probes(story, mine, phase.start_s, phase.end_s)
    found |= _reachable(story, mine, phase)
    found |= _outages(story, np.where(mine, 0, NOWHERE))
    found |= _latencies(story, phase, calm)
    found |= _cut(story, place, number)
    found |= responses.stale(story, phase)
    found |= {"detect_s": responses.detect(story, phase), "repair_s": responses.repair(story, phase)}
    found["headless_pops_pct"] = responses.headless(story, phase)
    found["notice_s"] = responses.notice(story, phase)
    found |= _bulk(story, phase.start_s, phase.end_s)
    found |= exposure(story, phase.start_s, phase.end_s)
    found["mitigate_s"] = _mitigate(story, phase, mine)
    if (taken := responses.takeover(story, phase)) is not None:
        found["takeover_s"] = taken
    if returned := responses.return_cost(story, phase):
        found |= returned | {"return_lost": found["probes_lost"]}
    return found


def _overall(story: Story, number: Ints, by_phase: dict[str, Measures]) -> Measures:
    inside = number != NOWHERE
    if not inside.any():
        return {"probes_due": Measure(0.0)}
    found = _probes(story, inside, story.start_s, story.end_s)
    found |= _outages(story, np.where(inside, 0, NOWHERE))
    found |= _bulk(story, story.start_s, story.end_s)
    found |= exposure(story, story.start_s, story.end_s)
    for name in ("in_flight_ms", "repair_ms", "takeover_s", "return_cost_s", "return_lost", "return_peak_mods_per_s"):
        if known := [measures[name] for measures in by_phase.values() if name in measures]:
            found[name] = _worst(known)
    return found


def _worst(known: Sequence[Measure]) -> Measure:
    """The largest; not known, where one that is not known could be larger."""
    hidden = [one for one in known if one.value is None and one.applies]
    values = [one for one in known if one.value is not None]
    if not values:
        return (hidden or known)[0]
    largest = max(values, key=lambda one: one.value or 0.0)
    if not hidden:
        return replace(largest, at_least=any(one.at_least for one in values))
    if all(one.at_least for one in hidden):
        return replace(largest, note=hidden[0].note, at_least=True)
    return hidden[0]


def _probes(story: Story, mine: Bools, start_s: float, end_s: float) -> Measures:
    """Counts, availability, blast radius."""
    samples, weights = story.samples, story.weights
    unsent = int((mine & ~samples.sent).sum())
    counted = windows.count(samples, mine & ~samples.fine, start_s, end_s)
    share = counted.availability
    known = np.isfinite(share)
    bad = np.asarray(counted.bad.any(axis=1))
    pops = windows.touched_pops(samples, bad)
    found = {
        "probes_due": Measure(float(mine.sum())),
        "probes_lost": Measure(float((mine & samples.lost).sum()), float(unsent)),
        "probes_unsent": Measure(float(unsent)),
        "blast_pairs_pct": Measure(100 * float(bad.mean())),
        "blast_demand_pct": Measure(100 * float(weights[bad].sum())),
        "blast_pops_pct": Measure(100 * len(pops) / len(story.topology.pops)),
        "pairs_down_at_end": Measure(float(_down_at_end(story, mine))),
        "pairs_dark_max": Measure(float((counted.known & (counted.lost == counted.sent)).sum(axis=0).max(initial=0))),
    }
    if known.any():
        found["availability_pct"] = _availability(counted, known, weights)
        found["availability_mean_pct"] = _availability(counted, known, np.ones(len(share)))
    return found


def _availability(counted: windows.Windows, chosen: Bools, weights: Floats) -> Measure:
    """Mean over the chosen pairs."""
    part = weights[chosen] / weights[chosen].sum()
    return Measure(100 * float(part @ counted.availability[chosen]), 100 * float(part @ counted.doubt[chosen]))


def _reachable(story: Story, mine: Bools, phase: Phase) -> Measures:
    """Pairs that no design could carry, because a PoP is down or the network fell apart; and all others."""
    left = story.paths(story.broken_links(settled(phase)[0]))
    cut_off = np.array([not left.links(*pair) for pair in story.samples.pairs], dtype=np.bool_)
    counted = windows.count(story.samples, mine & ~story.samples.fine, phase.start_s, phase.end_s)
    others = np.asarray(np.isfinite(counted.availability) & ~cut_off)
    none_left = unknown("no pair has a way")
    share = _availability(counted, others, story.weights) if story.weights[others].sum() > 0 else none_left
    return {"pairs_cut_off": Measure(float(cut_off.sum())), "availability_reachable_pct": share}


def _down_at_end(story: Story, mine: Bools) -> int:
    samples = story.samples
    kept = np.flatnonzero(mine & ~samples.fine & samples.sent)
    if not len(kept):
        return 0
    pair, lost = samples.pair[kept], samples.lost[kept]
    after = np.append(np.flatnonzero(pair[1:] != pair[:-1]) + 1, len(pair))
    sums = np.append(0, np.cumsum(lost))
    begins = np.append(0, after[:-1])
    first = np.maximum(after - END_OF_PHASE_PROBES, begins)
    return int((sums[after] - sums[first] == after - first).sum())


def _outages(story: Story, group: Ints) -> Measures:
    """Longest runs per pair, and black holes."""
    coarse, delta_s = ~story.samples.fine, story.interval_s
    runs = outage.find(story.samples.take(coarse), group[coarse], delta_s)
    per_pair = outage.longest(runs)
    names = ("outage_p50_ms", "outage_p99_ms", "outage_max_ms")
    lengths = per_pair.length_s * 1e3 if len(per_pair.pair) else np.zeros(1)
    error = 1e3 * float(per_pair.error_s.max(initial=delta_s))
    found = {
        name: Measure(float(np.quantile(lengths, q)), error) for name, q in zip(names, (0.5, 0.99, 1), strict=True)
    }
    found["outage_max_ms"] = replace(found["outage_max_ms"], at_least=bool((runs.open_end & _as_long(runs)).any()))
    down, weight = runs.length_s, story.weights[runs.pair]
    found["pairs_hit"] = Measure(float(len(per_pair.pair)))
    found["blackhole_pair_s"] = Measure(float(down.sum()), float(runs.error_s.sum()))
    found["blackhole_demand_s"] = Measure(float(down @ weight), float(runs.error_s @ weight))
    return found


def _as_long(runs: outage.Runs) -> Bools:
    """The runs that are as long as the longest."""
    return np.asarray(runs.length_s == runs.length_s.max(initial=0.0))


def _calm(story: Story, number: Ints) -> latency.Delays:
    """Delays before the first fault."""
    end_s = first_fault_s(story)
    samples = story.samples
    return latency.delays(samples, (number != NOWHERE) & ~samples.fine & (samples.due_s < end_s - 0.3))


def _latencies(story: Story, phase: Phase, calm: latency.Delays) -> Measures:
    names = ("latency_inflation_p50", "latency_inflation_p95", "path_stretch_p50")
    begin_s, end_s = settled(phase)
    samples = story.samples
    now = latency.delays(samples, ~samples.fine & (samples.due_s >= begin_s) & (samples.due_s < end_s))
    ratio, error = latency.inflation(story, now, calm)
    stretch = latency.stretch(story, now, story.broken_links(begin_s))
    if not len(ratio):
        return dict.fromkeys(names, unknown("no pair delivered both ways"))
    values = (np.quantile(ratio, 0.5), np.quantile(ratio, 0.95), np.quantile(stretch, 0.5))
    return {name: Measure(float(value), float(np.median(error))) for name, value in zip(names, values, strict=True)}


def _cut(story: Story, place: int, number: Ints) -> Measures:
    """Outage of the fine pairs over the link that was cut, split in two; the worst pair counts."""
    cuts = [event for event in story.phases[place].opened_by if event.links and event.severs and not event.restores]
    if not cuts or not story.samples.fine.any():
        return {}
    names = ("outage_fine_ms", "in_flight_ms", "repair_ms")
    parts = outage.split(story, cuts[0], place, number)
    if not parts:
        dark = crossing(story, cuts[0].links)[story.samples.pair[story.samples.fine]].any()
        why = "the fine pairs were dark before the cut" if dark else "no fine pair crosses the cut link"
        return dict.fromkeys(names, unknown(why, applies=False))
    worst = max(parts, key=lambda part: part.repair_ms)
    note = worst.note or ("" if worst.repaired else "not repaired before the next event: at least this")
    values = (worst.outage_ms, worst.in_flight_ms, worst.repair_ms)
    ends = {"outage_fine_ms", "repair_ms"} if not worst.repaired else set()
    return {name: Measure(value, worst.error_ms, note, name in ends) for name, value in zip(names, values, strict=True)}


def _mitigate(story: Story, phase: Phase, mine: Bools) -> Measure:
    """End of the last lost probe − t0 (s)."""
    samples = story.samples
    lost = samples.due_s[mine & samples.lost & ~samples.fine]
    if not len(lost):
        return Measure(0.0, story.interval_s)
    if lost.max() > phase.end_s - 2 * story.interval_s:
        return unknown("still losing at the next event", at_least=True)
    return Measure(max(0.0, float(lost.max()) + story.interval_s - phase.start_s), story.interval_s)


def _bulk(story: Story, start_s: float, end_s: float) -> Measures:
    """Delivered against offered between two times, over the flows that gave a result."""
    flows = [line for line in story.of("bulk") if line.get("offered_bps")]
    if not flows:
        return {}
    whole = (start_s, end_s) == (story.start_s, story.end_s)
    shares = [(float(line["offered_bps"]), _delivered_bps(line, start_s, end_s, whole)) for line in flows]
    offered = sum(rate for rate, delivered in shares if delivered is not None)
    if not offered:
        return {"demand_satisfied_pct": unknown("no bulk flow gave a result")}
    delivered = sum(delivered for _, delivered in shares if delivered is not None)
    missing = sum(rate for rate, found in shares if found is None)
    return {"demand_satisfied_pct": Measure(100 * delivered / offered, 100 * missing / (offered + missing))}


def _delivered_bps(line: Line, start_s: float, end_s: float, whole: bool) -> float | None:
    """One flow's mean rate at its receiver; its handshake at the start of the run is left out."""
    intervals = line.get("intervals")
    if whole or intervals is None:
        found = line.get("delivered_bps") if whole else None
        return None if found is None else float(found)
    since_s = max(start_s, float(line.get("since_s") or 0.0))
    bits = sum(_overlap_s(one, since_s, end_s) / (one[1] - one[0]) * one[2] for one in intervals if one[1] > one[0])
    return float(bits) / (end_s - since_s) if end_s > since_s else None


def _overlap_s(interval: Sequence[float], start_s: float, end_s: float) -> float:
    return max(0.0, min(interval[1], end_s) - max(interval[0], start_s))
