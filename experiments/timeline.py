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
from typing import Any

from experiments.faults import FAULTS
from experiments.spec import FaultSpec, Spec
from experiments.targets import Shares, resolve
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
    target: str
    """Resolved: ``brain``, a link's name, or ``control:POP``."""
    asked: str = ""
    """As the spec said it."""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    at_s: float
    phase: str
    before_s: float
    """The end of its phase: a look that would still go on then must not delay what happens next."""
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

    def first_link(self) -> str | None:
        """The backbone link that the first fault on one strikes: fine probes go across it."""
        return next((s.target for s in self.strikes if "-" in s.target and ":" not in s.target), None)


def timeline(spec: Spec, topology: Topology, shares: Shares) -> Timeline:
    """Raises InputError with every target that does not exist (places are key paths of the spec)."""
    asked = [(entry.fault, entry.target) for entry in spec.timeline]
    wrong = wrong_targets(enumerate(asked), topology, shares)
    if problems := [Problem(f"timeline[{i}].target", message) for i, message in wrong]:
        raise InputError(problems)
    strikes = [_strike(entry, topology, shares) for entry in spec.timeline]
    events: list[Event] = [*_phases(spec), *strikes, *_looks(spec)]
    return Timeline(tuple(sorted(events, key=_order)), spec.end)


def wrong_targets(
    asked: Iterable[tuple[int, tuple[str, str]]], topology: Topology, shares: Shares
) -> Iterator[tuple[int, str]]:
    """(index in the timeline, (kind, target)) → (index, what is wrong) of what the topology does not have."""
    for i, (kind, target) in asked:
        try:
            resolve(target, FAULTS[kind].aims_at, topology, shares)
        except InputError as error:
            yield i, str(error)


def _strike(entry: FaultSpec, topology: Topology, shares: Shares) -> Strike:
    kind = FAULTS[entry.fault]
    target = resolve(entry.target, kind.aims_at, topology, shares)
    settings = {name: kind.settings[name](text) for name, text in entry.settings.items()}
    return Strike(entry.at, entry.fault, target, entry.target, settings)


def _phases(spec: Spec) -> Iterator[Begin]:
    ends_s = [*(phase.at for phase in spec.phases[1:]), spec.end]
    return (Begin(phase.at, phase.name, end_s) for phase, end_s in zip(spec.phases, ends_s, strict=True))


def _looks(spec: Spec) -> Iterator[Look]:
    for phase, begin in zip(spec.phases, _phases(spec), strict=True):
        last_s = begin.end_s - min(LOOK_BEFORE_END_S, (begin.end_s - begin.at_s) / 2)
        at_s = begin.at_s + (phase.tables_every or 0)
        while phase.tables_every and at_s < last_s - phase.tables_every / 2:
            yield Look(at_s, phase.name, begin.end_s, until_right=True)
            at_s += phase.tables_every
        yield Look(last_s, phase.name, begin.end_s, trace=True)


def _order(event: Event) -> tuple[float, int]:
    return (event.at_s, (Begin, Strike, Look).index(type(event)))
