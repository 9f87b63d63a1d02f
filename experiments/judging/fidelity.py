"""Could this machine be believed, for this policy? Bounds, and reasons when not.

A fault of the network and a fault of the machine look alike: probes come late or not at all.
They are told apart by *control pairs*, whose path no fault of the timeline touches: what they
lose, or how much later than configured their probes come, is the machine's doing. Added are
losses before the first fault, probes never sent, and what the journal tells about the machine
(``machine_trust``): processors taken by others, ports that fell without an order, … Any reason
makes every check of the policy unknown.

Darkness that a design brings about is no reason: a pair that never worked before the first
fault, and one that falls silent for a second or more after the brain was struck or a PoP lost
its way to it (rules that expire), are carried by nobody, and so are no controls while that lasts.
Where the design, or what is done to it, carries pairs another way, there are no controls from then
on (``Story.moved_s``); the machine is then judged by its processors, the prober's punctuality, and
the time before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from experiments.judging import machine_trust, outage
from experiments.judging.attribution import SLACK_S, configured_delay_ms, crossing, faulted_links, first_fault_s
from experiments.judging.latency import quantiles
from experiments.judging.machine_trust import Bounds, Figures
from experiments.judging.samples import Bools, Floats, Ints, Samples
from experiments.judging.story import Story

DARK_S = 1.0
"""A silence this long is a state, not a stumble."""
WINDOW_S = 1.0
FEW = 20
ENOUGH = 0.5
"""A second in which fewer control probes, or less than this share of those sent, were delivered says nothing."""
TELLING_PCT = 5.0
"""Of the processors, taken by the hypervisor: worth a word beside a delay."""


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
    reasons += _lateness(story, seconds, figures, bounds)
    reasons += machine_trust.ports(story, figures)
    reasons += machine_trust.storms(story, figures)
    for look in (machine_trust.lateness, machine_trust.clock, machine_trust.processors, machine_trust.links):
        reasons += look(story, figures, bounds)
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
    headless = (e.began_s for e in story.events if (e.aims_at == "brain" or e.control) and not e.restores)
    struck_s = min(headless, default=np.inf)
    coarse = ~samples.fine
    runs = outage.find(samples.take(coarse), np.zeros(int(coarse.sum()), dtype=np.int64), story.interval_s)
    way_s = np.nan_to_num(configured_delay_ms(story), posinf=0.0) / 1e3 + SLACK_S
    dark = runs.take((runs.length_s >= DARK_S) & (runs.start_s + way_s[runs.pair] >= struck_s))
    from_s, until_s = dark.start_s - story.interval_s, dark.start_s + dark.length_s + story.interval_s
    moved = samples.due_s + way_s[samples.pair] >= story.moved_s
    return np.asarray(~(excused | moved | _within(samples, dark.pair, from_s, until_s)))


def _within(samples: Samples, pair: Ints, begin_s: Floats, end_s: Floats) -> Bools:
    """[probe]: due within one of the stretches of its pair. Stretches of a pair do not overlap."""
    span_s = float(np.max(samples.due_s, initial=0.0)) + 1e3
    order = np.argsort(pair * span_s + begin_s)
    starts, ends = (pair * span_s + begin_s)[order], (pair * span_s + end_s)[order]
    place = samples.pair * span_s + samples.due_s
    last = np.searchsorted(starts, place, side="right") - 1
    return np.asarray((last >= 0) & (place < np.append(ends, -np.inf)[last]))


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
    count = max(1, int(np.ceil((story.end_s - story.start_s) / WINDOW_S)))
    until_s = min(story.end_s, story.moved_s)
    mine = samples.sent & control[samples.pair] & (samples.due_s >= story.start_s) & (samples.due_s < until_s)
    kept = mine & samples.delivered
    second = ((samples.due_s - story.start_s) / WINDOW_S).astype(np.int64)
    sent, got = (np.bincount(second[chosen], minlength=count) for chosen in (mine, kept))
    error_ms = samples.delay_ms[kept] - configured[samples.pair[kept]]
    middle, high = quantiles(error_ms, second[kept], count, (0.5, 0.99))
    few = (got < FEW) | (got < ENOUGH * sent)
    if len(error_ms):
        whole = quantiles(error_ms, np.zeros(len(error_ms), dtype=np.int64), 1, (0.5, 0.99))
        figures["delay_error_p50_ms"], figures["delay_error_p99_ms"] = (round(float(value), 3) for value in whole[:, 0])
    else:
        figures["delay_error_p50_ms"] = figures["delay_error_p99_ms"] = None
    return {"p50_ms": _row(middle, few), "p99_ms": _row(high, few)}


def _row(values: Floats, hidden: Bools) -> list[float | None]:
    return [None if hide else round(float(value), 3) for value, hide in zip(values, hidden, strict=True)]


def _lateness(story: Story, seconds: dict[str, list[float | None]], figures: Figures, bounds: Bounds) -> Iterator[str]:
    struck = {int((event.began_s - story.start_s) / WINDOW_S) for event in story.events if not event.restores}
    for name, bound, borne in (
        ("p50_ms", bounds.delay_error_p50_ms, 0),
        ("p99_ms", bounds.delay_error_p99_ms, bounds.stalls_s),
    ):
        known = {second: abs(value) for second, value in enumerate(seconds[name]) if value is not None}
        beyond = [second for second, value in known.items() if value > bound]
        figures[f"delay_error_worst_second_{name}"] = max(known.values(), default=None)
        figures[f"delay_error_seconds_beyond_{name}"] = len(beyond)
        if len(beyond) > borne or struck.intersection(beyond):
            worst = max(beyond, key=lambda second: known[second])
            stolen_pct = machine_trust.stolen_pct(story, worst)
            why = f"; other machines had {stolen_pct:.0f} % of the processors then" if stolen_pct >= TELLING_PCT else ""
            yield (
                f"delay on control pairs was off by {known[worst]:.1f} ms ({name[:3]}) in second {worst} "
                f"(bound {bound:g} ms; {len(beyond)} of {len(known)} seconds beyond it){why}"
            )
