"""One policy's two stories, emulated and modelled: their events side by side, one clock, and the timers that run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from experiments.agreement.bounds import PROBE_INTERVALS, Cause, Design, Timer, timers
from experiments.judging.attribution import configured_delay_ms
from experiments.judging.story import Event, Line, Phase, Story
from topology.channels import control_delays_ms
from topology.model import Pair


@dataclass(frozen=True)
class Running:
    """A timer that an event of one story has started. Times are on that story's clock."""

    timer: Timer
    begins_s: float
    ends_s: float


@dataclass(frozen=True)
class Twins:
    """Of one policy. A time of the emulated run minus ``shift_s`` is that of the modelled one."""

    emulated: Story
    modelled: Story
    design: Design

    @property
    def policy(self) -> str:
        return self.emulated.policy

    @property
    def stories(self) -> tuple[Story, Story]:
        return (self.emulated, self.modelled)

    @property
    def resolution_s(self) -> float:
        """What probes alone leave open of every border."""
        return PROBE_INTERVALS * max(story.interval_s for story in self.stories)

    @cached_property
    def round_trip_s(self) -> float:
        """Control round trip of the farthest PoP."""
        return 2 * max(control_delays_ms(self.emulated.topology).values()) / 1e3

    @cached_property
    def events(self) -> tuple[tuple[Event, Event], ...]:
        """What the timeline asked for, in both runs."""
        return tuple(zip(deeds(self.emulated), deeds(self.modelled), strict=False))

    @cached_property
    def phases(self) -> tuple[tuple[Phase, Phase], ...]:
        return tuple(zip(self.emulated.phases, self.modelled.phases, strict=False))

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Probed in both."""
        known = set(self.modelled.samples.pairs)
        return tuple(pair for pair in self.emulated.samples.pairs if pair in known)

    @cached_property
    def way_s(self) -> dict[Pair, float]:
        """How long a packet is under way where nothing is broken: darkness begins so long before its cause."""
        delays_ms = np.nan_to_num(configured_delay_ms(self.emulated), posinf=0.0)
        return {pair: float(ms) / 1e3 for pair, ms in zip(self.emulated.samples.pairs, delays_ms, strict=True)}

    @cached_property
    def anchors(self) -> tuple[tuple[float, float], ...]:
        """Moments that are the same in both: every event, and a started brain's first word, however long it took."""
        spoke = [[float(line["t"]) for line in story.of("brain") if _spoke(line)] for story in self.stories]
        found = [(e.began_s, m.began_s) for e, m in self.events]
        return tuple(sorted([*found, *(zip(*spoke, strict=True) if len(spoke[0]) == len(spoke[1]) else ())]))

    def shift_s(self, t_s: float) -> float:
        """How much later than in the model the last of these before ``t_s`` came in the emulated run."""
        before = [(e_s, m_s) for e_s, m_s in self.anchors if e_s <= t_s]
        return before[-1][0] - before[-1][1] if before else 0.0

    @cached_property
    def _running(self) -> tuple[tuple[Running, ...], tuple[Running, ...]]:
        emulated, modelled = (tuple(_running(story, self.design, self.round_trip_s)) for story in self.stories)
        return (emulated, modelled)

    def open_timers(self, story: Story, from_s: float, until_s: float) -> tuple[Timer, ...]:
        """Those that may strike in a stretch of a story's time; of each name the one with the widest spread."""
        slack_s = self.resolution_s
        running = self._running[0 if story is self.emulated else 1]
        found: dict[str, Timer] = {}
        for one in running:
            if one.begins_s - slack_s <= until_s and from_s <= one.ends_s + slack_s:
                known = found.get(one.timer.name)
                if known is None or known.spread_s < one.timer.spread_s:
                    found[one.timer.name] = one.timer
        return tuple(found.values())

    def unsettled(self, phase: str, at_s: tuple[float, float]) -> str:
        """The timers that may have struck in this phase until then, in words; empty when all that can come has come."""
        names: dict[str, None] = {}
        for story, t_s in zip(self.stories, at_s, strict=True):
            mine = next(one for one in story.phases if one.name == phase)
            open_ones = self.open_timers(story, max(mine.start_s, t_s), t_s)
            names |= dict.fromkeys(timer.name for timer in open_ones if timer.spread_s > self.resolution_s)
        return ", ".join(names)


def _running(story: Story, design: Design, round_trip_s: float) -> Iterator[Running]:
    for event in deeds(story):
        flight_s = max((story.topology.link(name).delay_ms for name in event.links), default=0.0) / 1e3
        cause = Cause(event, design, round_trip_s, flight_s, _stood_s(story, event))
        for timer in timers(cause):
            yield Running(timer, event.began_s + timer.from_s, event.done_s + timer.until_s)


def deeds(story: Story) -> tuple[Event, ...]:
    """What the timeline did; an event that ends others begins with what it undoes."""
    found: list[Event] = []
    began_s = np.inf
    for event in story.events:
        began_s = min(began_s, event.began_s)
        if event.asked or event.planned_s is not None:
            found.append(replace(event, began_s=float(began_s)))
            began_s = np.inf
    return tuple(found)


def phase_of(story: Story, t_s: float) -> str:
    """The phase in which ``t_s`` lies; the first or last for what lies outside."""
    begun = [phase.name for phase in story.phases if phase.start_s <= t_s + 1e-9]
    return begun[-1] if begun else story.phases[0].name


def _spoke(line: Line) -> bool:
    return line.get("what") == "ready" and float(line["t"]) > 0


def _stood_s(story: Story, event: Event) -> float:
    """Of an end: since its fault began."""
    before = [
        e.began_s for e in story.events if not e.restores and e.target == event.target and e.began_s < event.began_s
    ]
    return event.began_s - before[-1] if event.restores and before else 0.0
