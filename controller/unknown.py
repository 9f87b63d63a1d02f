"""PoPs whose control channel is gone: what does a brain think of them? Pure.

Health is not two-valued: a PoP can be healthy, unhealthy, or *unknown*, and a brain that takes
unknown for dead tears down half a network that works, because it has lost sight of it. Orion's
rule (NSDI'21): few unknown are routed around, at many the brain stops believing itself.

    static  their links count as up, as the far ends say; nothing is changed
    dead    all links that end there count as down
    orion   at most a quarter of all PoPs: packets cross them only when there is no other way, and
            are still delivered to them; more: as static
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from topology.model import Topology

STATIC, DEAD, ORION = "static", "dead", "orion"
FEW = 0.25
"""Share of the PoPs up to which unknown ones are few: Orion's domains lose at most as much at once."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What follows for the plan."""

    dead: frozenset[str] = frozenset()
    """Links."""
    avoided: frozenset[str] = frozenset()
    """PoPs."""


def belief(topology: Topology, lost: Collection[str], means: str) -> Belief:
    """``lost``: the PoPs without a control channel; ``means``: ``STATIC``, ``DEAD`` or ``ORION``."""
    if means == DEAD:
        return Belief(dead=frozenset(topology.links_at(lost)))
    if means == ORION and len(lost) <= FEW * len(topology.pops):
        return Belief(avoided=frozenset(lost))
    return Belief()
