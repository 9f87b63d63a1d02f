"""What the tables ought to say, and how far a snapshot of the switches is from it.

A (node, destination) entry is *stale* when the first hop that the switch would choose now
differs from the shortest-delay path of the network as it is now. A group's liveness is part
of the forwarding state, so a repaired entry counts by where it really sends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from controller.paths import Paths, shortest
from topology.forwarding import Snapshot
from topology.model import Pair, Topology
from topology.walk import Journey, journey, prepare

_SAME_DELAY_MS = 1e-3


@dataclass(frozen=True, slots=True)
class Staleness:
    """Counts of entries; ``stale`` is the sum of the last four."""

    entries: int
    harmless: int = 0
    """Another first hop, but delivered as fast."""
    longer: int = 0
    blackhole: int = 0
    loop: int = 0

    @property
    def stale(self) -> int:
        return self.harmless + self.longer + self.blackhole + self.loop

    @property
    def stale_pct(self) -> float:
        return 100 * self.stale / self.entries if self.entries else 0.0


def stale_routes(topology: Topology, snapshot: Snapshot, dead: Collection[str] = ()) -> Staleness:
    """Compare every entry with the shortest paths of ``topology`` without the ``dead`` links."""
    paths, switches = shortest(topology, dead), prepare(snapshot)
    kinds: Counter[str] = Counter()
    entries = 0
    for pair in topology.pairs:
        best = paths.links(*pair)
        if best:
            entries += 1
            kinds[kind_of(paths, pair, best, journey(topology, switches, *pair, dead))] += 1
    return Staleness(entries, kinds["harmless"], kinds["longer"], kinds["blackhole"], kinds["loop"])


def kind_of(paths: Paths, pair: Pair, best: tuple[str, ...], taken: Journey) -> str:
    """``right``, or in which way the entry is stale."""
    if taken.delivered and taken.links[:1] == best[:1]:
        return "right"
    if not taken.delivered:
        return _dark_kind(best, taken)
    src, dst = (paths.topology.pop(name).index for name in pair)
    return "harmless" if taken.delay_ms <= paths.distance_ms[src, dst] + _SAME_DELAY_MS else "longer"


def _dark_kind(best: tuple[str, ...], taken: Journey) -> str:
    """An entry whose own first hop is right is not the stale one; the one further on is."""
    return "right" if taken.links[:1] == best[:1] else taken.outcome


def affected_pairs(topology: Topology, dead: Collection[str]) -> frozenset[Pair]:
    """Pairs whose shortest path crosses one of the ``dead`` links: whom a cut hits."""
    paths = shortest(topology)
    return frozenset(pair for pair in topology.pairs if not set(dead).isdisjoint(paths.links(*pair)))
