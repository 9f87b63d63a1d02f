"""What becomes of every pair when something is cut, walked, checked and told in few words: shared by tests that cut."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from controller.paths import Hops, shortest
from controller.pipeline import GUARD
from topology import addressing, labels
from topology.forwarding import Snapshot, SwitchState
from topology.model import Pair, Topology
from topology.packet import Packet
from topology.switch import Sent, Switch
from topology.walk import Journey, journey

Journeys = dict[Pair, Journey]
TOPOLOGIES = {"edge12": "edge12", "nobel-eu": "topohub:sndlib/nobel-eu", "europe18": "europe18"}


def check(journeys: Journeys, dead: Collection[str]) -> None:
    """What holds whatever is dead: no loop, never more than three labels, nothing through the dead."""
    for pair, taken in journeys.items():
        assert taken.outcome in ("delivered", "blackhole"), pair
        assert max((len(step.stack) for step in taken.steps), default=0) <= labels.MAX_STACK, pair
        assert set(taken.links).isdisjoint(dead), pair


def dark(journeys: Journeys) -> set[Pair]:
    return {pair for pair, taken in journeys.items() if not taken.delivered}


class _Remembering(Switch):
    """Looks a packet up once, whatever its time to live: nothing on these ways lasts long enough to end one.

    What goes in a circle does so until the walk gives it up.
    """

    def __init__(self, state: SwitchState) -> None:
        super().__init__(state)
        self._known: dict[object, tuple[Sent, ...]] = {}

    def process(self, packet: Packet, in_port: int) -> tuple[Sent, ...]:
        key = (in_port, packet.labels, packet.eth_type, packet.ipv4_dst)
        if key not in self._known:
            self._known[key] = super().process(packet, in_port)
        return self._known[key]


class Walk:
    """Every pair's journey over one snapshot of the switches."""

    def __init__(self, topology: Topology, snapshot: Snapshot) -> None:
        self.topology, self.snapshot = topology, snapshot
        self.switches = {pop: _Remembering(state) for pop, state in snapshot.items()}
        self.journeys = {pair: journey(topology, self.switches, *pair) for pair in topology.pairs}
        self._met = {pair: self._pops(pair[0], taken) for pair, taken in self.journeys.items()}

    def _pops(self, src: str, taken: Journey) -> set[str]:
        """Whose switches had the packet."""
        return {src, *(end for link in taken.links for end in self.topology.link(link).ends)}

    def again(self, snapshot: Snapshot, dead: Collection[str]) -> Journeys:
        """Every pair's over a later one. What met only switches that are as they were, went as it went."""
        changed = {pop for pop, state in snapshot.items() if state != self.snapshot[pop]}
        assert changed.issuperset(end for link in dead for end in self.topology.link(link).ends)
        switches = {**self.switches, **{pop: _Remembering(snapshot[pop]) for pop in changed}}
        return {
            pair: old if changed.isdisjoint(self._met[pair]) else journey(self.topology, switches, *pair, dead)
            for pair, old in self.journeys.items()
        }


# ------------------------------------------------------------------ in few words


@dataclass(frozen=True, slots=True)
class Way:
    """The PoPs that had a pair's packet; ``why`` it came no further, or nothing where it was delivered."""

    hops: Hops
    why: str = ""


Ways = Mapping[Pair, Way]


def shortest_ways(topology: Topology, dead: Collection[str] = ()) -> Ways:
    paths = shortest(topology, dead)
    return {pair: Way(paths.hops(*pair)) for pair in topology.pairs}


def ways(walk: Walk, journeys: Journeys) -> Ways:
    return {pair: _way(walk, pair[0], taken) for pair, taken in journeys.items()}


def _way(walk: Walk, src: str, taken: Journey) -> Way:
    hops = [src]
    for link in taken.links:
        hops.append(walk.topology.link(link).other(hops[-1]))
    return Way(tuple(hops), "" if taken.delivered else _why(walk, hops[-1], taken))


def _why(walk: Walk, last: str, taken: Journey) -> str:
    if not taken.steps:
        return _refusal(walk.switches[last])
    if len(taken.steps) == len(taken.links):
        return f"dropped at {last}"
    return f"sent into the cut at {last}" if taken.steps[-1].stack else f"the tree is divided at {last}"


def _refusal(switch: Switch) -> str:
    """Of a switch that takes nothing from its own host: does it still take others' labels?"""
    passing = Packet.labelled(addressing.host_ip(0), (labels.node(0),))
    carries = switch.lookup(GUARD, passing, in_port=1)
    return "refused: its own PoP has withdrawn" if carries else "refused: its own PoP forwards nothing"


def told(what: str, before: Ways, after: Ways, as_before: str = "as before") -> Iterator[str]:
    """A line of counts, and beneath it who goes another way or none, those together who do so alike."""
    changed = {pair: way for pair, way in after.items() if way != before[pair]}
    groups: dict[str, list[Pair]] = {}
    for pair, way in changed.items():
        groups.setdefault(way.why or detour(before[pair].hops, way.hops), []).append(pair)
    lost, lost_before = (sum(bool(way.why) for way in some.values()) for some in (changed, after))
    counts = {
        f"delivered {as_before}": len(after) - len(changed) - (lost_before - lost),
        "another way": len(changed) - lost,
        "dark": lost,
        f"dark {as_before}": lost_before - lost,
    }
    yield f"{what}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    for how, pairs in groups.items():
        yield f"  {how}: " + ("all" if len(pairs) == len(after) else gathered(pairs))


def detour(old: Hops, new: Hops) -> str:
    """The part of the new way that is not the old one's, with the PoPs where it leaves and where it is back."""
    most = min(len(old), len(new))
    head = next((n for n in range(most) if old[n] != new[n]), most)
    tail = next((n for n in range(most - head) if old[-1 - n] != new[-1 - n]), most - head)
    return " > ".join(new[head - 1 : len(new) - tail + 1])


def gathered(pairs: Iterable[Pair]) -> str:
    """``a, b → c, d; e → f``: those with the same destinations together."""
    ends: dict[str, list[str]] = {}
    for src, dst in pairs:
        ends.setdefault(src, []).append(dst)
    alike: dict[str, list[str]] = {}
    for src, there in ends.items():
        alike.setdefault(", ".join(there), []).append(src)
    return "; ".join(f"{', '.join(here)} → {there}" for there, here in alike.items())
