"""The links and control channels of a topology, modelled as the emulated lab builds them."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.lab import LinkShape
from experiments.labs.modelled.bfd import Bfd
from experiments.labs.modelled.channel import Channel
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.history import Past
from experiments.labs.modelled.switch import ModelSwitch, Port, PortChange
from experiments.labs.modelled.wire import Wire
from topology.channels import CONTROL_RATE_BPS, control_delays_ms
from topology.model import Link, Topology


def wires(
    topology: Topology, clock: Clock, past: Past, switches: Mapping[str, ModelSwitch], changed: PortChange
) -> dict[str, Wire]:
    """All backbone links, and the ports at their ends."""

    def port(pop: str, link: Link) -> Port:
        number = topology.port(pop, link)
        made = switches[pop].ports[number] = Port(clock, switches[pop], number, link.name, changed)
        return made

    made = {}
    for link in topology.links:
        wire = made[link.name] = Wire(clock, past, link.name, LinkShape(link.delay_ms, link.capacity_bps))
        wire.ends = tuple(port(pop, link) for pop in link.ends)
    return made


def add_bfd(wires: Mapping[str, Wire], clock: Clock, interval_ms: int | None, seed: str) -> None:
    """Sessions on every link; None: carrier only. Ports are dead until BFD says otherwise."""
    if interval_ms is None:
        return
    for wire in wires.values():
        wire.bfd = Bfd(clock, wire, interval_ms / 1e3, seed)
        for port, session in zip(wire.ends, wire.bfd.ends, strict=True):
            port.bfd, port.live = session, False


def channels(topology: Topology, clock: Clock, seed: str) -> dict[str, Channel]:
    """One per PoP, as long as its shortest way to the brain."""
    delays_ms = control_delays_ms(topology)
    return {pop: Channel(clock, pop, LinkShape(delays_ms[pop], CONTROL_RATE_BPS), seed) for pop in topology.names}
