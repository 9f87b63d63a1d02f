"""What an experiment may ask of a lab: one Protocol for the emulated, the modelled and the fake one.

Times are seconds on the run's clock: 0 is the start of the first phase, negative while building.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Protocol

from controller.orders import Order
from topology.forwarding import Snapshot
from topology.model import Pair, Topology
from topology.replica.links import LinkControl, LinkShape
from traffic.bulk import BulkFlow
from traffic.pathtrace import Hop, PathTrace
from traffic.probes import ProbePlan

__all__ = [
    "BrainControl",
    "BulkFlow",
    "Hop",
    "Lab",
    "LinkControl",
    "LinkShape",
    "PathTrace",
    "ProbePlan",
    "Record",
    "SwitchControl",
    "TrafficPlan",
    "brain_names",
]

Record = Callable[..., None]
"""``record(event, **data)`` appends one line to the journal, stamped with the run's clock."""


class BrainControl(Protocol):
    """The controller as an object that can be broken."""

    def start(self) -> None:
        """Start it and wait until it listens; raises LabError with its last words if it dies."""

    def kill(self) -> None: ...

    def pause(self) -> None:
        """SIGSTOP: hung, but its sockets stay open."""

    def resume(self) -> None: ...

    def state(self) -> str:
        """``"running"``, ``"stopped"`` (paused) or ``"gone"``, from the kernel's process table."""

    def returns_as(self, memory: str) -> None:
        """What the next start remembers (``controller.memory``), if not what the policy says."""

    def tell(self, order: Order) -> None:
        """What an operator asks of it (``controller.orders``): obeyed when it next looks, lost when it is gone."""

    def said(self, what: str) -> int:
        """How many lines of this kind it has logged, over all its lives."""

    def last(self, what: str) -> Mapping[str, Any]:
        """The newest of them; empty without any."""

    @property
    def charge(self) -> frozenset[str]:
        """PoPs whose switches are told of it: all, or those of its slice."""

    def connected(self) -> frozenset[str]:
        """PoPs whose switch holds an established control connection, from the kernel's TCP tables."""


class SwitchControl(Protocol):
    """The switch process of one PoP. Every method may be called twice."""

    def crash(self) -> None:
        """SIGKILL: its tables are lost, its connections closed; its ports keep their carrier."""

    def start(self) -> None:
        """Begin to start it, without waiting; its tables stay empty until the brain fills them."""

    def ready(self) -> bool:
        """Whether it has its ports and answers. Raises LabError with its last words if it died while starting."""

    def running(self) -> bool:
        """From the kernel's process table."""

    def live_ports(self) -> frozenset[int]:
        """Ports that the switch says are live, asked over OpenFlow; none when it is gone."""


def brain_names(count: int) -> tuple[str, ...]:
    """What ``count`` brains are called."""
    return ("brain",) if count == 1 else tuple(f"brain-{number}" for number in range(1, count + 1))


class MemberControl(Protocol):
    """One member of a replicated store, as a process that can be broken."""

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def state(self) -> str:
        """``"running"`` or ``"gone"``, from the kernel's process table."""


class StoreControl(Protocol):
    """The replicated store by which several brains elect their leader."""

    @property
    def members(self) -> Mapping[str, MemberControl]:
        """By name: ``etcd-1``, …"""

    def leader(self) -> str | None:
        """The member that the others follow; None while there is none."""

    def answering(self) -> tuple[str, ...]:
        """Members that answer a question about themselves."""


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """What is sent during one policy's timeline, decided beforehand."""

    probes: ProbePlan
    bulk: tuple[BulkFlow, ...] = ()

    @property
    def duration_s(self) -> float:
        """How long probes and bulk flows last."""
        return self.probes.duration_s


@dataclass(frozen=True, slots=True)
class Seen:
    """One direction of a running link as measured just now."""

    delay_ms: float
    rate_bps: float
    loss: float
    """Share of ``frames`` that did not come."""
    frames: int


class Lab(Protocol):
    """One policy's network, from nothing to torn down."""

    topology: Topology
    brain: BrainControl
    """The first of ``brains``, and the only one under most policies."""
    brains: Mapping[str, BrainControl]
    """By name: ``brain``, or where there are several ``brain-1``, ``brain-2``, …"""
    store: StoreControl | None
    """Where the brains elect their leader; None under most policies."""
    links: Mapping[str, LinkControl]
    """Backbone links by their canonical name (``Link.name``)."""
    control: Mapping[str, LinkControl]
    """Control channels by PoP; end a is the brain's."""
    switches: Mapping[str, SwitchControl]
    """By PoP."""

    def build(self) -> None:
        """Up to every pair answering with the brain's rules; raises LabError."""

    def start(self, plan: TrafficPlan) -> None:
        """Set the clock's zero and start traffic and the watchers (ports, load)."""

    def leader(self) -> str | None:
        """The running brain that programs the switches, by the brains' own words; None between two."""

    def now_s(self) -> float: ...

    def wait_until(self, t_s: float) -> None:
        """Return at ``t_s``, or at once when it has passed. Raises LabError if the lab broke."""

    def pairs_down(self) -> int:
        """Pairs without a delivered probe for the last few intervals: for the live view only."""

    def snapshot(self, until_s: float = inf) -> Snapshot:
        """Tables, groups and port liveness of every switch, read back from the switches.

        Raises TooLate when not all could be read by ``until_s``.
        """

    def trace(self, pairs: Sequence[Pair], pcap: Path | None = None) -> tuple[PathTrace, ...]: ...

    def measure_links(self, targets: Sequence[str], frames: int = 0) -> Mapping[str, Mapping[str, Seen]]:
        """What running links (or ``control:POP``) do now, by frames of the lab's own: of each ``"ab"`` and ``"ba"``.

        ``frames``: so many each way beside the usual, to see what share is lost. Raises LabError where none come.
        """

    def heard(self, targets: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Likewise, how many of the frames that it sends now come out; waits until they must have."""

    def stop(self) -> None:
        """End traffic and collect what is still to come (samples, bulk results)."""

    def close(self) -> None:
        """Leave nothing behind."""
