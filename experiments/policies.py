"""The resilience ladder: each policy is a design against losing the brain, as frozen data.

Switch settings, brain settings and companion processes; no class hierarchy.
``failstatic policies`` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.brain import BrainSettings
from experiments.companions import Companion
from topology.errors import InputError, unknown
from topology.replica.ovs import SwitchSettings


@dataclass(frozen=True, slots=True)
class Policy:
    """One design."""

    name: str
    summary: str
    """One line: what the data plane keeps when the brain is gone."""
    switch: SwitchSettings = field(default_factory=SwitchSettings)
    brain: BrainSettings = field(default_factory=BrainSettings)
    companions: tuple[Companion, ...] = ()
    """Brought up in this order, after the network and before the brain."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Abilities beyond those of every emulated run, for its companions."""
        return tuple(dict.fromkeys(need for companion in self.companions for need in companion.needs))


BFD_INTERVAL_MS = 100
"""Transmit and receive interval of BFD (RFC 5880); detection after three of them."""

POLICIES: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(
            "soft-state",
            "rules expire 3 s after the brain's last refresh: a silent brain means a dark network",
            brain=BrainSettings(guard_timeout_s=3, refresh_s=1.0),
        ),
        Policy("fail-static", "permanent rules: the network forwards as it last was, whatever happens to it"),
        Policy(
            "fast-reroute",
            "fail-static, and each PoP repairs a cut link by itself: fast-failover groups, BFD, bypass labels",
            switch=SwitchSettings(bfd_interval_ms=BFD_INTERVAL_MS),
            brain=BrainSettings(fast_reroute=True),
        ),
        Policy(
            "withdraw",
            "fast-reroute, but a PoP that has not heard from the brain for 3 s takes its own prefix out",
            switch=SwitchSettings(bfd_interval_ms=BFD_INTERVAL_MS),
            brain=BrainSettings(fast_reroute=True, guard_timeout_s=3, refresh_s=1.0, withdraws=True),
        ),
        Policy(
            "broken",
            "fast-reroute with one PoP left without label rules: wrong on purpose, to see the checks fail",
            switch=SwitchSettings(bfd_interval_ms=BFD_INTERVAL_MS),
            brain=BrainSettings(fast_reroute=True, withheld=1),
        ),
    )
}


def policy(name: str) -> Policy:
    """Raises InputError, naming the known policies."""
    try:
        return POLICIES[name]
    except KeyError:
        raise InputError(unknown("policy", name, POLICIES)) from None
