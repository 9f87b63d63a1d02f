"""A packet's whole journey over a snapshot of the switches, link by link."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from topology import addressing
from topology.forwarding import Snapshot
from topology.labels import Stack
from topology.model import HOST_PORT, Link, Topology
from topology.switch import Packet, Switch

MAX_HOPS = 300
"""More hops than any time-to-live allows: only a loop gets there."""


@dataclass(frozen=True, slots=True)
class Step:
    """The packet leaves ``pop`` by ``port`` with these labels."""

    pop: str
    port: int
    stack: Stack


@dataclass(frozen=True, slots=True)
class Journey:
    """``outcome`` is ``"delivered"``, ``"blackhole"`` (dropped, or sent into a dead link) or ``"loop"``."""

    outcome: str
    steps: tuple[Step, ...]
    links: tuple[str, ...]
    delay_ms: float

    @property
    def delivered(self) -> bool:
        return self.outcome == "delivered"


def prepare(snapshot: Snapshot) -> dict[str, Switch]:
    """Index every switch once, for many journeys."""
    return {pop: Switch(state) for pop, state in snapshot.items()}


def journey(
    topology: Topology, switches: Mapping[str, Switch], src: str, dst: str, dead: Collection[str] = ()
) -> Journey:
    """From the edge host of ``src`` to that of ``dst``; ``dead`` are names of links that swallow what enters."""
    packet = Packet(addressing.host_ip(topology.pop(dst).index))
    pop, in_port = src, HOST_PORT
    steps: list[Step] = []
    links: list[Link] = []
    outcome = "loop"
    seen: set[tuple[str, int, Stack]] = set()
    while len(steps) < MAX_HOPS:
        sent = switches[pop].process(packet, in_port) if pop in switches else ()
        if not sent:
            outcome = "loop" if len(seen) < len(steps) else "blackhole"
            break
        port, packet = sent[0].port, sent[0].packet
        steps.append(Step(pop, port, packet.labels))
        seen.add((pop, port, packet.labels))
        if port == HOST_PORT:
            outcome = "delivered" if pop == dst else "blackhole"
            break
        link = topology.ports(pop).get(port)
        if link is None or link.name in dead:
            outcome = "blackhole"
            break
        links.append(link)
        pop = link.other(pop)
        in_port = topology.port(pop, link)
    return Journey(outcome, tuple(steps), tuple(link.name for link in links), sum(link.delay_ms for link in links))
