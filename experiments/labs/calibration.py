"""Links of an emulated network as they really are: measured by frames of our own, before the start or meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.faults.kind import CONTROL, Seen
from experiments.lab import Record
from topology import addressing
from topology.replica.calibrate import measure
from topology.replica.links import End
from topology.replica.network import BRAIN, Network


def calibrate(network: Network, record: Record) -> None:
    """One ``link`` line per backbone link: as configured, and as measured each way."""
    topology = network.topology
    for name, seen in measure({link.name: _ends(network, link.name) for link in topology.links}).items():
        link = topology.link(name)
        record(
            "link",
            link=name,
            delay_ms=link.delay_ms,
            measured_ab_ms=seen.delay_ab_ms,
            measured_ba_ms=seen.delay_ba_ms,
            rate_bps=link.capacity_bps,
            measured_bps=seen.rate_bps,
        )


def measure_links(network: Network, targets: Sequence[str]) -> Mapping[str, Mapping[str, Seen]]:
    """As ``faults.kind.Measuring`` wants it."""
    found = measure({target: _ends(network, target) for target in targets})
    return {
        target: {
            "ab": Seen(seen.delay_ab_ms, seen.rate_bps, seen.loss_ab),
            "ba": Seen(seen.delay_ba_ms, seen.rate_bps, seen.loss_ba),
        }
        for target, seen in found.items()
    }


def _ends(network: Network, target: str) -> tuple[End, End]:
    """The interfaces of a backbone link or of ``control:POP`` (whose end a is the brain's)."""
    topology = network.topology
    if target.startswith(CONTROL):
        pop = topology.pop(target.removeprefix(CONTROL))
        brain = End(network.pid(BRAIN), addressing.brain_interface(pop.index))
        return brain, End(network.pid(pop.name), addressing.control_interface(pop.name))
    link = topology.link(target)
    a, b = (End(network.pid(pop), addressing.port_interface(pop, topology.port(pop, link))) for pop in link.ends)
    return a, b
