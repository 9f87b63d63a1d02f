"""Whose packets arrive, kept true while switches and links change: only what a change touches is walked again.

Each place has a fate, that of the place it leads to: packets there arrive, or they do not. When a
switch or a link changes, the places that now lead elsewhere are walked to their ends; only where
that changes their fate, the places upstream of them take it over.
So a repair that works costs the walks from the point of repair and nothing else.

Loops are found (their packets never arrive). The time to live is not counted: a way without a loop
would have to be longer than 64 hops to end by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from experiments.labs.modelled.places import HERE, Ints, Places
from experiments.labs.modelled.tables import State
from topology.model import Topology

Bools = NDArray[np.bool_]
DARK, GOOD, UNTOLD = 0, 1, 2


class Fates:
    """``arrives[pair]``, in the order of ``Topology.pairs``."""

    def __init__(self, topology: Topology) -> None:
        self._places = Places(topology, lambda _, state: State(state))
        self._lost = self._places.no_link_lost()
        self._fate: NDArray[np.int8] = np.zeros(0, dtype=np.int8)
        """[place]: DARK, GOOD, or UNTOLD where nobody has needed to know."""
        self._age = 0
        self.arrives: Bools = np.zeros(len(self._places.ends), dtype=np.bool_)

    def become(self, states: Mapping[str, State], dead: Collection[int]) -> bool:
        """These switches have these states now, the others stay; ``dead``: numbers of all links that are cut.

        Returns whether any pair fares otherwise than before.
        """
        self._places.make_room()
        touched = [self._places.change(pop, state) for pop, state in states.items()]
        lost = self._places.no_link_lost()
        lost[list(dead)] = True
        touched += [self._crossing(int(link)) for link in np.flatnonzero(lost != self._lost)]
        self._lost = lost
        if self._places.ages != self._age:
            self._age, self._fate = self._places.ages, self._fate[:0]
            return self._settle(self._places.starts)
        return self._settle(np.unique(np.concatenate(touched))) if touched else False

    def _crossing(self, link: int) -> Ints:
        """Places whose packets leave by this link."""
        topology = self._places.topology
        at = np.concatenate([self._places.at(topology.pop(end).index) for end in topology.links[link].ends])
        leaving: Ints = at[self._places.link[at] == link]
        return leaving

    def _settle(self, touched: Ints) -> bool:
        fate = self._walk(touched)
        self._grow()
        changed = touched[self._fate[touched] != fate]
        self._fate[touched] = fate
        if not len(changed):
            return False
        self._tell_upstream(changed)
        before, self.arrives = self.arrives, self._fate[self._places.starts] == GOOD
        return bool((before != self.arrives).any())

    def _walk(self, here: Ints) -> NDArray[np.int8]:
        """The fate of packets at these places."""
        fate = np.full(len(here), DARK, dtype=np.int8)
        for now in self._places.rounds(here, self._lost):
            fate[now.under_way[now.leads == HERE]] = GOOD
        return fate

    def _grow(self) -> None:
        """Room for places that were met for the first time."""
        missing = len(self._places.leads) - len(self._fate)
        if missing:
            self._fate = np.concatenate((self._fate, np.full(missing, UNTOLD, dtype=np.int8)))

    def _tell_upstream(self, changed: Ints) -> None:
        """Whoever comes through one of these places shares its fate."""
        leads, fate = self._places.leads, self._fate
        while len(changed):
            before, here = self._places.upstream.of(changed)
            theirs = (leads[before] == here) & (fate[before] != fate[here]) & ~self._lost[self._places.link[before]]
            changed = before[theirs]
            fate[changed] = fate[here[theirs]]
