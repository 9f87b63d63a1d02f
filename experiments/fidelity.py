"""Could this machine be believed, for this policy? Bounds, and reasons when not.

A fault of the network and a fault of the machine look alike: probes come late or not at all.
They are told apart by *control pairs*, whose path no fault of the timeline touches: what they
lose, or how much later than configured their probes come, is the machine's doing. Added are
losses before the first fault, ports that fell without an order, probes never sent, steps of
the clock, and processors taken by others. Any reason makes every check of the policy unknown.

Darkness that a design brings about is no reason: a pair that never worked before the first
fault, and one that falls silent for a second or more after the brain was struck (rules that
expire), are carried by nobody, and so are no controls while that lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments import outage
from experiments.attribution import SLACK_S, configured_delay_ms, crossing, faulted_links, first_fault_s
from experiments.latency import quantiles
from experiments.samples import Bools, Floats
from experiments.story import Line, Story

Figures = dict[str, float | int | None]
DARK_S = 1.0
"""A silence this long is a state, not a stumble."""
WINDOW_S = 1.0
FEW = 20
"""Windows with fewer delivered control probes say nothing about a 99th percentile."""
PORT_BACK_S = 10.0
"""BFD may take this long to say that a healed link is up, and may flap meanwhile."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Beyond these nothing is believed. Chosen on two cores at several times what an idle machine shows."""

    delay_error_p50_ms: float = 2.0
    """Measured − configured one-way delay on control pairs, median of any second."""
    delay_error_p99_ms: float = 15.0
    unsent_pct: float = 0.1
    send_late_p99_ms: float = 15.0
    clock_step_ms: float = 1.0
    others_pct: float = 15.0
    """Processors taken by processes outside the run (and stolen by the hypervisor) …"""
    idle_pct: float = 10.0
    """… while less than this was idle, …"""
    starved_s: int = 2
    """… in so many seconds."""
    link_delay_ms: float = 2.0
    link_rate_pct: float = 15.0


BOUNDS = Bounds()


@dataclass(frozen=True)
class Fidelity:
    """``figures`` are for the report; ``seconds`` has one row per second of the run."""

    reasons: tuple[str, ...]
    figures: Figures
    seconds: dict[str, list[float | None]] = field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        return not self.reasons


def judge(story: Story, bounds: Bounds = BOUNDS) -> Fidelity:
    """Pure: looks at everything and stops at nothing, so that all reasons are told at once."""
    figures: Figures = {}
    reasons = [*_ending(story)]
    if len(story.samples):
        carried = _carried(story)
        reasons += _null_window(story, carried, figures)
        reasons += _controls(story, carried, figures)
        reasons += _sending(story, figures, bounds)
    seconds = _delay_errors(story, figures)
    reasons += _lateness(seconds, figures, bounds)
    reasons += [*_ports(story, figures), *_clock(story, figures, bounds), *_processors(story, figures, bounds)]
    reasons += _links(story, figures, bounds)
    return Fidelity(tuple(reasons), figures, seconds)


def control_pairs(story: Story) -> Bools:
    """[pair]: no fault touches its shortest path, so it is the same before and after."""
    return np.asarray(~crossing(story, faulted_links(story.events)))


def _ending(story: Story) -> Iterator[str]:
    outcome, error = story.outcome
    if outcome != "complete":
        yield f"the run did not complete ({outcome}{': ' + error if error else ''})"
    if not len(story.samples):
        yield "there are no probes"
    elif not story.samples.complete:
        yield "the prober died before the end"


def _carried(story: Story) -> Bools:
    """[probe, coarse or fine]: outside all darkness that the design brought about."""
    samples, end_s = story.samples, first_fault_s(story)
    null = samples.sent & (samples.due_s < end_s)
    alive = np.bincount(samples.pair[null & samples.delivered], minlength=len(samples.pairs)) > 0
    tried = np.bincount(samples.pair[null], minlength=len(samples.pairs)) > 0
    excused = (tried & ~alive)[samples.pair]
    struck_s = min((e.began_s for e in story.events if e.kind.startswith("brain") and not e.restores), default=np.inf)
    coarse = ~samples.fine
    runs = outage.find(samples.take(coarse), np.zeros(int(coarse.sum()), dtype=np.int64), story.interval_s)
    way_s = np.nan_to_num(configured_delay_ms(story), posinf=0.0) / 1e3 + SLACK_S
    dark = runs.take((runs.length_s >= DARK_S) & (runs.start_s + way_s[runs.pair] >= struck_s))
    for pair, start_s, length_s in zip(dark.pair, dark.start_s, dark.length_s, strict=True):
        margin_s = story.interval_s
        inside = (samples.due_s > start_s - margin_s) & (samples.due_s < start_s + length_s + margin_s)
        excused |= (samples.pair == pair) & inside
    return np.asarray(~excused)


def _null_window(story: Story, carried: Bools, figures: Figures) -> Iterator[str]:
    samples, end_s = story.samples, first_fault_s(story)
    arrival_s = samples.due_s + np.nan_to_num(configured_delay_ms(story), posinf=0.0)[samples.pair] / 1e3
    null = arrival_s + SLACK_S < end_s
    lost = int((samples.lost & null & carried).sum())
    figures["null_window_s"] = round(end_s - story.start_s, 3)
    figures["null_window_probes"] = int((null & samples.sent).sum())
    figures["null_window_lost"] = lost
    if lost:
        yield f"{lost} probes were lost before the first fault"


def _controls(story: Story, carried: Bools, figures: Figures) -> Iterator[str]:
    samples, control = story.samples, control_pairs(story)
    lost = samples.lost & carried & control[samples.pair]
    figures["control_pairs"] = int(control.sum())
    figures["control_lost"] = int(lost.sum())
    if lost.any():
        when_s = float(samples.due_s[lost].min())
        yield f"{int(lost.sum())} probes were lost on control pairs, which no fault touches (first at {when_s:.1f} s)"


def _sending(story: Story, figures: Figures, bounds: Bounds) -> Iterator[str]:
    samples = story.samples
    unsent, late = int((~samples.sent).sum()), (samples.sent_s - samples.due_s)[samples.sent] * 1e3
    worst = float(quantiles(late, np.zeros(len(late), dtype=np.int64), 1, (0.99,))[0, 0]) if len(late) else 0.0
    figures |= {"probes_unsent": unsent, "prober_dropped": samples.dropped, "send_late_p99_ms": round(worst, 3)}
    if 100 * unsent > bounds.unsent_pct * len(samples):
        yield f"{unsent} of {len(samples)} probes were never sent: the prober did not get a processor in time"
    if samples.dropped:
        yield f"{samples.dropped} probes were dropped in the prober's own buffers"
    if worst > bounds.send_late_p99_ms:
        yield f"probes were sent late: 99th percentile {worst:.1f} ms (bound {bounds.send_late_p99_ms:g} ms)"


def _delay_errors(story: Story, figures: Figures) -> dict[str, list[float | None]]:
    """Measured − configured one-way delay on control pairs per second: *the* fidelity figure."""
    samples = story.samples
    configured, control = configured_delay_ms(story), control_pairs(story)
    kept = samples.delivered & control[samples.pair] & (samples.due_s >= story.start_s) & (samples.due_s < story.end_s)
    error_ms = samples.delay_ms[kept] - configured[samples.pair[kept]]
    second = ((samples.due_s[kept] - story.start_s) / WINDOW_S).astype(np.int64)
    count = max(1, int(np.ceil((story.end_s - story.start_s) / WINDOW_S)))
    middle, high = quantiles(error_ms, second, count, (0.5, 0.99))
    few = np.bincount(second, minlength=count) < FEW
    if len(error_ms):
        whole = quantiles(error_ms, np.zeros(len(error_ms), dtype=np.int64), 1, (0.5, 0.99))
        figures["delay_error_p50_ms"], figures["delay_error_p99_ms"] = (round(float(value), 3) for value in whole[:, 0])
    else:
        figures["delay_error_p50_ms"] = figures["delay_error_p99_ms"] = None
    return {"p50_ms": _row(middle, few), "p99_ms": _row(high, few)}


def _row(values: Floats, hidden: Bools) -> list[float | None]:
    return [None if hide else round(float(value), 3) for value, hide in zip(values, hidden, strict=True)]


def _lateness(seconds: dict[str, list[float | None]], figures: Figures, bounds: Bounds) -> Iterator[str]:
    for name, bound in (("p50_ms", bounds.delay_error_p50_ms), ("p99_ms", bounds.delay_error_p99_ms)):
        known = [(abs(value), second) for second, value in enumerate(seconds[name]) if value is not None]
        worst, second = max(known, default=(None, 0))
        figures[f"delay_error_worst_second_{name}"] = worst
        if worst is not None and worst > bound:
            many = sum(value > bound for value, _ in known)
            yield (
                f"delay on control pairs was off by {worst:.1f} ms ({name[:3]}) in second {second} "
                f"(bound {bound:g} ms; {many} of {len(known)} seconds beyond it)"
            )


def _ports(story: Story, figures: Figures) -> Iterator[str]:
    fallen = [line for line in story.of("port") if _in_run(story, line) and not line.get("live", True)]
    strange = [line for line in fallen if not _ordered(story, line)]
    figures["uninjected_port_events"] = len(strange)
    if strange:
        first = strange[0]
        what = f"{first.get('cause', 'port')} of {first.get('pop')} port {first.get('port')}"
        yield f"{len(strange)} ports fell that nobody touched (first: {what} at {float(first['t']):.1f} s)"


def _in_run(story: Story, line: Line) -> bool:
    return story.start_s <= float(line["t"]) <= story.end_s


def _ordered(story: Story, line: Line) -> bool:
    """Whether its link was broken then, or healed shortly before."""
    mine = [event for event in story.events if line.get("link") in event.links]
    last = max(
        (event for event in mine if event.began_s - 0.05 <= float(line["t"])), key=lambda e: e.began_s, default=None
    )
    return last is not None and (not last.restores or float(line["t"]) < last.done_s + PORT_BACK_S)


def _clock(story: Story, figures: Figures, bounds: Bounds) -> Iterator[str]:
    steps = [abs(float(line["step_ms"])) for line in story.of("clock") if line.get("step_ms") is not None]
    worst = max(steps, default=None)
    figures["clock_step_ms"] = worst
    if worst is not None and worst > bounds.clock_step_ms:
        yield f"the clock was stepped by {worst:.1f} ms during the run"


def _processors(story: Story, figures: Figures, bounds: Bounds) -> Iterator[str]:
    loads = [line for line in story.of("load") if _in_run(story, line) and line.get("idle_pct") is not None]
    others = [float(line.get("foreign_pct") or 0) + float(line.get("steal_pct") or 0) for line in loads]
    idle = [float(line["idle_pct"]) for line in loads]
    starved = [o for o, i in zip(others, idle, strict=True) if o > bounds.others_pct and i < bounds.idle_pct]
    figures["foreign_max_pct"], figures["idle_min_pct"] = max(others, default=None), min(idle, default=None)
    figures["own_mean_pct"] = _mean([float(line["own_pct"]) for line in loads if line.get("own_pct") is not None])
    figures["wait_max_s_per_s"] = max((float(line.get("wait_s_per_s") or 0) for line in loads), default=None)
    figures["starved_s"] = len(starved) if loads else None
    if len(starved) >= bounds.starved_s:
        yield (
            f"others took the processors: up to {max(starved):.0f} % of them, with nothing idle, "
            f"in {len(starved)} of {len(loads)} seconds"
        )


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 1) if values else None


def _links(story: Story, figures: Figures, bounds: Bounds) -> Iterator[str]:
    """Links as measured before the start against what was configured."""
    table = calibration(story)
    delays = [abs(float(row["delay_error_ms"])) for row in table if row["delay_error_ms"] is not None]
    rates = [abs(float(row["rate_error_pct"])) for row in table if row["rate_error_pct"] is not None]
    figures["links_measured"] = len(table)
    figures["link_delay_error_median_ms"] = round(float(np.median(delays)), 3) if delays else None
    figures["link_delay_error_max_ms"] = max(delays, default=None)
    figures["link_rate_error_max_pct"] = max(rates, default=None)
    for row in table:
        if abs(float(row["delay_error_ms"] or 0)) > bounds.link_delay_ms:
            yield f"link {row['link']} was built {row['delay_error_ms']:+.1f} ms off its configured delay"
        if abs(float(row["rate_error_pct"] or 0)) > bounds.link_rate_pct:
            yield f"link {row['link']} was built {row['rate_error_pct']:+.0f} % off its configured rate"


def calibration(story: Story) -> list[dict[str, Any]]:
    """One row per measured link; errors in the worse direction."""
    return [_calibrated(line) for line in story.of("link") if line.get("delay_ms") is not None]


def _calibrated(line: Line) -> dict[str, Any]:
    ways = [line.get("measured_ab_ms"), line.get("measured_ba_ms")]
    errors = [float(way) - float(line["delay_ms"]) for way in ways if way is not None]
    rate, measured = line.get("rate_bps"), line.get("measured_bps")
    return {
        "link": str(line.get("link")),
        "delay_ms": float(line["delay_ms"]),
        "measured_ab_ms": ways[0],
        "measured_ba_ms": ways[1],
        "delay_error_ms": round(max(errors, key=lambda error: abs(error)), 3) if errors else None,
        "rate_bps": rate,
        "measured_bps": measured,
        "rate_error_pct": round(100 * (float(measured) / float(rate) - 1), 1) if rate and measured else None,
    }

