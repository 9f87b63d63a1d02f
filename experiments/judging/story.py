"""What happened to one policy, put together from its run folder: the input of all judging.

``Story`` joins what was planned (phases, from the manifest) with what was done (faults with
their times and proofs, from the journal) and what was seen (samples). Nothing here measures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from controller.paths import Paths, shortest
from experiments.judging.samples import Floats, Samples
from experiments.reach import broken
from topology.model import Pair, Topology
from topology.units import parse_time_s

Line = Mapping[str, Any]
_SEVERED, _RESTORED = ("link.cut", "link.silent"), ("link.heal", "brain.return")
"""Kinds that did so when journals did not yet say it."""


@dataclass(frozen=True, slots=True)
class Event:
    """A fault, or the end of one, as it was done."""

    kind: str
    target: str
    aims_at: str
    """What its kind aims at: ``"brain"``, ``"link"``, … (``experiments.faults.kind``)."""
    severs: bool
    """Its links carry nothing from now on; of an end, that they carried nothing until now."""
    restores: bool
    """An end of something, not a fault."""
    began_s: float
    done_s: float
    links: tuple[str, ...] = ()
    """Backbone links that it changes."""
    pops: tuple[str, ...] = ()
    """PoPs that it strikes; ``links`` are then all that end there."""
    control: tuple[str, ...] = ()
    """PoPs whose control channel it changes."""
    planned_s: float | None = None
    """When the timeline wanted it; None for what was healed on the way."""
    moves: bool = False
    """Pairs may be carried another way after it, by design."""
    asked: bool = True
    """It owes a proof; False for what a heal undid on the way, and in the middle of a flap."""
    held: bool | None = None
    """Whether its proof held; None when there is none."""
    evidence: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind} {self.target}" if self.target not in ("", self.aims_at) else self.kind


@dataclass(frozen=True, slots=True)
class Phase:
    """Half-open: [start_s, end_s), moved to when the faults really came."""

    name: str
    start_s: float
    end_s: float
    opened_by: tuple[Event, ...] = ()
    planned_s: float | None = None

    @property
    def late_s(self) -> float:
        """How much later than planned its events came."""
        first_s = min((event.began_s for event in self.opened_by), default=self.planned_s)
        return 0.0 if first_s is None or self.planned_s is None else max(0.0, first_s - self.planned_s)

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def injected(self) -> bool:
        """Whether something was broken at its start (rather than healed, or nothing)."""
        return any(not event.restores for event in self.opened_by)


@dataclass(frozen=True)
class Story:
    """One policy's run. ``lines`` are its journal's."""

    policy: str
    topology: Topology
    samples: Samples
    lines: tuple[Line, ...]
    phases: tuple[Phase, ...]
    events: tuple[Event, ...]
    interval_s: float
    fine_interval_s: float
    demand: Mapping[Pair, float]
    """Share of the gravity demand per pair; sums to 1 over all pairs."""

    @property
    def start_s(self) -> float:
        return self.phases[0].start_s if self.phases else 0.0

    @property
    def end_s(self) -> float:
        return self.phases[-1].end_s if self.phases else 0.0

    def of(self, event: str) -> list[Line]:
        """The journal lines of one kind, in order."""
        return [line for line in self.lines if line.get("event") == event]

    @property
    def outcome(self) -> tuple[str, str]:
        """(``complete``, ``error``, ``stopped`` or ``cut short``; what went wrong)."""
        ends = self.of("end")
        if not ends:
            return "cut short", "its journal has no end: the run was killed"
        return str(ends[-1].get("outcome", "error")), str(ends[-1].get("error") or "")

    @property
    def moved_s(self) -> float:
        """From when on pairs may be carried another way by design, so that none is a control; inf: never."""
        design = any(line.get("moves") for line in self.of("design"))
        moving = (e.began_s for e in self.events if e.moves or (design and e.aims_at in ("brain", "control")))
        return min(moving, default=float("inf"))

    @cached_property
    def weights(self) -> Floats:
        """Demand share by pair index, summing to 1 over the probed pairs."""
        shares = np.array([self.demand.get(pair, 0.0) for pair in self.samples.pairs], dtype=np.float64)
        total = float(shares.sum())
        return np.asarray(shares / total) if total > 0 else np.full(len(shares), 1 / max(len(shares), 1))

    @cached_property
    def _known_paths(self) -> dict[frozenset[str], Paths]:
        return {}

    def paths(self, broken: frozenset[str] = frozenset()) -> Paths:
        """The shortest-delay paths while those links carry nothing; computed once each."""
        if broken not in self._known_paths:
            self._known_paths[broken] = shortest(self.topology, broken)
        return self._known_paths[broken]

    def way(self, pair: Pair, broken: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """The links that a pair crosses while those carry nothing: the shortest way, or the design's own where the
        switches were asked for it and nothing on it is broken."""
        own = self._ways.get(pair)
        return own if own is not None and broken.isdisjoint(own) else self.paths(broken).links(*pair)

    @cached_property
    def _ways(self) -> dict[Pair, tuple[str, ...]]:
        return {(a, b): tuple(links) for line in self.of("ways") for a, b, links in line["ways"]}

    def broken_links(self, at_s: float) -> frozenset[str]:
        """Backbone links that carry nothing at that time."""
        return broken((event for event in self.events if event.began_s <= at_s), self.topology)


def events(lines: Sequence[Line], topology: Topology) -> tuple[Event, ...]:
    """The faults of a journal in order of time, each with its proof."""
    proofs: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
    for line in lines:
        if line.get("event") == "proof":
            proofs[_key(line)].append(line)
    found = []
    for line in lines:
        if line.get("event") == "fault":
            waiting = proofs[_key(line)] if line.get("asked", True) else []  # in the middle of a flap none is owed
            found.append(_event(line, waiting.pop(0) if waiting else None, topology))
    return tuple(sorted(found, key=lambda event: event.began_s))


def phases(spec: Mapping[str, Any], happened: Sequence[Event]) -> tuple[Phase, ...]:
    """The phases of a resolved spec, their borders moved to the faults that open them."""
    planned = [(str(phase["name"]), seconds(phase, "at")) for phase in spec.get("phases", ())]
    end_s = max(seconds(spec, "end"), max((at_s for _, at_s in planned), default=0.0))
    opened = _opened(spec, happened)
    starts_s = [_border(at_s, opened.get(at_s, ())) for _, at_s in planned] + [end_s]
    return tuple(
        Phase(name, starts_s[place], max(starts_s[place], starts_s[place + 1]), tuple(opened.get(at_s, ())), at_s)
        for place, (name, at_s) in enumerate(planned)
    )


def _opened(spec: Mapping[str, Any], happened: Sequence[Event]) -> dict[float, list[Event]]:
    """Planned time → what was done then. The timeline is carried out in order, however late the machine."""
    due_s = iter(sorted(seconds(item, "at") for item in spec.get("timeline", ())))
    opened: dict[float, list[Event]] = defaultdict(list)
    undone: list[Event] = []
    for event in happened:
        undone.append(event)
        at_s = event.planned_s
        if at_s is None and event.asked:  # journals did not always say when
            at_s = next(due_s, None)
        if at_s is not None:
            opened[at_s] += undone
            undone = []
    return opened


def seconds(item: Mapping[str, Any], key: str) -> float:
    """A time of the resolved spec, ``at: "5.0 s"`` or ``at_s: 5.0``; 0 when it has none."""
    value = item.get(key, item.get(f"{key}_s", 0.0))
    return float(value) if isinstance(value, (int, float)) else parse_time_s(value)


def _border(at_s: float, openers: Sequence[Event]) -> float:
    """A fault bites when it begins; a link is whole again when its heal is done."""
    whole_again = [event.done_s for event in openers if event.restores and event.links]
    broken = any(not event.restores for event in openers)
    return max(whole_again) if whole_again and not broken else min((event.began_s for event in openers), default=at_s)


def _key(line: Line) -> tuple[str, str, str]:
    return (str(line.get("action")), str(line.get("fault")), str(line.get("target")))


def _event(line: Line, proof: Line | None, topology: Topology) -> Event:
    action, kind, target = _key(line)
    parts = target.replace(" ", "").split(",")
    began_s = float(line["t"] if line.get("began_s") is None else line["began_s"])
    evidence = dict(proof.get("evidence") or {}) if proof else {}
    return Event(
        kind=kind,
        target="" if target == "None" else target,
        aims_at=str(line.get("aims_at", kind.split(".")[0])),
        severs=bool(line.get("severs", kind in _SEVERED)),
        restores=bool(line.get("restores", action == "heal" or kind in _RESTORED)),
        began_s=began_s,
        done_s=float(began_s if line.get("done_s") is None else line["done_s"]),
        links=tuple(line.get("links", (link.name for link in topology.links if link.name in parts))),
        pops=tuple(line.get("pops", ())),
        control=tuple(line.get("control", ())),
        planned_s=line.get("planned_s"),
        moves=bool(line.get("moves", False)),
        asked=bool(line.get("asked", action == "inject")),
        held=bool(proof.get("held")) if proof else None,
        evidence=", ".join(f"{name} {value}" for name, value in evidence.items()),
    )
