"""The network as frozen data: PoPs, links between them, and what can be asked of both.

Ports: port 1 of every PoP leads to its edge host; the links follow from port 2 on,
in the order of ``Topology.links``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from topology.errors import InputError, unknown

HOST_PORT = 1
FIRST_LINK_PORT = 2

Pair = tuple[str, str]
"""An ordered pair of PoP names: (from, to)."""


@dataclass(frozen=True, slots=True)
class Pop:
    """A point of presence. ``name`` is short (≤ 9 characters) and names the Mininet node."""

    index: int
    name: str
    city: str
    region: str
    lat: float
    lon: float
    population: float
    """People served; weighs the gravity demand."""


@dataclass(frozen=True, slots=True)
class Link:
    """A backbone fibre between two PoPs, the same both ways."""

    index: int
    a: str
    b: str
    capacity_bps: float
    """Rate in the replica (already scaled)."""
    length_km: float
    delay_ms: float
    """One-way propagation delay."""
    risk_groups: tuple[str, ...] = ()
    """Shared-risk link groups (SRLG, RFC 4202) that this link belongs to."""

    @property
    def name(self) -> str:
        return f"{self.a}-{self.b}"

    @property
    def ends(self) -> Pair:
        return (self.a, self.b)

    def other(self, pop: str) -> str:
        """The far end, seen from ``pop``."""
        return self.b if pop == self.a else self.a


@dataclass(frozen=True)
class Topology:
    """A connected network; ``brain`` is the PoP where the controller lives."""

    name: str
    pops: tuple[Pop, ...]
    links: tuple[Link, ...]
    brain: str
    rate_scale: float = 1e-3
    """Replica rate / real rate."""
    source: str = ""
    """Where it comes from, with attribution; says 'synthetic' where links were generated."""

    @cached_property
    def _pops_by_name(self) -> dict[str, Pop]:
        return {pop.name: pop for pop in self.pops}

    @cached_property
    def _links_by_name(self) -> dict[str, Link]:
        return {name: link for link in self.links for name in (link.name, f"{link.b}-{link.a}")}

    @cached_property
    def _ports(self) -> dict[str, dict[int, Link]]:
        ports: dict[str, dict[int, Link]] = {pop.name: {} for pop in self.pops}
        for link in self.links:
            for end in link.ends:
                ports[end][FIRST_LINK_PORT + len(ports[end])] = link
        return ports

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(pop.name for pop in self.pops)

    @property
    def pairs(self) -> Iterator[Pair]:
        """All ordered pairs of PoPs."""
        return ((a, b) for a in self.names for b in self.names if a != b)

    def pop(self, name: str) -> Pop:
        """Raises InputError, naming the known PoPs."""
        try:
            return self._pops_by_name[name]
        except KeyError:
            raise InputError(unknown("PoP", name, self._pops_by_name)) from None

    def link(self, name: str) -> Link:
        """The link ``"a-b"`` or ``"b-a"``; raises InputError, naming the known links."""
        try:
            return self._links_by_name[name]
        except KeyError:
            raise InputError(unknown("link", name, (link.name for link in self.links))) from None

    def ports(self, pop: str) -> dict[int, Link]:
        """Port number → link, without the host port."""
        return self._ports[pop]

    def port(self, pop: str, link: Link) -> int:
        """The port of ``pop`` on which ``link`` ends."""
        return next(port for port, other in self._ports[pop].items() if other.index == link.index)

    @cached_property
    def port_towards(self) -> tuple[dict[int, int], ...]:
        """[index of a PoP][index of a neighbour]: the port of the former on which their link ends."""
        return tuple(
            {self.pop(link.other(pop.name)).index: port for port, link in self._ports[pop.name].items()}
            for pop in self.pops
        )

    def neighbours(self, pop: str) -> dict[int, str]:
        """Port number → PoP at the far end."""
        return {port: link.other(pop) for port, link in self._ports[pop].items()}

    def links_at(self, pops: Iterable[str]) -> tuple[str, ...]:
        """Names of the links that end at one of these PoPs, each once, in order."""
        ends = set(pops)
        return tuple(link.name for link in self.links if not ends.isdisjoint(link.ends))

    def regions(self) -> Counter[str]:
        """How many PoPs each region has."""
        return Counter(pop.region for pop in self.pops)

    def without(self, *links: Link) -> Topology:
        """The same PoPs with these links gone. Port numbers change: use it for path questions only."""
        gone = {link.index for link in links}
        return replace(self, links=tuple(link for link in self.links if link.index not in gone))
