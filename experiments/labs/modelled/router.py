"""One PoP's routing daemon in virtual time: what it knows of the links, whom it tells, when it computes.

A link-state database (RFC 2328) of one announcement per router: which of its links are up. A link
counts when both ends say so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from experiments.labs.modelled.clock import Clock
from topology.igp import Igp
from topology.model import Topology


@dataclass(frozen=True, slots=True)
class Announcement:
    """A router's own links that are up (router LSA, RFC 2328, 12.4.1)."""

    origin: str
    sequence: int
    links: frozenset[str]


Pass = Callable[[str, str, Announcement], None]
"""``(link, from, what)``: send it over a link to the router at its other end."""


class Router:
    """``adjacent`` are its links over which it has a neighbour."""

    def __init__(self, pop: str, igp: Igp, clock: Clock, carry: Pass, compute: Callable[[], None]) -> None:
        self.pop = pop
        self.adjacent: set[str] = set()
        self.database: dict[str, Announcement] = {}
        self._igp, self._clock, self._carry, self._compute = igp, clock, carry, compute
        self._announced_s = self._computed_s = -math.inf
        self._announcing = self._computing = False
        self._hold_s = igp.spf_hold_ms / 1e3

    @property
    def settled(self) -> bool:
        return not (self._announcing or self._computing)

    def begin(self, everybody: Iterable[Announcement]) -> None:
        """All that is known once the network has come up: its own links, and what everybody says."""
        self.database = {what.origin: what for what in everybody}
        self.adjacent = set(self.database[self.pop].links)
        self._later()

    def announce(self) -> None:
        """Its adjacencies have changed: say so, as often as allowed."""
        if not self._announcing:
            self._announcing = True
            self._clock.at(self._announced_s + self._igp.lsa_interval_ms / 1e3, self._announce)

    def _announce(self) -> None:
        self._announcing, self._announced_s = False, self._clock.now
        self.hear(Announcement(self.pop, self.database[self.pop].sequence + 1, frozenset(self.adjacent)))

    def hear(self, what: Announcement, by: str = "") -> None:
        """News is passed on over all other links, and changes the routes in a moment (RFC 2328, 13)."""
        known = self.database[what.origin]
        if known.sequence >= what.sequence:
            return
        self.database[what.origin] = what
        for link in sorted(self.adjacent - {by}):
            self._carry(link, self.pop, what)
        if known.links != what.links:
            self._later()

    def tell_all(self, link: str) -> None:
        """A new neighbour gets the whole database."""
        for what in list(self.database.values()):
            self._carry(link, self.pop, what)

    def _later(self) -> None:
        """Computing is throttled: at once after a quiet time, then at growing intervals."""
        if self._computing:
            return
        self._computing, hold_s = True, self._igp.spf_hold_ms / 1e3
        busy = self._clock.now < self._computed_s + self._hold_s
        self._hold_s = min(2 * self._hold_s, self._igp.spf_max_ms / 1e3) if busy else hold_s
        due_s = max(self._clock.now + self._igp.spf_delay_ms / 1e3, self._computed_s + self._hold_s if busy else 0.0)
        self._clock.at(due_s, self._computed)

    def _computed(self) -> None:
        self._computing, self._computed_s = False, self._clock.now
        self._compute()

    def dead(self, topology: Topology) -> frozenset[str]:
        """Links that not both ends announce."""
        said = {origin: what.links for origin, what in self.database.items()}
        return frozenset(link.name for link in topology.links if any(link.name not in said[end] for end in link.ends))
