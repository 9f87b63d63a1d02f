"""Emulated links: how a link is described and what can be asked of it, whatever its kind.

``relayed`` makes them of TAPs joined by one user-space process and runs anywhere;
``netem`` makes them of veth pairs and needs a kernel that has sch_netem. ``wires``
chooses; ``calibrate`` measures what came out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from topology.errors import InputError, unknown
from topology.replica.way import LATENESS_STEP_NS, LATENESS_STEPS


@dataclass(frozen=True, slots=True)
class LinkShape:
    """What a link does to frames, each way. ``loss`` is a share, 0…1."""

    delay_ms: float
    rate_bps: float
    loss: float = 0.0
    queue_ms: float = 100.0
    """Longest queueing delay at full rate; what does not fit is dropped at the tail."""

    def __post_init__(self) -> None:
        sane = (
            0 <= self.delay_ms < math.inf
            and 0 < self.rate_bps < math.inf
            and 0 <= self.loss <= 1
            and 0 <= self.queue_ms < math.inf
        )
        if not sane:
            raise InputError(f"no link can be like this: {self}")


@dataclass(frozen=True, slots=True)
class End:
    """Where one end of a link is born: the network namespace of process ``pid``."""

    pid: int
    interface: str


@dataclass(frozen=True, slots=True)
class Cable:
    """One link to be made."""

    name: str
    a: End
    b: End
    shape: LinkShape


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late frames left, against the time that the link owed them."""

    counts: tuple[int, ...]
    """Frames per step of ``step_ms``; the last entry holds all that were later."""
    worst_ms: float
    step_ms: float = LATENESS_STEP_NS / 1e6

    def percentile_ms(self, percent: float) -> float:
        """The upper edge of the step that holds this percentile; nan without frames."""
        wanted = percent / 100 * sum(self.counts)
        for step, below in enumerate(accumulate(self.counts)):
            if below and below >= wanted:
                return min((step + 1) * self.step_ms, self.worst_ms) if step < LATENESS_STEPS else self.worst_ms
        return math.nan


class LinkControl(Protocol):
    """A running link. Every method may be called twice, and raises LabError if the link broke."""

    shape: LinkShape
    """As configured (what ``heal`` goes back to)."""

    def reshape(self, shape: LinkShape) -> None:
        """Change delay, rate and loss while running; ``heal`` undoes it."""

    def cut(self) -> None:
        """Both ends lose carrier; what is in flight is lost."""

    def silence(self, *, ab: bool = True, ba: bool = True) -> None:
        """Frames from a to b, from b to a vanish as they enter, carrier stays; what is in flight still arrives.

        A way that is silent already stays so.
        """

    def heal(self) -> None:
        """Undo cut, silence and reshape."""

    def carrier(self) -> tuple[bool, bool]:
        """Carrier as the kernel sees it at the two ends (a, b)."""

    def frames(self) -> tuple[int, int]:
        """Frames delivered so far (a→b, b→a)."""


class Wires(Protocol):
    """Makes links of one kind."""

    def connect(self, name: str, a: End, b: End, shape: LinkShape) -> LinkControl:
        """Make both interfaces, up, with room for labels (MTU 1600). Raises LabError."""

    def connect_all(self, cables: Iterable[Cable]) -> dict[str, LinkControl]:
        """Many at once, by name."""

    def histogram(self) -> dict[str, Lateness]:
        """Lateness of each link so far, where the kind measures it; else empty."""

    def storms(self) -> dict[str, int]:
        """Frames that the storm bound of ``topology.replica.way`` held back, of links where it did."""

    def close(self) -> None:
        """Remove what was made; may be called twice."""


def wires(kind: str, *, seed: int = 0) -> Wires:
    """``"relay"`` or ``"netem"``; ``seed`` decides which frames a lossy relay link loses."""
    if kind == "relay":
        from topology.replica.relayed import RelayWires

        return RelayWires(seed=seed)
    if kind == "netem":
        from topology.replica.netem import NetemWires

        return NetemWires()
    raise InputError(unknown("kind of link", kind, ("relay", "netem")))
