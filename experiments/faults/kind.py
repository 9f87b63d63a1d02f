"""What a fault is: inject, proof, heal; and how it shows that it really happened.

One fault is one small class in one file, made for one target and used once. ``proof`` gives at
least two independent facts (the process table *and* the TCP tables, carrier *and* frame
counters): a verdict never rests on a fault that only claims to have happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, runtime_checkable

from experiments.lab import Lab, LinkControl

BRAIN, LINK, CONTROL_CHANNEL, POP, SWITCH, MACHINE = "brain", "link", "control", "pop", "switch", "machine"
PUSH, ORDER, ETCD = "push", "order", "etcd"
"""What a kind can aim at; a push at the PoPs that it touches, an order at what the brain does next."""
CONTROL = "control:"
"""Prefix of targets that are control channels: ``control:ams``."""
ALL = "all"
"""Of brains, and of members of their store: every one."""
SWITCH_OF = "switch:"
"""The same of switches, where faults may share one: ``switch:ams``."""
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Fact:
    """One observation, and whether it is what the fault should lead to."""

    name: str
    value: object
    held: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Proven when there are at least two facts and all of them hold."""

    facts: tuple[Fact, ...]

    @property
    def held(self) -> bool:
        return len(self.facts) >= 2 and all(fact.held for fact in self.facts)

    @property
    def values(self) -> dict[str, object]:
        """What the journal keeps."""
        return {fact.name: fact.value for fact in self.facts}


class Fault(Protocol):
    """Every method may be called twice. All may raise LabError."""

    kind: ClassVar[str]
    aims_at: ClassVar[str]
    """``"brain"``, ``"link"``, ``"control"``, ``"pop"``, ``"switch"``, ``"machine"``, ``"etcd"``: what it strikes."""
    severs: ClassVar[bool]
    """Whether links (all, of a PoP) carry nothing any more while it stands: the oracle must know."""
    restores: ClassVar[bool]
    """An end of something (``faults.ending``). Anything else stands from its strike on, until an end heals it."""
    settings: ClassVar[Settings]
    targets: tuple[str, ...]
    """Resolved names: links, ``control:POP``, PoPs; ``("brain",)``."""

    def inject(self, lab: Lab) -> None: ...

    def proof(self, lab: Lab) -> Evidence:
        """Wait (with a deadline) until it shows, and say what was seen."""

    def heal(self, lab: Lab) -> None:
        """Undo it; does nothing when it is not there."""


@runtime_checkable
class Undo(Fault, Protocol):
    """What an end (``restores``) has beside, unless the brain does it all: how much of each standing fault it heals."""

    held: frozenset[str]
    """Links, control channels and switches that faults hold which go on standing: nothing is to be seen there."""

    def leaves(self, other: Fault) -> tuple[str, ...]:
        """The targets on which ``other`` stands on after it; none: it is healed."""


@runtime_checkable
class Preparing(Protocol):
    """An optional power: what must be so, or known, before it happens and ends others."""

    def prepare(self, lab: Lab) -> None: ...


@dataclass(frozen=True, slots=True)
class Beat:
    """One blow of a kind that strikes again and again."""

    at_s: float
    fault: str
    """The kind that strikes then."""
    proven: bool = True
    """False: between the first and the last, where a proof would take longer than the next blow is away."""
    ends: bool = False
    """It ends what the beat before it struck, and nothing else."""
    settings: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Repeated(Protocol):
    """A kind that is no single fault (``link.flap``, ``brain.restart``): the timeline puts its beats in its place."""

    def beats(self, at_s: float, seed: str) -> Iterator[Beat]:
        """In order, from ``at_s`` on; ``seed`` decides what chance decides."""


class Crowd(Protocol):
    """Busy processes on the lab's machine that are no part of the run: somebody else's work."""

    def start(self, per_core: int) -> None:
        """So many for each processor, in place of those that there are."""

    def end(self) -> None: ...

    def count(self) -> int:
        """How many there are, by the process table."""

    def cpu_s(self) -> float:
        """Processor time that they have used since the lab was made (s)."""


@runtime_checkable
class Crowded(Protocol):
    """An optional power of a lab: it has a machine, and the machine can be made busy."""

    crowd: Crowd


@runtime_checkable
class Metered(Protocol):
    """An optional power of a ``BrainControl``: how much the process has computed."""

    def cpu_s(self) -> float:
        """Processor time since it started (s), from the kernel. Raises LabError when it is gone."""


@runtime_checkable
class Throttled(Protocol):
    """An optional power of a ``BrainControl``: it can be made slow."""

    def throttle(self, share: float, period_s: float) -> None:
        """Let it compute for that share (0…1) of each period only; 1 ends it. Nothing happens when it is gone."""


Settings = Mapping[str, Callable[[object], Any]]
"""Name of a setting → what reads it from the spec (raises ValueError)."""
NO_SETTINGS: Settings = MappingProxyType({})


def wires(lab: Lab, targets: Iterable[str]) -> list[LinkControl]:
    """The running links behind resolved targets: backbone links or ``control:POP``."""
    return [
        lab.control[name.removeprefix(CONTROL)] if name.startswith(CONTROL) else lab.links[name] for name in targets
    ]


def until(lab: Lab, condition: Callable[[], bool], within_s: float) -> bool:
    """Poll on the lab's clock; False when the deadline passes first."""
    deadline = lab.now_s() + within_s
    while not condition():
        if lab.now_s() >= deadline:
            return False
        lab.wait_until(lab.now_s() + POLL_S)
    return True


def frames_within(lab: Lab, links: Sequence[LinkControl], window_s: float) -> int:
    """Frames that come out of links, both ways together, during ``window_s`` from now on."""
    before = frames(links)
    lab.wait_until(lab.now_s() + window_s)
    return frames(links) - before


def frames(links: Iterable[LinkControl]) -> int:
    """Frames that have come out of links so far, both ways together."""
    return sum(sum(link.frames()) for link in links)


def drained(lab: Lab, links: Iterable[LinkControl]) -> None:
    """Wait until what was queued or on its way when the links fell silent has come out: it still arrives."""
    longest_ms = max((link.shape.delay_ms + link.shape.queue_ms for link in links), default=0.0)
    lab.wait_until(lab.now_s() + longest_ms / 1e3)
