"""(spec, topology, demand) → what happens when, in order. Pure: nothing is left to decide later.

    Begin    a phase begins
    Strike   something is injected (a heal or a return is injected too, and undoes others)
    Look     the tables are read back and compared with the oracle's

A look comes shortly before the end of each phase, where its effect has settled and reading
tables disturbs the next fault least; where the phase asks for it, also at an interval from its
beginning until the tables are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from experiments.asking.spec import FaultSpec, Spec
from experiments.asking.targets import Lots, Shares, resolve
from experiments.faults import FAULTS, Repeated
from experiments.reach import NOTHING, Reach, reach
from topology.errors import InputError, Problem
from topology.model import Topology

LOOK_BEFORE_END_S = 2.0
"""Room for the read-out of all switches and a path trace before the next fault: 0.7 s seen on an idle
machine, 1.9 s on one with three times as many ready threads as cores."""


@dataclass(frozen=True, slots=True)
class Begin:
    at_s: float
    name: str
    end_s: float


@dataclass(frozen=True, slots=True)
class Strike:
    at_s: float
    fault: str
    targets: tuple[str, ...]
    """Resolved: ``brain``, links' names, PoPs', or ``control:POP``."""
    asked: str = ""
    """As the spec said it."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    reach: Reach = NOTHING
    """What it touches."""
    proven: bool = True
    """False: one of many blows, of which the first and the last prove themselves."""
    ends: bool = False
    """It ends what the same entry struck, and nothing else."""


@dataclass(frozen=True, slots=True)
class Look:
    at_s: float
    phase: str
    before_s: float
    """The end of its phase: a look that still goes on must not delay what happens next. After the last: never."""
    until_right: bool = False
    """Skip it once the tables have been right in this phase."""
    trace: bool = False
    """Also trace the fine pairs."""


Event = Begin | Strike | Look


@dataclass(frozen=True, slots=True)
class Timeline:
    """Events in order; at the same instant a phase begins before anything strikes."""

    events: tuple[Event, ...]
    end_s: float

    @property
    def phases(self) -> tuple[Begin, ...]:
        return tuple(event for event in self.events if isinstance(event, Begin))

    @property
    def strikes(self) -> tuple[Strike, ...]:
        return tuple(event for event in self.events if isinstance(event, Strike))

    def first_on_the_backbone(self) -> Strike | None:
        """The first fault of links or of PoPs: fine probes go across the first of them."""
        return next((strike for strike in self.strikes if strike.reach.links), None)


def timeline(spec: Spec, topology: Topology, shares: Shares) -> Timeline:
    """Raises InputError with every target that does not exist (places are key paths of the spec)."""
    asked = [(entry.fault, entry.target) for entry in spec.timeline]
    wrong = wrong_targets(enumerate(asked), topology, shares)
    if problems := [Problem(f"timeline[{i}].target", message) for i, message in wrong]:
        raise InputError(problems)
    lots = Lots(spec.seed)
    entries = ((entry, _targets(entry.fault, entry.target, topology, shares, lots)) for entry in spec.timeline)
    strikes = [strike for entry, targets in entries for strike in _strikes(entry, targets, topology, spec)]
    events: list[Event] = [*_phases(spec), *strikes, *_looks(spec)]
    return Timeline(tuple(sorted(events, key=_order)), spec.end)


def wrong_targets(
    asked: Iterable[tuple[int, tuple[str, str]]], topology: Topology, shares: Shares
) -> Iterator[tuple[int, str]]:
    """(index in the timeline, (kind, target)) → (index, what is wrong) of what the topology does not have."""
    for i, (kind, target) in asked:
        try:
            _targets(kind, target, topology, shares, Lots(0))
        except InputError as error:
            yield from ((i, str(problem)) for problem in error.problems)


def _targets(kind: str, words: str, topology: Topology, shares: Shares, lots: Lots) -> tuple[str, ...]:
    struck = FAULTS[kind]
    return resolve(words, struck.aims_at, topology, shares, lots, restores=struck.restores)


def _strikes(entry: FaultSpec, targets: tuple[str, ...], topology: Topology, spec: Spec) -> Iterator[Strike]:
    """One; or, of a kind that strikes again and again, all that come before the end."""
    kind = FAULTS[entry.fault]
    settings = {name: kind.settings[name](text) for name, text in entry.settings.items()}
    touched = reach(kind.aims_at, targets, topology)
    fault = FAULTS.make(entry.fault, *targets, **settings)
    if not isinstance(fault, Repeated):
        yield Strike(entry.at, entry.fault, targets, entry.target, settings, touched)
        return
    for beat in fault.beats(entry.at, str(spec.seed)):
        if beat.at_s < spec.end:
            own = (touched, beat.proven, beat.ends)
            yield Strike(beat.at_s, beat.fault, targets, entry.target, beat.settings, *own)


def _phases(spec: Spec) -> Iterator[Begin]:
    ends_s = [*(phase.at for phase in spec.phases[1:]), spec.end]
    return (Begin(phase.at, phase.name, end_s) for phase, end_s in zip(spec.phases, ends_s, strict=True))


def _looks(spec: Spec) -> Iterator[Look]:
    for phase, begin in zip(spec.phases, _phases(spec), strict=True):
        last_s = begin.end_s - min(LOOK_BEFORE_END_S, (begin.end_s - begin.at_s) / 2)
        before_s = begin.end_s if begin.end_s < spec.end else inf
        at_s = begin.at_s + (phase.tables_every or 0)
        while phase.tables_every and at_s < last_s - phase.tables_every / 2:
            yield Look(at_s, phase.name, before_s, until_right=True)
            at_s += phase.tables_every
        yield Look(last_s, phase.name, before_s, trace=True)


def _order(event: Event) -> tuple[float, int]:
    return (event.at_s, (Begin, Strike, Look).index(type(event)))
