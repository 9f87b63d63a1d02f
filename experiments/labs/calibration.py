"""Links of an emulated network as they really are: measured by frames of our own, before the start or meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.faults.kind import CONTROL
from experiments.judging.machine_trust import Bounds
from experiments.lab import Record, Seen
from topology import addressing
from topology.model import Link
from topology.replica.calibrate import Measured, arriving, measure
from topology.replica.links import End
from topology.replica.network import BRAIN, Network

AGAIN = 3
"""So many times a link is measured anew that seems off: a machine that stalls for an instant stretches one train of
frames, a link that is wrong stays wrong."""


def calibrate(network: Network, record: Record) -> None:
    """One ``link`` line per backbone link: as configured, and as measured each way, the last time."""
    topology, bounds = network.topology, Bounds()
    found = dict(measure({link.name: _ends(network, link.name) for link in topology.links}))
    for _ in range(AGAIN):
        if not (doubtful := [name for name, seen in found.items() if _seems_off(topology.link(name), seen, bounds)]):
            break
        found |= measure({name: _ends(network, name) for name in doubtful})
    for name, seen in found.items():
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


def _seems_off(link: Link, seen: Measured, bounds: Bounds) -> bool:
    """Beyond what a trusted run may have (``experiments.judging.machine_trust``); nan counts as off."""
    delay_ms = max(abs(way_ms - link.delay_ms) for way_ms in (seen.delay_ab_ms, seen.delay_ba_ms))
    rate_pct = 100 * abs(seen.rate_bps / link.capacity_bps - 1)
    return not (delay_ms <= bounds.link_delay_ms and rate_pct <= bounds.link_rate_pct)


def measure_links(network: Network, targets: Sequence[str], frames: int) -> Mapping[str, Mapping[str, Seen]]:
    """As ``experiments.lab.Lab`` wants it."""
    found = measure({target: _ends(network, target) for target in targets}, frames)
    return {
        target: {
            "ab": Seen(seen.delay_ab_ms, seen.rate_bps, seen.loss_ab, seen.frames),
            "ba": Seen(seen.delay_ba_ms, seen.rate_bps, seen.loss_ba, seen.frames),
        }
        for target, seen in found.items()
    }


def heard(network: Network, targets: Sequence[str], within_s: float) -> Mapping[str, Mapping[str, int]]:
    """Likewise; ``within_s``: the longest way of a frame."""
    found = arriving({target: _ends(network, target) for target in targets}, within_s)
    return {target: {"ab": ab, "ba": ba} for target, (ab, ba) in found.items()}


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
