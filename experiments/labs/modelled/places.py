"""Numbered places that packets can be in, and where each leads: the forwarding of a whole network as arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from controller.paths import Paths
from experiments.labs.modelled.tables import ANY_PORT, UNLABELLED, State
from topology import addressing
from topology.forwarding import ETH_MPLS, Snapshot, SwitchState
from topology.labels import Stack
from topology.model import HOST_PORT, Link, Pair, Pop, Topology
from topology.switch import Switch

HERE, GONE, UNKNOWN = -1, -2, -3
"""Instead of a place: the right host has it; dropped, or at a wrong host; not asked yet."""
NO_LINK = -1
_Place = tuple[int, int, Stack, int, int]
"""(PoP, port that it comes in by, labels, type, destination)."""
Ints = NDArray[np.int64]


Known = Callable[[str, SwitchState], State]
"""A switch's state with what has been looked up in it already."""


def _far_end(topology: Topology, pop: Pop, link: Link) -> tuple[int, int, int]:
    """(number of the link, of the PoP at its other end, port there)."""
    other = topology.pop(link.other(pop.name))
    return link.index, other.index, topology.port(other.name, link)


class Places:
    """``leads[place]`` is the next one, or HERE, GONE, UNKNOWN; ``link[place]`` the number of the link in between."""

    def __init__(self, topology: Topology, known: Known) -> None:
        self.topology, self._known = topology, known
        self.delay_ms = np.array([*(link.delay_ms for link in topology.links), 0.0])
        self._states: dict[str, State] = {}
        self._forget_all()
        size = len(topology.pops)
        self._to = {
            (pop.index, port): (
                link.index,
                topology.pop(link.other(pop.name)).index,
                topology.port(link.other(pop.name), link),
            )
            for pop in topology.pops
            for port, link in topology.ports(pop.name).items()
        }
        self._addresses = [addressing.host_ip(pop.index) for pop in topology.pops]
        self._ends = np.array([(a, b) for a in range(size) for b in range(size) if a != b], dtype=np.int64)
        self._links_of = np.full((size, max(len(topology.ports(pop.name)) for pop in topology.pops) + 2), NO_LINK)
        for (pop, port), (link, _, _) in self._to.items():
            self._links_of[pop, port] = link

    def _forget_all(self) -> None:
        self._numbers: dict[_Place, int] = {}
        self._places: list[_Place] = []
        self._at: dict[int, list[int]] = {}
        self.leads = np.full(1024, UNKNOWN, dtype=np.int64)
        self.link = np.full(1024, NO_LINK, dtype=np.int64)
        self._starts: Ints | None = None
        self._put_away: dict[State, tuple[Ints, Ints, Ints]] = {}

    @property
    def starts(self) -> Ints:
        """The place of each pair's packet as it leaves its host, in the order of ``Topology.pairs``."""
        if self._starts is None:
            made = (self._number((a, HOST_PORT, (), UNLABELLED, b)) for a, b in self._ends.tolist())
            self._starts = np.fromiter(made, dtype=np.int64, count=len(self._ends))
        return self._starts

    def pair(self, number: int) -> Pair:
        a, b = self._ends[number]
        return (self.topology.pops[a].name, self.topology.pops[b].name)

    def switches(self) -> dict[str, Switch]:
        return {pop: state.switch for pop, state in self._states.items()}

    # ---------------------------------------------------------- what has changed

    def update(self, snapshot: Snapshot) -> None:
        """Take over the switches' states; places at those that have changed are to be asked again."""
        for pop in self.topology.names:
            before, now = self._states.get(pop), snapshot.get(pop, SwitchState())
            if before is not None and before.state is now:
                continue
            fresh = self._states[pop] = self._known(pop, now)
            if before is not None and fresh.forgets != before.forgets:
                self._forget_all()
            else:
                self._exchange(self.topology.pop(pop).index, before, fresh)

    def _exchange(self, pop: int, before: State | None, now: State) -> None:
        """Put away what is known of a state that was, and take back what was known of this one."""
        places = np.array(self._at.get(pop, ()), dtype=np.int64)
        if before is not None:
            self._put_away[before] = (places, self.leads[places], self.link[places])
        self.leads[places] = UNKNOWN
        if now in self._put_away:
            places, leads, link = self._put_away.pop(now)
            self.leads[places], self.link[places] = leads, link

    # ---------------------------------------------------------- where places lead

    def learn(self, places: Ints) -> None:
        """Ask the switches about those of these places that are unknown."""
        unknown = places[self.leads[places] == UNKNOWN]
        for place in np.unique(unknown).tolist():
            leads, link = self._ask(self._places[place])
            self.leads[place], self.link[place] = leads, link

    def _ask(self, place: _Place) -> tuple[int, int]:
        pop, in_port, labels, eth_type, end = place
        state = self._states[self.topology.pops[pop].name]
        hop = state.look_up(in_port, labels, eth_type, self._addresses[end])
        if hop is None:
            return GONE, NO_LINK
        port, labels, eth_type = hop
        if port == HOST_PORT:
            return (HERE if pop == end else GONE), NO_LINK
        if (pop, port) not in self._to:
            return GONE, NO_LINK
        link, other, comes_by = self._to[pop, port]
        forgets = eth_type == ETH_MPLS and self._states[self.topology.pops[other].name].forgets
        return self._number((other, ANY_PORT if forgets else comes_by, labels, eth_type, end)), link

    def _number(self, place: _Place) -> int:
        number = self._numbers.get(place)
        if number is None:
            number = self._numbers[place] = len(self._places)
            self._places.append(place)
            self._at.setdefault(place[0], []).append(number)
            if number == len(self.leads):
                self.leads = np.concatenate((self.leads, np.full(number, UNKNOWN)))
                self.link = np.concatenate((self.link, np.full(number, NO_LINK)))
        return number

    # ---------------------------------------------------------- what would be right

    def best(self, paths: Paths) -> tuple[NDArray[np.float64], Ints]:
        """[pair]: delay of the shortest path (inf: none), number of its first link."""
        a, b = self._ends[:, 0], self._ends[:, 1]
        return paths.distance_ms[a, b], self._links_of[a, paths.next_port[a, b]]
