"""A routing daemon per PoP (OSPF with BFD), as data: timers, costs, and where its packets go. Nothing is started here.

Timers are explicit, because a testbed that leaves them to defaults measures the defaults:
10 s hellos, 40 s of silence and a second between a change and the next would hide everything else.
"""

from __future__ import annotations

from dataclasses import dataclass

from topology.model import Link

COST_STEP_MS = 0.01
MAX_COST = 65_535
"""An OSPF interface's cost has 16 bits (RFC 2328, A.4.2)."""


@dataclass(frozen=True, slots=True)
class Igp:
    """One link-state routing protocol over the whole backbone; a ``Companion``."""

    hello_s: int = 1
    dead_s: int = 4
    """Hellos find neighbours; their loss is found by BFD long before this."""
    bfd_interval_ms: int = 100
    bfd_multiplier: int = 3
    spf_delay_ms: int = 10
    """From hearing of a change to computing (RFC 8405's initial delay): changes that come together are one."""
    spf_hold_ms: int = 50
    """… and from then to the next computation; grows to ``spf_max_ms`` while changes keep coming."""
    spf_max_ms: int = 500
    lsa_interval_ms: int = 50
    """Least time between two announcements of one router (5 s in RFC 2328)."""

    local_delay_ms: int = 400
    """A PoP that has lost a neighbour goes on repairing locally for so long, until the others have heard of it and
    changed (RFC 8333): changing first, it would send traffic to PoPs that send it back."""

    @property
    def name(self) -> str:
        return "igp"

    @property
    def needs(self) -> tuple[str, ...]:
        return ("frr",)


def cost(link: Link) -> int:
    """OSPF's cost of a link: its delay in hundredths of a millisecond, so that short is cheap as for the brain."""
    return min(MAX_COST, max(1, round(link.delay_ms / COST_STEP_MS)))
