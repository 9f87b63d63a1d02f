"""Which way a packet went: hop by hop, at each switch and link by the state that held when it came there."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from experiments.labs.modelled.history import Past, Track
from experiments.labs.modelled.switch import ModelSwitch
from experiments.labs.modelled.tables import UNLABELLED, Hop, State
from experiments.labs.modelled.wire import Wire
from topology import addressing
from topology.labels import Stack
from topology.model import HOST_PORT, Pair, Topology
from topology.switch import Packet
from traffic.schedule import frame_bits

SURE_HOPS = 60
"""No time to live (64) ends before this: a switch of ours takes at most one off."""
MAX_HOPS = 300
STEP_S = 1e-9
"""Segments are at least this long: the clock of the prober's records."""
Direction = tuple[str, bool]
"""A link's name and whether it is crossed from a to b."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A link on the way; times are seconds after the start. ``leaves_s`` is None when the packet did not come out."""

    direction: Direction
    enters_s: float
    leaves_s: float | None
    loss: float
    """Share of the packets that vanish here by chance."""


@dataclass(frozen=True, slots=True)
class Flight:
    """``ends_s`` after the start: at the far host, or where it was lost. ``hops``: (PoP, port, stack) as it left."""

    delivered: bool
    ends_s: float
    legs: tuple[Leg, ...]
    hops: tuple[tuple[str, int, Stack], ...]

    @property
    def chances(self) -> tuple[Leg, ...]:
        """Where it may vanish by chance."""
        return tuple(leg for leg in self.legs if leg.loss)


@dataclass(frozen=True, slots=True)
class Fullness:
    """A direction of a link that is offered more than it can carry: what is queued, what is dropped."""

    queue_s: float = 0.0
    loss: float = 0.0


_FREE = Fullness()


class Network:
    """Switches and wires as a packet meets them. ``full`` is worked out from the bulk flows, afterwards."""

    def __init__(
        self, topology: Topology, switches: Mapping[str, ModelSwitch], wires: Mapping[str, Wire], past: Past
    ) -> None:
        self.past = past
        self.full: dict[Direction, Track[Fullness]] = {}
        self._tracks = {pop: switch.track for pop, switch in switches.items()}
        self._addresses = {pop.name: addressing.host_ip(pop.index) for pop in topology.pops}
        self._ways = {
            (pop, port): (wires[link.name], pop == link.a, link.other(pop), topology.port(link.other(pop), link))
            for pop in topology.names
            for port, link in topology.ports(pop).items()
        }

    def fly(self, pair: Pair, start_s: float) -> tuple[Flight, float]:
        """The flight of a packet that starts then, and the time from which on another may fare differently."""
        flyer = _Flyer(self, pair, start_s)
        flyer.run()
        if flyer.too_far:
            flyer = _Flyer(self, pair, start_s, Packet(self.address(pair[1])))
            flyer.run()
        flight = Flight(flyer.delivered, flyer.t_s - start_s, tuple(flyer.legs), tuple(flyer.hops))
        return flight, max(flyer.until_s, start_s + STEP_S)

    def state(self, pop: str, t_s: float) -> tuple[State, float]:
        return self._tracks[pop].at(t_s)

    def way(self, pop: str, port: int) -> tuple[Wire, bool, str, int] | None:
        """(wire, from a to b, the PoP at the other end, its port)."""
        return self._ways.get((pop, port))

    def address(self, pop: str) -> str:
        return self._addresses[pop]

    def fullness(self, direction: Direction, t_s: float) -> tuple[Fullness, float]:
        track = self.full.get(direction)
        return track.at(t_s) if track else (_FREE, math.inf)


class _Flyer:
    """One packet under way."""

    def __init__(self, network: Network, pair: Pair, start_s: float, exact: Packet | None = None) -> None:
        """``exact``: the packet itself, for a way so long that its time to live may end."""
        self.network, self.start_s, self.exact = network, start_s, exact
        (self.pop, self.end), self.port = pair, HOST_PORT
        self.address = network.address(self.end)
        self.labels: Stack = ()
        self.eth_type = UNLABELLED
        self.farthest = MAX_HOPS if exact else SURE_HOPS
        self.t_s, self.until_s = start_s, math.inf
        self.delivered = False
        self.legs: list[Leg] = []
        self.hops: list[tuple[str, int, Stack]] = []

    def changes(self, at_s: float, met_s: float) -> None:
        """What was met at ``met_s`` changes at ``at_s``: a packet that comes there later fares differently."""
        self.until_s = min(self.until_s, self.start_s + (at_s - met_s))

    @property
    def too_far(self) -> bool:
        return self.exact is None and len(self.hops) >= self.farthest

    def run(self) -> None:
        while len(self.hops) < self.farthest:
            hop = self.switch()
            if hop is None:
                return
            port, self.labels, self.eth_type = hop
            if port == HOST_PORT:
                self.hops.append((self.pop, port, self.labels))
                self.delivered = self.pop == self.end
                return
            if not self.cross(port):
                return

    def switch(self) -> Hop | None:
        state, changes_s = self.network.state(self.pop, self.t_s)
        self.changes(changes_s, self.t_s)
        if self.exact is None:
            return state.hop(self.port, self.labels, self.eth_type, self.address)
        sent = state.exact(self.exact, self.port)
        if sent is None:
            return None
        self.exact = sent[1]
        return (sent[0], self.exact.labels, self.exact.eth_type)

    def cross(self, port: int) -> bool:
        """Onto the link and, unless it is lost there, to its other end."""
        way = self.network.way(self.pop, port)
        if way is None:
            return False
        wire, forward, pop, in_port = way
        link, changes_s = wire.track.at(self.t_s)
        self.changes(changes_s, self.t_s)
        if not link.lit:
            return False
        direction = (wire.name, forward)
        full, fuller_s = self.network.fullness(direction, self.t_s)
        self.changes(fuller_s, self.t_s)
        self.hops.append((self.pop, port, self.labels))
        takes_s = frame_bits(len(self.labels)) / link.rate_bps + link.delay_s + full.queue_s
        came = link.passes(forward) and not self.cut(wire, takes_s)
        enters_s = self.t_s - self.start_s
        loss = 1 - (1 - link.loss) * (1 - full.loss)
        self.legs.append(Leg(direction, enters_s, enters_s + takes_s if came else None, loss))
        if came:
            self.t_s += takes_s
            self.pop, self.port = pop, in_port
        return came

    def cut(self, wire: Wire, takes_s: float) -> bool:
        """Whether the link is cut while the packet is on it."""
        place = bisect_right(wire.cuts_s, self.t_s)
        if place == len(wire.cuts_s):
            return False
        cut_s = wire.cuts_s[place]
        if cut_s <= self.t_s + takes_s:
            return True
        self.changes(cut_s, self.t_s + takes_s)
        return False
