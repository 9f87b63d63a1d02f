"""Which links are down, from what the switches said about their ports. Pure.

A link is up unless one of its ends is known to be down. A port without carrier is known to
be; a port that merely is not live is so only when it has been live before, or when
``settle_s`` have passed since its switch connected (BFD needs about a second to come up).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.messages import PortStatus, SwitchUp
from topology.model import Topology


@dataclass(slots=True)
class _Ports:
    """The ports of one connected switch."""

    since: float
    live: set[int]
    seen_live: set[int]
    dark: set[int] = field(default_factory=set)


class LinkState:
    """Port events in, dead links out."""

    def __init__(self, topology: Topology, settle_s: float) -> None:
        self._topology, self._settle_s = topology, settle_s
        self._switches: dict[str, _Ports] = {}
        self._lost: frozenset[str] = frozenset()
        """What ``dead`` said last."""

    def connected(self, event: SwitchUp, now: float) -> None:
        """Read back, for the first time on this connection or again: then what was seen before still counts."""
        live = {port for port, is_live in event.ports.items() if is_live}
        before = self._switches.get(event.pop, _Ports(now, set(), set()))
        self._switches[event.pop] = _Ports(before.since, live, live | before.seen_live, set(event.without_carrier))

    def disconnected(self, pop: str) -> None:
        """What the switch said last is forgotten: its links count as up, as the far ends say."""
        self._switches.pop(pop, None)

    def port(self, event: PortStatus) -> None:
        ports = self._switches.get(event.pop)
        if ports is None:
            return
        (ports.live.add if event.live else ports.live.discard)(event.port)
        (ports.dark.discard if event.carrier else ports.dark.add)(event.port)
        if event.live:
            ports.seen_live.add(event.port)

    def dead(self, now: float) -> frozenset[str]:
        """Names of the links that are known to be down at ``now``."""
        self._lost = frozenset(name for pop, ports in self._switches.items() for name in self._down(pop, ports, now))
        return self._lost

    def _down(self, pop: str, ports: _Ports, now: float) -> list[str]:
        links = self._topology.ports(pop)
        judged = set(links) if now >= ports.since + self._settle_s else set(ports.seen_live)
        if self._lost:  # what was down is up again when all of its ends that are in view are live
            judged |= {port for port, link in links.items() if link.name in self._lost}
        return [links[port].name for port in ports.dark | (judged - ports.live) if port in links]
