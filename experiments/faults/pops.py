"""PoPs as faults see them: their links, what they send, and how one that was dark comes back."""

from __future__ import annotations

from collections.abc import Iterable

from experiments.faults.kind import until, wires
from experiments.lab import Lab, LinkControl
from topology.errors import LabError

START_S = 20.0
"""Generous, for emulated and overloaded machines."""


def links_at(lab: Lab, pops: Iterable[str]) -> list[LinkControl]:
    """The backbone links that end at one of these PoPs, each once."""
    return wires(lab, lab.topology.links_at(pops))


def sent_by(lab: Lab, pops: Iterable[str]) -> int:
    """Frames of these PoPs that came out at the far ends of their backbone links so far."""
    senders, total = set(pops), 0
    for name in lab.topology.links_at(senders):
        ends, ways = lab.topology.link(name).ends, lab.links[name].frames()
        total += sum(count for end, count in zip(ends, ways, strict=True) if end in senders)
    return total


def running(lab: Lab, pops: Iterable[str]) -> int:
    """How many of these PoPs' switches run, by the process table."""
    return sum(lab.switches[pop].running() for pop in pops)


def start(lab: Lab, pops: tuple[str, ...]) -> None:
    """Their switches, all at once; returns when they have their ports. Raises LabError when one does not."""
    for pop in pops:
        lab.switches[pop].start()
    if not until(lab, lambda: all(lab.switches[pop].ready() for pop in pops), START_S):
        raise LabError(f"the switches of {', '.join(pops)} did not come back within {START_S:g} s")


def revive(lab: Lab, pops: tuple[str, ...]) -> None:
    """The way to the brain, the switches, which seek it at once, then light on the links.

    Those that another dark PoP holds dark are cut again by whoever carries the events out.
    """
    for pop in pops:
        lab.control[pop].heal()
    start(lab, pops)
    for link in links_at(lab, pops):
        link.heal()
