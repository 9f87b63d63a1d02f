"""Stale routes as ``controller.oracle.stale_routes`` counts them, looking up only what has changed since the last time.

All journeys are walked at once, one hop of all of them per round, over numbered *places*: a
packet with these labels, for that destination, coming in here by that port. Where a place
leads is asked of the switch once, and again when its switch has another state. Who is still
under way after all rounds is walked singly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.oracle import Staleness, kind_of
from controller.paths import Paths, shortest
from experiments.labs.modelled.places import HERE, NO_LINK, UNKNOWN, Known, Places
from experiments.labs.modelled.tables import State
from topology.forwarding import Snapshot
from topology.model import Pair, Topology
from topology.switch import Switch
from topology.walk import journey

SAME_DELAY_MS = 1e-3


@dataclass(slots=True)
class _Ways:
    """[pair]: what became of all journeys. ``first``: number of the first link crossed, negative for none."""

    outcome: NDArray[Any]
    first: NDArray[Any]
    delay_ms: NDArray[Any]


class Oracle:
    """Same answers as ``stale_routes``; remembers the switches and the paths of the last time."""

    def __init__(self, known: Known = lambda _, state: State(state)) -> None:
        """``known``: who has looked things up in the switches' states already."""
        self._known = known
        self._places: Places | None = None
        self._paths: dict[frozenset[str], Paths] = {}

    def __call__(self, topology: Topology, snapshot: Snapshot, dead: Collection[str] = ()) -> Staleness:
        if self._places is None or self._places.topology is not topology:
            self._places, self._paths = Places(topology, self._known), {}
        places, gone = self._places, frozenset(dead)
        places.update(snapshot)
        if gone not in self._paths:
            self._paths[gone] = shortest(topology, gone)
        return self._count(places, self._paths[gone], self._walk(places, gone), gone)

    def _walk(self, places: Places, dead: frozenset[str]) -> _Ways:
        """Those that are still under way after the last round stay UNKNOWN."""
        count = len(places.starts)
        ways = _Ways(np.full(count, UNKNOWN), np.full(count, NO_LINK), np.zeros(count))
        lost = places.no_link_lost()
        lost[[link.index for link in places.topology.links if link.name in dead]] = True
        for hop, now in enumerate(places.rounds(places.starts, lost)):
            crossed = now.leads >= 0
            ways.outcome[now.under_way] = np.where(crossed, UNKNOWN, now.leads)
            if hop == 0:
                ways.first = np.where(crossed, now.link, NO_LINK)
            ways.delay_ms[now.under_way[crossed]] += places.delay_ms[now.link[crossed]]
        return ways

    def _count(self, places: Places, paths: Paths, ways: _Ways, dead: frozenset[str]) -> Staleness:
        best_ms, best_first = places.best(paths)
        possible = np.isfinite(best_ms)
        single = np.flatnonzero(possible & (ways.outcome == UNKNOWN))
        counts: Counter[str] = Counter()
        switches = places.switches() if len(single) else {}
        for number in single.tolist():
            counts[_single(places.topology, paths, switches, places.pair(number), dead)] += 1
        delivered = ways.outcome == HERE
        right = ways.first == best_first
        stale = possible & ~right & (ways.outcome != UNKNOWN)
        slower = ways.delay_ms > best_ms + SAME_DELAY_MS
        counts["harmless"] += int((stale & delivered & ~slower).sum())
        counts["longer"] += int((stale & delivered & slower).sum())
        counts["blackhole"] += int((stale & ~delivered).sum())
        kinds = {name: counts[name] for name in ("harmless", "longer", "blackhole", "loop")}
        return Staleness(int(possible.sum()), **kinds)


def _single(topology: Topology, paths: Paths, switches: dict[str, Switch], pair: Pair, dead: frozenset[str]) -> str:
    return kind_of(paths, pair, paths.links(*pair), journey(topology, switches, *pair, dead))
