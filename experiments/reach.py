"""What a fault touches: backbone links, PoPs, control channels; and which links carry nothing while faults stand.

Pure. The runner writes a fault's reach into its journal line, so that nobody after it parses a
target; runner (for the oracle) and judge follow the same deeds by the same function.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from experiments.faults.kind import CONTROL, LINK, POP, PUSH, SWITCH, SWITCH_OF, Fault
from topology.model import Topology


@dataclass(frozen=True, slots=True)
class Reach:
    """Names of what is touched; ``links`` of a PoP are all that end there."""

    links: tuple[str, ...] = ()
    pops: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    """PoPs whose way to the brain is touched."""


NOTHING = Reach()


class Deed(Protocol):
    """A fault, or the end of one, as ``broken`` needs to know it."""

    @property
    def aims_at(self) -> str: ...
    @property
    def severs(self) -> bool: ...
    @property
    def restores(self) -> bool: ...
    @property
    def links(self) -> Sequence[str]: ...
    @property
    def pops(self) -> Sequence[str]: ...


def reach(aims_at: str, targets: Iterable[str], topology: Topology) -> Reach:
    """``targets`` as ``experiments.asking.targets`` resolved them."""
    names = tuple(targets)
    if aims_at == PUSH:
        return Reach(links=topology.links_at(names))
    if aims_at in (POP, SWITCH):
        return Reach(links=topology.links_at(names), pops=names)
    control = tuple(name.removeprefix(CONTROL) for name in names if name.startswith(CONTROL))
    links = tuple(name for name in names if not name.startswith(CONTROL)) if aims_at == LINK else ()
    return Reach(links=links, control=control)


def wires(fault: Fault, topology: Topology) -> frozenset[str]:
    """Links, control channels (``control:POP``), switches (``switch:POP``): what a fault changes, or its end mends."""
    touched = reach(fault.aims_at, fault.targets, topology)
    links = () if fault.aims_at in (PUSH, SWITCH) else touched.links
    whole = touched.pops if fault.severs or fault.restores else ()  # an overload leaves the switch alone
    dark = whole if fault.aims_at == POP else ()
    channels = (*(CONTROL + pop for pop in (*touched.control, *dark)), *getattr(fault, "channels", ()))
    return frozenset((*links, *channels, *(SWITCH_OF + pop for pop in whole)))


def broken(deeds: Iterable[Deed], topology: Topology) -> frozenset[str]:
    """Links that carry nothing after these deeds, in order: cut ones, and all that end at a PoP that is down.

    A PoP that comes back lights its links, except those that are cut themselves or lead to PoPs still down.
    """
    cut: set[str] = set()
    down: dict[str, set[str]] = {POP: set(), SWITCH: set()}
    for deed in deeds:
        struck = down[deed.aims_at] if deed.pops else cut
        names = set(deed.pops or deed.links)
        if deed.restores:
            struck -= names
        elif deed.severs:
            struck |= names
    return frozenset(cut.union(topology.links_at(set().union(*down.values()))))
