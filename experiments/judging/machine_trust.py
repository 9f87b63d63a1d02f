"""What the journal says about the machine: processors, clock, ports, links, storms, lateness of the runner.

Half of ``experiments.judging.fidelity``: each function fills in its figures and yields its reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from experiments.judging.story import Line, Story

Figures = dict[str, float | int | None]
METER_S = 2.0
"""A reading of the meter is about the second before it, and comes up to one late."""
PORT_BACK_S = 10.0
"""BFD may take this long to say that a healed link is up, and may flap meanwhile."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Beyond these nothing is believed. Chosen on two cores at several times what an idle machine shows."""

    delay_error_p50_ms: float = 2.0
    """Measured − configured one-way delay on control pairs, median of any second."""
    delay_error_p99_ms: float = 15.0
    """The same at the 99th percentile: in a second in which a fault struck, or in more than …"""
    stalls_s: int = 2
    """… so many seconds of the run. One stall of 20 ms moves a second's percentile and no result."""
    unsent_pct: float = 0.1
    send_late_p99_ms: float = 15.0
    clock_step_ms: float = 1.0
    event_late_s: float = 0.5
    """A fault that came this much later than planned."""
    others_pct: float = 15.0
    """Processors taken by processes outside the run (and stolen by the hypervisor) …"""
    idle_pct: float = 10.0
    """… while less than this was idle, …"""
    starved_s: int = 2
    """… in so many seconds."""
    link_delay_ms: float = 2.0
    link_rate_pct: float = 15.0


def ports(story: Story, figures: Figures) -> Iterator[str]:
    """Ports that fell while nothing had been done to their link."""
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
    t = float(line["t"])
    mine = [event for event in story.events if line.get("link") in event.links and event.began_s - 0.05 <= t]
    last = max(mine, key=lambda event: event.began_s, default=None)
    return last is not None and (not last.restores or t < last.done_s + PORT_BACK_S)


def clock(story: Story, figures: Figures, bounds: Bounds) -> Iterator[str]:
    """Steps of the wall clock against the monotonic one."""
    steps = [abs(float(line["step_ms"])) for line in story.of("clock") if line.get("step_ms") is not None]
    worst = max(steps, default=None)
    figures["clock_step_ms"] = worst
    if worst is not None and worst > bounds.clock_step_ms:
        yield f"the clock was stepped by {worst:.1f} ms during the run"


def lateness(story: Story, figures: Figures, bounds: Bounds) -> Iterator[str]:
    """Faults that came later than planned: the runner itself was held up."""
    late = max(story.phases, key=lambda phase: phase.late_s, default=None)
    figures["event_late_max_s"] = round(late.late_s, 3) if late else None
    if late is not None and late.late_s > bounds.event_late_s:
        yield f"the fault that opens '{late.name}' came {late.late_s:.1f} s late (bound {bounds.event_late_s:g} s)"


def processors(story: Story, figures: Figures, bounds: Bounds) -> Iterator[str]:
    """Seconds in which others took the processors and left nothing idle; a meter that waits itself reads less often."""
    loads = [line for line in story.of("load") if _in_run(story, line) and line.get("idle_pct") is not None]
    others = [float(line.get("foreign_pct") or 0) + float(line.get("steal_pct") or 0) for line in loads]
    idle = [float(line["idle_pct"]) for line in loads]
    own = [float(line["own_pct"]) for line in loads if line.get("own_pct") is not None]
    ends_s = [float(line["t"]) for line in loads]
    lasted_s = [1.0, *(later - earlier for earlier, later in pairwise(ends_s))][: len(loads)]
    starved = {
        number: lasted_s[number]
        for number, (other, left) in enumerate(zip(others, idle, strict=True))
        if other > bounds.others_pct and left < bounds.idle_pct
    }
    starved_s = sum(starved.values())
    figures["foreign_max_pct"], figures["idle_min_pct"] = max(others, default=None), min(idle, default=None)
    figures["own_mean_pct"] = round(sum(own) / len(own), 1) if own else None
    figures["wait_max_s_per_s"] = max((float(line.get("wait_s_per_s") or 0) for line in loads), default=None)
    figures["starved_s"] = round(starved_s, 1) if loads else None
    if starved and starved_s >= bounds.starved_s:
        yield (
            f"others took the processors: up to {max(others[number] for number in starved):.0f} % of them, "
            f"with nothing idle, in {starved_s:.0f} of {sum(lasted_s):.0f} seconds"
        )


def stolen_pct(story: Story, second: int) -> float:
    """Of the processors, in a second of the run: what the hypervisor gave to other machines, where the meter knows."""
    begin_s = story.start_s + second
    told = (line for line in story.of("load") if begin_s < float(line["t"]) <= begin_s + METER_S)
    return max((float(line.get("steal_pct") or 0) for line in told), default=0.0)


def links(story: Story, figures: Figures, bounds: Bounds) -> Iterator[str]:
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
            yield f"link {row['link']} measured {row['delay_error_ms']:+.1f} ms off its configured delay"
        if abs(float(row["rate_error_pct"] or 0)) > bounds.link_rate_pct:
            yield f"link {row['link']} measured {row['rate_error_pct']:+.0f} % off its configured rate"


def storms(story: Story, figures: Figures) -> Iterator[str]:
    """Links that the storm bound held back (``topology.replica.way``): what was lost there, the lab took."""
    stormed = {str(line["link"]): int(line["frames"]) for line in story.of("storm")}
    figures["frames_held_back"] = sum(stormed.values())
    if stormed:
        worst = max(stormed, key=lambda link: stormed[link])
        more = f" (and {len(stormed) - 1} more links)" if len(stormed) > 1 else ""
        yield f"a storm: {stormed[worst]} frames more than a link may carry came to {worst}{more} and were held back"


def calibration(story: Story) -> list[dict[str, Any]]:
    """One row per measured link; errors in the worse direction."""
    return [_calibrated(line) for line in story.of("link") if line.get("delay_ms") is not None]


def _calibrated(line: Line) -> dict[str, Any]:
    ways = [line.get("measured_ab_ms"), line.get("measured_ba_ms")]
    errors = [float(way) - float(line["delay_ms"]) for way in ways if way is not None]
    worst = max(errors, key=abs) if errors else None
    rate, measured = line.get("rate_bps"), line.get("measured_bps")
    return {
        "link": str(line.get("link")),
        "delay_ms": float(line["delay_ms"]),
        "measured_ab_ms": ways[0],
        "measured_ba_ms": ways[1],
        "delay_error_ms": None if worst is None else round(worst, 3),
        "rate_bps": rate,
        "measured_bps": measured,
        "rate_error_pct": round(100 * (float(measured) / float(rate) - 1), 1) if rate and measured else None,
    }
