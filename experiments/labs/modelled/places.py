"""Numbered places that packets can be in, and where each leads: the forwarding of a whole network as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controller.paths import Paths
from experiments.labs.modelled.tables import ANY_PORT, UNLABELLED, Hop, State
from experiments.labs.modelled.upstream import Upstream
from topology import addressing
from topology.forwarding import ETH_MPLS, Snapshot, SwitchState
from topology.labels import Stack
from topology.model import HOST_PORT, Link, Pair, Pop, Topology
from topology.switch import Switch

HERE, GONE, UNKNOWN = -1, -2, -3
"""Instead of a place: the right host has it; dropped, or at a wrong host; not asked yet."""
NO_LINK = -1
SURE_HOPS = 60
"""No time to live (64) ends before this, and no way of ours is so long."""
_Place = tuple[int, int, Stack, int, int]
"""(PoP, port that it comes in by, labels, type, destination)."""
Ints = NDArray[np.int64]


Known = Callable[[str, SwitchState], State]
"""A switch's state with what has been looked up in it already."""


@dataclass(frozen=True, slots=True)
class Round:
    """One hop of those under way: which walkers they are, where they are, over which link they go, and where to."""

    under_way: Ints
    here: Ints
    link: Ints
    leads: Ints


def _far_end(topology: Topology, pop: Pop, link: Link) -> tuple[int, int, int]:
    """(number of the link, of the PoP at its other end, port there)."""
    other = topology.pop(link.other(pop.name))
    return link.index, other.index, topology.port(other.name, link)


MOST_PLACES = 1_000_000
"""About half a gigabyte."""
_SHARED_BIT = 62
"""All ports from here on share a bit: at worst something is asked once more."""


def _narrow(ports: int) -> int:
    """As many bits as numpy has."""
    return ports if ports >> _SHARED_BIT == 0 else ports & ((1 << _SHARED_BIT) - 1) | 1 << _SHARED_BIT


class Places:
    """``leads[place]`` is the next one, or HERE, GONE, UNKNOWN; ``link[place]`` the number of the link in between."""

    def __init__(self, topology: Topology, known: Known) -> None:
        self.topology, self._known = topology, known
        self.delay_ms = np.array([*(link.delay_ms for link in topology.links), 0.0])
        self._states: dict[str, State] = {}
        self.ages = 0
        """How often all places were numbered anew."""
        self._forget_all()
        size = len(topology.pops)
        self._to = {
            (pop.index, port): _far_end(topology, pop, link)
            for pop in topology.pops
            for port, link in topology.ports(pop.name).items()
        }
        self._addresses = [addressing.host_ip(pop.index) for pop in topology.pops]
        self.ends = np.array([(a, b) for a in range(size) for b in range(size) if a != b], dtype=np.int64)
        """[pair]: numbers of both PoPs, in the order of ``Topology.pairs``."""
        self._links_of = np.full((size, max(len(topology.ports(pop.name)) for pop in topology.pops) + 2), NO_LINK)
        for (pop, port), (link, _, _) in self._to.items():
            self._links_of[pop, port] = link

    def _forget_all(self) -> None:
        self.ages += 1
        self._numbers: dict[_Place, int] = {}
        self._places: list[_Place] = []
        self._at: dict[int, list[int]] = {}
        self.leads = np.full(1024, UNKNOWN, dtype=np.int64)
        self.link = np.full(1024, NO_LINK, dtype=np.int64)
        self._asked: Ints = np.zeros(1024, dtype=np.int64)
        """Bits of the ports that it hangs on, or hung on in another state, where a place leads."""
        self.upstream = Upstream()
        self._starts: Ints | None = None
        self._put_away: dict[State, tuple[Ints, Ints, Ints]] = {}

    @property
    def starts(self) -> Ints:
        """The place of each pair's packet as it leaves its host, in the order of ``Topology.pairs``."""
        if self._starts is None:
            made = (self._number((a, HOST_PORT, (), UNLABELLED, b)) for a, b in self.ends.tolist())
            self._starts = np.fromiter(made, dtype=np.int64, count=len(self.ends))
        return self._starts

    def pair(self, number: int) -> Pair:
        a, b = self.ends[number]
        return (self.topology.pops[a].name, self.topology.pops[b].name)

    def switches(self) -> dict[str, Switch]:
        return {pop: state.switch for pop, state in self._states.items()}

    # ---------------------------------------------------------- what has changed

    def update(self, snapshot: Snapshot) -> None:
        """Take over the switches' states; places at those that have changed are to be asked again."""
        for pop in self.topology.names:
            before, now = self._states.get(pop), snapshot.get(pop, SwitchState())
            if before is None or before.state is not now:
                self.change(pop, self._known(pop, now))

    def change(self, pop: str, now: State) -> Ints:
        """Take over one switch's state; the places at it that may lead elsewhere now."""
        before = self._states.get(pop)
        self._states[pop] = now
        if before is not None and now.forgets != before.forgets:
            self._forget_all()
        return self._exchange(self.topology.pop(pop).index, before, now)

    def _exchange(self, pop: int, before: State | None, now: State) -> Ints:
        """Put away what is known of a state that was, and take back what was known of this one."""
        places = self.at(pop)
        if before is None:
            return places
        was = self.leads[places], self.link[places]
        self._put_away[before] = (places, *was)
        open_ = places
        if before.same_tables(now):
            open_ = places[(self._asked[places] & _narrow(before.live ^ now.live)) != 0]
        else:
            before.forget()  # where its places led is put away
        self.leads[open_] = UNKNOWN
        if now in self._put_away:
            known, leads, link = self._put_away.pop(now)
            self.leads[known], self.link[known] = leads, link
        return np.asarray(places[(self.leads[places] != was[0]) | (self.link[places] != was[1])])

    def make_room(self) -> None:
        """Forget all places when there are too many: each bypass that was ever used left some for each destination."""
        if len(self._places) > MOST_PLACES:
            self._forget_all()

    def at(self, pop: int) -> Ints:
        """The places at a PoP."""
        return np.array(self._at.get(pop, ()), dtype=np.int64)

    # ---------------------------------------------------------- where places lead

    def learn(self, places: Ints) -> None:
        """Ask the switches about those of these places that are unknown."""
        unknown = places[self.leads[places] == UNKNOWN]
        if not len(unknown):
            return
        for place in np.unique(unknown).tolist():
            pop, in_port, labels, eth_type, end = self._places[place]
            state = self._states[self.topology.pops[pop].name]
            hop, asked = state.look_up(in_port, labels, eth_type, self._addresses[end])
            leads, link = self._follow(pop, hop, end)
            self.leads[place], self.link[place] = leads, link
            self._asked[place] |= _narrow(asked)  # in whatever state: what is put away comes back
            if leads >= 0:
                self.upstream.add(place, leads)

    def _follow(self, pop: int, hop: Hop | None, end: int) -> tuple[int, int]:
        """The place that a hop leads to, and the link in between."""
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
                self.leads, self.link, self._asked = (
                    np.concatenate((known, np.full(number, fresh)))
                    for known, fresh in ((self.leads, UNKNOWN), (self.link, NO_LINK), (self._asked, 0))
                )
        return number

    def rounds(self, here: Ints, lost: NDArray[np.bool_]) -> Iterator[Round]:
        """All packets at these places take one hop after the other. ``lost[link]``: it is cut; NO_LINK's is the last.

        Ends when none is under way, or after SURE_HOPS.
        """
        under_way: Ints = np.arange(len(here), dtype=np.int64)
        for _ in range(SURE_HOPS):
            self.learn(here)
            link = self.link[here]
            leads = np.where(lost[link], GONE, self.leads[here])
            yield Round(under_way, here, link, leads)
            crossed = leads >= 0
            under_way, here = under_way[crossed], leads[crossed]
            if not len(under_way):
                return

    def no_link_lost(self) -> NDArray[np.bool_]:
        """For ``rounds``, to be filled."""
        return np.zeros(len(self.topology.links) + 1, dtype=np.bool_)

    # ---------------------------------------------------------- what would be right

    def best(self, paths: Paths) -> tuple[NDArray[np.float64], Ints]:
        """[pair]: delay of the shortest path (inf: none), number of its first link."""
        a, b = self.ends[:, 0], self.ends[:, 1]
        return paths.distance_ms[a, b], self._links_of[a, paths.next_port[a, b]]
