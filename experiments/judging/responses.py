"""What the control plane did about it, from the journal: detection, repair, stale routes, return.

The brain's words (``brain`` lines) and the port watcher's (``port`` lines) carry the run's
clock. Whether the forwarding state is right is never taken from the brain: only a ``tables``
line, which compares what the switches hold with the oracle, says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from experiments.judging.attribution import first_fault_s
from experiments.judging.story import Event, Line, Phase, Story

STAMP_ERROR_S = 0.02
"""How well an event of a process is placed on the run's clock."""
STATS_EVERY_S, STATS_LATE_S = 1.0, 0.1
"""A brain tells its counters so often; and so much later on an idle machine: a tick."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with the half-width of what it could also be. None: not known, and ``note`` says why."""

    value: float | None
    error: float = 0.0
    note: str = ""
    at_least: bool = False
    """It was not over when the phase ended (right-censored): after ``value``, or after the whole phase if None."""
    applies: bool = True
    """False: there was nothing to measure, so that no larger value hides here."""


def unknown(why: str, *, at_least: bool = False, applies: bool = True) -> Measure:
    return Measure(None, 0.0, why, at_least, applies)


@dataclass(frozen=True, slots=True)
class Tables:
    """How far the switches' tables were from the oracle at one moment."""

    t: float
    label: str
    entries: int
    harmless: int
    longer: int
    dark: int
    """Entries that lead nowhere: black holes, loops, missing rules."""

    @property
    def stale(self) -> int:
        return self.harmless + self.longer + self.dark

    def right(self, usual: Tables | None) -> bool:
        """As the oracle has them; of a design with ways of its own, no staler than usual."""
        stale, dark = (usual.stale, usual.dark) if usual else (0, 0)
        return self.entries > 0 and self.stale <= stale and self.dark <= dark


def usual(story: Story) -> Tables | None:
    """The last comparison before the first fault."""
    until_s = first_fault_s(story)
    return next((table for table in reversed(tables(story)) if table.t < until_s and table.entries), None)


def tables(story: Story) -> list[Tables]:
    """All comparisons of the run, in order."""
    return [_tables(line) for line in story.of("tables")]


def _tables(line: Line) -> Tables:
    count = Counter({name: int(line.get(name) or 0) for name in ("harmless", "longer", "blackhole", "loop", "missing")})
    dark = count["blackhole"] + count["loop"] + count["missing"]
    label = str(line.get("of") or "")
    return Tables(float(line["t"]), label, int(line.get("entries") or 0), count["harmless"], count["longer"], dark)


def within(lines: Sequence[Line], phase: Phase) -> list[Line]:
    return [line for line in lines if phase.start_s <= float(line["t"]) < phase.end_s]


def stale(story: Story, phase: Phase) -> dict[str, Measure]:
    """The last comparison of the phase."""
    here = [table for table in tables(story) if phase.start_s <= table.t < phase.end_s and table.entries]
    if not here:
        why = unknown("the tables were not read in this phase")
        return {"stale_route_pct": why, "stale_dark_pct": why}
    last = here[-1]
    return {
        "stale_route_pct": Measure(100 * last.stale / last.entries),
        "stale_dark_pct": Measure(100 * last.dark / last.entries),
    }


def detect(story: Story, phase: Phase) -> Measure:
    """First change of a port on the faulted link − t0 (s)."""
    cuts = [event for event in phase.opened_by if event.links and not event.restores and event.aims_at != "push"]
    if not cuts:
        return unknown("no link was broken in this phase")
    seen = [float(line["t"]) for line in within(story.of("port"), phase) if _fell(line, cuts[0])]
    if not seen:
        return unknown("no switch noticed before the next event", at_least=True)
    return Measure(max(0.0, min(seen) - cuts[0].began_s), STAMP_ERROR_S + cuts[0].done_s - cuts[0].began_s)


def notice(story: Story, phase: Phase) -> Measure:
    """First look at which a switch had lost its connection to the brain − t0 (s)."""
    lost = [event for event in phase.opened_by if event.aims_at == "brain" and not event.restores]
    if not lost:
        return unknown("the brain was not struck at the start of this phase")
    looks = [(float(line["t"]), int(line["connected"])) for line in story.of("pulse") if "connected" in line]
    before = [connected for t, connected in looks if t <= lost[0].began_s]
    since = [(t, connected) for t, connected in looks if lost[0].began_s < t < phase.end_s]
    first_s = next((t for t, connected in since if before and connected < before[-1]), None)
    if first_s is None:
        return unknown("no switch noticed in this phase")
    before_s = max((t for t, _ in since if t < first_s), default=lost[0].began_s)
    return Measure((first_s + before_s) / 2 - lost[0].began_s, (first_s - before_s) / 2 + STAMP_ERROR_S)


def headless(story: Story, phase: Phase) -> Measure:
    """Share of the PoPs whose switch had no connection to any brain at the last look of the phase (%)."""
    looks = [line["connected"] for line in within(story.of("pulse"), phase) if "connected" in line]
    if not looks:
        return unknown("nobody looked at the connections in this phase")
    return Measure(100 * (1 - int(looks[-1]) / len(story.topology.pops)))


def _fell(line: Line, cut: Event) -> bool:
    return line.get("link") in cut.links and not line.get("live")


def repair(story: Story, phase: Phase) -> Measure:
    """Forwarding state = oracle − t0 (s): the brain's last programming before the tables were found right."""
    if not phase.opened_by:
        return unknown("nothing happened at the start of this phase")
    before, read = usual(story), [table for table in tables(story) if phase.start_s <= table.t < phase.end_s]
    right = [table.t for table in read if table.right(before)]
    if not right:
        return unknown("the tables were never found right in this phase", at_least=bool(read))
    worked = [float(line["t"]) for line in within(_programming(story), phase) if float(line["t"]) <= right[0]]
    return Measure(max(worked, default=phase.start_s) - phase.start_s, STAMP_ERROR_S)


def return_cost(story: Story, phase: Phase) -> dict[str, Measure]:
    """From the first HELLO after the brain's return until it has gone through every PoP and the tables are right."""
    if not any(event.restores and event.aims_at == "brain" for event in phase.opened_by):
        return {}
    sent = within(said(story, "applied") or _programming(story), phase)
    return {"return_cost_s": _cost(story, phase), "return_peak_mods_per_s": Measure(float(peak_mods(sent)))}


def _cost(story: Story, phase: Phase) -> Measure:
    hellos = within(said(story, "hello"), phase)
    if not hellos:
        return unknown("no switch said hello to the returning brain", at_least=True)
    first_s, returned = float(hellos[0]["t"]), {line.get("brain") for line in hellos}

    def theirs(lines: Sequence[Line]) -> list[Line]:
        """Of several brains only what those did that came back."""
        return [line for line in lines if line.get("brain") in returned]

    def since(lines: Sequence[Line]) -> list[Line]:
        return [line for line in theirs(within(lines, phase)) if float(line["t"]) >= first_s]

    seen = {str(line.get("pop")) for line in since(said(story, "reconciling"))}
    if not seen and theirs(within(said(story, "follows"), phase)):
        return unknown("the brain that returned follows another, which goes on", applies=False)
    charge = {str(line.get("pop")) for line in theirs(said(story, "hello"))}
    done = [float(line["t"]) for line in since(_programming(story))]
    if charge - seen or not done:
        return unknown(f"the brain had not come to {len(charge - seen)} PoPs when the phase ended", at_least=True)
    before = usual(story)
    right = [table.right(before) for table in tables(story) if phase.start_s <= table.t < phase.end_s]
    if not right or not right[-1]:
        return unknown("the tables were not found right after the return", at_least=bool(right))
    return Measure(max(done) - first_s, STAMP_ERROR_S)


def takeover(story: Story, phase: Phase) -> Measure | None:
    """From the loss of the leader until another brain has gone through every PoP; None where no leader was lost.

    A brain goes through a PoP when the switch has made it MASTER and was read back: what differs is sent then.
    """
    struck = [event for event in phase.opened_by if event.aims_at == "brain" and not event.restores]
    if not any(_struck_leader(story, event) for event in struck):
        return None
    leads = within(said(story, "leads"), phase)
    if not leads:
        return unknown("nobody took over in this phase", at_least=True)
    new = leads[0]
    seen: dict[str, float] = {}
    for line in within(said(story, "reconciling"), phase):
        if line.get("brain") == new.get("brain") and float(line["t"]) >= float(new["t"]):
            seen.setdefault(str(line.get("pop")), float(line["t"]))
    if missing := len(set(story.topology.names) - seen.keys()):
        return unknown(f"the new leader had not come to {missing} PoPs when the phase ended", at_least=True)
    began_s, ended_s = struck[0].began_s, max(seen.values())
    return Measure(ended_s - began_s, STAMP_ERROR_S + _behind(story, new.get("brain"), began_s, ended_s))


def _struck_leader(story: Story, event: Event) -> bool:
    """Whether a brain that led when the event came is among those that it struck."""
    leads = {}
    for line in story.of("brain"):
        if line.get("what") in ("leads", "follows") and float(line["t"]) <= event.began_s:
            leads[line.get("brain")] = line["what"] == "leads"
    names = event.target.replace(" ", "").split(",")
    return any(led and ("all" in names or brain in names) for brain, led in leads.items())


def _behind(story: Story, brain: object, began_s: float, ended_s: float) -> float:
    """How far a brain fell behind between two times (s), by the line that it writes every second.

    So much of what it took may be the machine's: a brain that waits for a processor says nothing of its design.
    """
    told = [float(line["t"]) for line in said(story, "stats") if line.get("brain") == brain]
    gaps = [after - before for before, after in pairwise(told) if before < ended_s and after > began_s]
    return max(0.0, max(gaps, default=0.0) - STATS_EVERY_S - STATS_LATE_S)


def peak_mods(lines: Sequence[Line]) -> int:
    """The most flow and group changes that fell into one second, whenever it began."""
    counted = sorted((float(line["t"]), _mods(line)) for line in lines)
    times_s = np.array([t for t, _ in counted])
    total = np.cumsum([0, *(mods for _, mods in counted)])
    until = np.searchsorted(times_s, times_s + 1.0)
    return int((total[until] - total[: len(counted)]).max(initial=0))


def _mods(line: Line) -> int:
    counts = (line.get(name) for name in ("mods", "added", "deleted", "modified"))
    return sum(int(count) for count in counts if isinstance(count, (int, float)))


def said(story: Story, what: str) -> list[Line]:
    """The brain's log lines of one kind."""
    return [line for line in story.of("brain") if line.get("what") == what]


def _programming(story: Story) -> list[Line]:
    return [line for line in story.of("brain") if line.get("what") in ("programmed", "reconciled")]
