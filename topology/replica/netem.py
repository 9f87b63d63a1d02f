"""Links by the kernel: veth pairs shaped by netem, for kernels that have sch_netem.

Each end sends through two stages. A policer drops what would have to queue longer than
``queue_ms``: a token bucket of the link's rate and as many bytes deep is that queue, exactly.
Then netem delays, spaces frames by its own ``rate`` and loses its share. netem alone could
limit packets only, not bytes: sized for full frames it would lose small ones in flight on a
long link, sized for small ones it would queue full frames for seconds.

Commands are built purely (``veth_command``, ``first_commands``, …) and run in one place.
A cut takes both ends down: a veth has no other way to lose carrier.
"""

from __future__ import annotations

import math
import socket
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from topology.errors import LabError
from topology.replica.interfaces import MTU, Interface, door_into, inside
from topology.replica.links import Cable, End, Lateness, LinkControl, LinkShape

Answer = TypeVar("Answer")

LARGEST_FRAME = MTU + 18
"""With Ethernet header and VLAN tag."""
_SMALLEST_FRAME = 60
_COMMAND_WITHIN_S = 20.0


def veth_command(cable: Cable) -> str:
    """A line for ``ip -batch``: both ends born where they belong, with the MTU that labels need."""
    a, b = cable.a, cable.b
    return (
        f"link add name {a.interface} mtu {MTU} netns {a.pid} type veth peer name {b.interface} mtu {MTU} netns {b.pid}"
    )


def queue_bytes(shape: LinkShape) -> int:
    """What may wait before the wire: ``queue_ms`` at full rate, and the frame that is being sent."""
    return math.ceil(shape.rate_bps * shape.queue_ms / 8e3) + LARGEST_FRAME


def packet_limit(shape: LinkShape) -> int:
    """netem's ``limit``: all that can wait and fly, were it all in the smallest frames; never the bottleneck."""
    in_flight_bytes = shape.rate_bps * shape.delay_ms / 8e3
    return math.ceil((in_flight_bytes + queue_bytes(shape)) / _SMALLEST_FRAME) + 1


def first_commands(interface: str, shape: LinkShape) -> list[str]:
    """Lines for ``tc -batch`` that shape an interface that was just made."""
    return [
        f"qdisc add dev {interface} clsact",
        _netem(interface, shape, silent=False, handle=1),
        _policer(interface, shape),
    ]


def reshaping_commands(interface: str, shape: LinkShape, *, silent: bool = False, handle: int = 1) -> list[str]:
    """The same for one that has a shape.

    Under the handle that it has, netem keeps the frames it holds; under another, a new one takes
    its place. A matchall filter cannot be replaced: the old one goes first.
    """
    return [
        _netem(interface, shape, silent=silent, handle=handle),
        f"filter del dev {interface} egress",
        _policer(interface, shape),
    ]


def _netem(interface: str, shape: LinkShape, *, silent: bool, handle: int) -> str:
    loss = 1.0 if silent else shape.loss
    return (
        f"qdisc replace dev {interface} root handle {handle}: netem limit {packet_limit(shape)}"
        f" delay {shape.delay_ms * 1e3:.3f}us"
        + (f" loss random {loss * 100:.6f}%" if loss else "")
        + f" rate {_rate(shape)}"
    )


def _policer(interface: str, shape: LinkShape) -> str:
    return (
        f"filter add dev {interface} egress pref 1 matchall"
        f" action police rate {_rate(shape)} burst {queue_bytes(shape)} mtu {LARGEST_FRAME} conform-exceed drop/ok"
    )


def _rate(shape: LinkShape) -> str:
    return f"{max(8, round(shape.rate_bps))}bit"  # the kernel counts in whole bytes a second


class NetemWires:
    """veth pairs with netem at both ends."""

    def __init__(self) -> None:
        self._doors: dict[int, socket.socket] = {}
        self._links: dict[str, NetemLink] = {}

    def connect(self, name: str, a: End, b: End, shape: LinkShape) -> LinkControl:
        return self.connect_all([Cable(name, a, b, shape)])[name]

    def connect_all(self, cables: Iterable[Cable]) -> dict[str, LinkControl]:
        wanted = tuple(cables)
        for cable in wanted:
            if cable.name in self._links:
                raise LabError(f"link {cable.name} exists already")
        _run(["ip", "-batch", "-"], [veth_command(cable) for cable in wanted])
        made = {cable.name: NetemLink(cable, (self._interface(cable.a), self._interface(cable.b))) for cable in wanted}
        self._links |= made
        for link in made.values():
            link.bring_up()
        shape_at(
            (end.pid, line)
            for cable in wanted
            for end in (cable.a, cable.b)
            for line in first_commands(end.interface, cable.shape)
        )
        return dict(made)

    def storms(self) -> dict[str, int]:
        """Not bounded: the kernel drops what it has no time for by itself."""
        return {}

    def histogram(self) -> dict[str, Lateness]:
        """The kernel does not tell; ``calibrate`` measures from outside."""
        return {}

    def close(self) -> None:
        for link in self._links.values():
            link.remove()
        for door in self._doors.values():
            door.close()
        self._links, self._doors = {}, {}

    def _interface(self, end: End) -> Interface:
        if end.pid not in self._doors:
            try:
                self._doors[end.pid] = door_into(end.pid)
            except OSError as mistake:
                raise LabError(f"no network namespace at process {end.pid}: {mistake}") from mistake
        return Interface(self._doors[end.pid], end.interface)


class NetemLink:
    """A link of ``NetemWires``."""

    def __init__(self, cable: Cable, interfaces: tuple[Interface, Interface]) -> None:
        self.name, self.shape = cable.name, cable.shape
        self._ends, self._interfaces = (cable.a, cable.b), interfaces
        self._handle = 1
        self._silent = (False, False)
        self._present = cable.shape
        """As it was last shaped: silence keeps it."""

    def bring_up(self) -> None:
        """Up first, shaped then: see ``heal``."""
        self._each(Interface.disable_offloads)
        self._plug_in()

    def reshape(self, shape: LinkShape) -> None:
        self._present = shape
        self._shape(shape)

    def cut(self) -> None:
        self._each(lambda interface: interface.set_up(False))

    def silence(self, *, ab: bool = True, ba: bool = True) -> None:
        self._silent = (self._silent[0] or ab, self._silent[1] or ba)
        self._shape(self._present)

    def heal(self) -> None:
        """After a cut a new netem is put in place: that opens the interface's queue at once.

        By itself the kernel opens it a moment after the carrier came back, and says so before it does.
        """
        if not all(self.carrier()):
            self._handle = 3 - self._handle
            self._plug_in()
        self._silent = (False, False)
        self.reshape(self.shape)

    def carrier(self) -> tuple[bool, bool]:
        a, b = self._each(Interface.carrier)
        return a, b

    def frames(self) -> tuple[int, int]:
        a, b = self._ends
        return received_frames(b), received_frames(a)

    def remove(self) -> None:
        """Delete the pair, if its namespaces have not taken it along."""
        try:
            _run(["ip", "-batch", "-"], [f"link del dev {self._ends[0].interface}"], at=self._ends[0].pid)
        except LabError:
            return

    def _plug_in(self) -> None:
        self._each(Interface.set_up)
        self._each(Interface.await_running)

    def _shape(self, shape: LinkShape) -> None:
        """Each end shapes what it sends: end a the way to b."""
        shape_at(
            (end.pid, line)
            for end, silent in zip(self._ends, self._silent, strict=True)
            for line in reshaping_commands(end.interface, shape, silent=silent, handle=self._handle)
        )

    def _each(self, act: Callable[[Interface], Answer]) -> list[Answer]:
        try:
            return [act(interface) for interface in self._interfaces]
        except OSError as mistake:
            raise LabError(f"link {self.name}: {mistake}") from mistake


def received_frames(end: End) -> int:
    """The receive counter of an interface, from its namespace's /proc/net/dev. Raises LabError."""
    try:
        table = Path(f"/proc/{end.pid}/net/dev").read_text()
    except OSError as mistake:
        raise LabError(f"{end.interface} is gone with process {end.pid}: {mistake}") from mistake
    return parse_received_frames(table, end.interface)


def parse_received_frames(table: str, interface: str) -> int:
    """Second column after the name: packets received. Raises LabError when the interface is not in it."""
    for line in table.splitlines():
        name, _, columns = line.partition(":")
        if name.strip() == interface:
            return int(columns.split()[1])
    raise LabError(f"{interface} is gone")


def shape_at(lines: Iterable[tuple[int, str]]) -> None:
    """Run ``tc`` lines, one process per namespace, given as (pid, line), side by side."""
    by_pid: Mapping[int, list[str]] = defaultdict(list)
    for pid, line in lines:
        by_pid[pid].append(line)
    started = [(_start(["tc", "-batch", "-"], at=pid), batch) for pid, batch in by_pid.items()]
    for process, batch in started:
        _finish(process, batch)


def _run(command: Sequence[str], lines: Sequence[str], *, at: int | None = None) -> None:
    _finish(_start(command, at=at), lines)


def _start(command: Sequence[str], *, at: int | None) -> subprocess.Popen[str]:
    def spawn() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, text=True)

    try:
        if at is None:
            return spawn()
        with inside(at):  # a child is born in the namespace of the thread that forks it
            return spawn()
    except OSError as mistake:
        raise LabError(f"cannot run {command[0]}: {mistake}") from mistake


def _finish(process: subprocess.Popen[str], lines: Sequence[str]) -> None:
    text = "\n".join(lines) + "\n"
    try:
        _, words = process.communicate(text, timeout=_COMMAND_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise LabError(f"{process.args!r} took more than {_COMMAND_WITHIN_S:g} s for:\n{text}") from None
    if process.returncode:
        raise LabError(f"{words.strip()} – in:\n{text}")
