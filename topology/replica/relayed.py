"""Links without the kernel's help: TAPs, joined by one process that holds every frame for its time.

``relay`` is that process, ``relay_process`` the handle on it, ``interfaces`` makes the TAPs;
here they become links.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TypeVar

from topology.errors import LabError
from topology.replica.interfaces import (
    Interface,
    door_into,
    inside,
    open_tap,
    raise_descriptor_limit,
    set_tap_carrier,
    set_tap_outlasts,
)
from topology.replica.links import Cable, End, Lateness, LinkControl, LinkShape
from topology.replica.relay_process import RelayProcess
from topology.replica.way import LATENESS_STEPS

Answer = TypeVar("Answer")


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
        with ExitStack() as on_error:
            plugs = [self._plug(name, end, on_error) for end in (a, b)]
            link = RelayLink(name, shape, len(self._links), (plugs[0], plugs[1]), self._process)
            link.add(f"{self._seed} {name}")
            link.let_outlast()
            on_error.pop_all()
        self._links[name] = link
        return link

    def connect_all(self, cables: Iterable[Cable]) -> dict[str, LinkControl]:
        return {cable.name: self.connect(cable.name, cable.a, cable.b, cable.shape) for cable in cables}

    def histogram(self) -> dict[str, Lateness]:
        return {name: link.lateness() for name, link in self._links.items()}

    def storms(self) -> dict[str, int]:
        stormed = {name: sum(way["stormed"] for way in link.counters()) for name, link in self._links.items()}
        return {name: frames for name, frames in stormed.items() if frames}

    def close(self) -> None:
        self._process.close()
        for link in self._links.values():
            link.close()
        for door in self._doors.values():
            door.close()
        self._links, self._doors = {}, {}

    def _plug(self, name: str, end: End, on_error: ExitStack) -> Plug:
        """A TAP born in the namespace of its end, so that it need not be moved there."""
        try:
            if end.pid not in self._doors:
                self._doors[end.pid] = door_into(end.pid)
            with inside(end.pid):
                tap = open_tap(end.interface)
            on_error.callback(os.close, tap)
            plug = Plug(tap, Interface(self._doors[end.pid], end.interface))
            plug.interface.set_mtu()
            plug.interface.set_up()
        except OSError as mistake:
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
    """A link of ``RelayWires``: the relay holds the frames and pulls both carriers with them when it is cut.

    All else that waits for the kernel's one network lock (rtnl) is done from here, so that the
    relay need not wait: all other links would be late.
    """

    def __init__(
        self, name: str, shape: LinkShape, index: int, plugs: tuple[Plug, Plug], process: RelayProcess
    ) -> None:
        self.name, self.shape = name, shape
        self._index, self._plugs, self._process = index, plugs, process

    def add(self, seed: str) -> None:
        taps = [plug.tap for plug in self._plugs]
        self._process.ask("add", self._index, seed, *_numbers(self.shape), descriptors=taps)

    def let_outlast(self) -> None:
        """A namespace that ends takes its interfaces along, all at once."""
        self._each(lambda plug: set_tap_outlasts(plug.tap, True))

    def reshape(self, shape: LinkShape) -> None:
        self._process.ask("reshape", self._index, *_numbers(shape))

    def cut(self) -> None:
        doors = [plug.interface.door.fileno() for plug in self._plugs]
        self._process.ask("pull", self._index, *(plug.interface.name for plug in self._plugs), descriptors=doors)
        self._each(Plug.pull)

    def silence(self, *, ab: bool = True, ba: bool = True) -> None:
        self._process.ask("silence", self._index, ab, ba)

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
        """Take both interfaces away, which takes its time: who ends their namespaces need not do this."""
        for plug in self._plugs:
            with suppress(OSError):  # somebody took the interface away before
                set_tap_outlasts(plug.tap, False)
            os.close(plug.tap)


def _numbers(shape: LinkShape) -> tuple[float, float, float, float]:
    """As ``Way.reshape`` takes them."""
    return shape.delay_ms, shape.rate_bps, shape.loss, shape.queue_ms
