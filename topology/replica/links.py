"""Emulated links: what a link is, what can be asked of it, and the portable kind.

LinkShape, End, Cable    frozen descriptions
LinkControl, Wires       what a running link, and the maker of links, can do
RelayWires               TAPs joined by one user-space process (``relay``): runs anywhere
netem.NetemWires         veth pairs and the kernel's netem: needs sch_netem
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, TypeVar

from topology.errors import InputError, LabError, unknown
from topology.replica.interfaces import (
    Interface,
    door_into,
    inside,
    open_tap,
    raise_descriptor_limit,
    set_tap_carrier,
)
from topology.replica.relay_process import RelayProcess
from topology.replica.way import LATENESS_STEP_NS, LATENESS_STEPS

Answer = TypeVar("Answer")


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

    def silence(self) -> None:
        """Frames vanish both ways as they enter, carrier stays; what is in flight still arrives."""

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

    def close(self) -> None:
        """Remove what was made; may be called twice."""


def wires(kind: str, *, seed: int = 0) -> Wires:
    """``"relay"`` or ``"netem"``; ``seed`` decides which frames a lossy relay link loses."""
    if kind == "relay":
        return RelayWires(seed=seed)
    if kind == "netem":
        from topology.replica.netem import NetemWires

        return NetemWires()
    raise InputError(unknown("kind of link", kind, ("relay", "netem")))


class RelayWires:
    """TAP to TAP through one process, whose pid is public so that its priority can be raised."""

    def __init__(self, *, seed: int = 0) -> None:
        raise_descriptor_limit()
        self._seed = seed
        self._links: dict[str, RelayLink] = {}
        self._doors: dict[int, socket.socket] = {}
        self._process = RelayProcess()
        self.pid = self._process.pid

    def connect(self, name: str, a: End, b: End, shape: LinkShape) -> RelayLink:
        if name in self._links:
            raise LabError(f"link {name} exists already")
        plugs = tuple(self._plug(name, end) for end in (a, b))
        link = RelayLink(name, shape, len(self._links), (plugs[0], plugs[1]), self._process)
        link.add(f"{self._seed} {name}")
        self._links[name] = link
        return link

    def connect_all(self, cables: Iterable[Cable]) -> dict[str, LinkControl]:
        return {cable.name: self.connect(cable.name, cable.a, cable.b, cable.shape) for cable in cables}

    def histogram(self) -> dict[str, Lateness]:
        return {name: link.lateness() for name, link in self._links.items()}

    def close(self) -> None:
        self._process.close()
        for link in self._links.values():
            link.close()
        for door in self._doors.values():
            door.close()
        self._links, self._doors = {}, {}

    def _plug(self, name: str, end: End) -> Plug:
        """A TAP born in the namespace of its end, so that it need not be moved there."""
        tap = -1
        try:
            if end.pid not in self._doors:
                self._doors[end.pid] = door_into(end.pid)
            with inside(end.pid):
                tap = open_tap(end.interface)
            plug = Plug(tap, Interface(self._doors[end.pid], end.interface))
            plug.interface.set_mtu()
            plug.interface.set_up()
        except OSError as mistake:
            if tap >= 0:
                os.close(tap)
            raise LabError(f"link {name}: cannot make {end.interface} at process {end.pid}: {mistake}") from mistake
        return plug


@dataclass(frozen=True, slots=True)
class Plug:
    """One end of a relayed link: the TAP's descriptor and the interface that the namespace sees."""

    tap: int
    interface: Interface

    def pull(self) -> None:
        """Lose carrier, and make the kernel say so now.

        Before Linux 6.8 asking does not hasten it (``Interface.carrier``), and the news would
        come up to a second late: there the interface goes down instead, which is told at once.
        """
        set_tap_carrier(self.tap, False)
        if not self.interface.carrier() and self.interface.running():
            self.interface.set_up(False)

    def push(self) -> None:
        """Have carrier again."""
        set_tap_carrier(self.tap, True)
        self.interface.set_up()


class RelayLink:
    """A link of ``RelayWires``: the relay holds the frames, the carrier is pulled from here.

    From here, because a TAP's ioctl waits for the kernel's one network lock (rtnl), and the
    relay must not wait: all other links would be late.
    """

    def __init__(
        self, name: str, shape: LinkShape, index: int, plugs: tuple[Plug, Plug], process: RelayProcess
    ) -> None:
        self.name, self.shape = name, shape
        self._index, self._plugs, self._process = index, plugs, process

    def add(self, seed: str) -> None:
        taps = [plug.tap for plug in self._plugs]
        self._process.ask("add", self._index, seed, *_numbers(self.shape), descriptors=taps)

    def reshape(self, shape: LinkShape) -> None:
        self._process.ask("reshape", self._index, *_numbers(shape))

    def cut(self) -> None:
        self._process.ask("cut", self._index)
        self._each(Plug.pull)

    def silence(self) -> None:
        self._process.ask("silence", self._index)

    def heal(self) -> None:
        self._process.ask("heal", self._index, *_numbers(self.shape))
        self._each(Plug.push)
        self._each(lambda plug: plug.interface.await_running())

    def carrier(self) -> tuple[bool, bool]:
        self._process.ask("counters", self._index)  # a TAP outlives its relay: do not report a dead link as whole
        a, b = self._each(lambda plug: plug.interface.carrier())
        return a, b

    def frames(self) -> tuple[int, int]:
        ab, ba = self.counters()
        return ab["delivered"], ba["delivered"]

    def counters(self) -> tuple[dict[str, int], dict[str, int]]:
        """Per way (a→b, b→a): what became of the frames, see ``Way.counters``."""
        ab, ba = self._process.ask("counters", self._index)
        return ab, ba

    def lateness(self) -> Lateness:
        worst_ns, steps = self._process.ask("lateness", self._index)
        counts = [0] * (LATENESS_STEPS + 1)
        for step, count in steps:
            counts[step] = count
        return Lateness(tuple(counts), worst_ns / 1e6)

    def _each(self, act: Callable[[Plug], Answer]) -> list[Answer]:
        try:
            return [act(plug) for plug in self._plugs]
        except OSError as mistake:
            raise LabError(f"link {self.name}: {mistake}") from mistake

    def close(self) -> None:
        """Take both interfaces away."""
        for plug in self._plugs:
            os.close(plug.tap)


def _numbers(shape: LinkShape) -> tuple[float, float, float, float]:
    """As ``Way.reshape`` takes them."""
    return shape.delay_ms, shape.rate_bps, shape.loss, shape.queue_ms
