"""The resilience ladder: each policy is a design against losing the brain, as frozen data.

Switch settings, brain settings and companion processes; no class hierarchy. Variants are further
axes: ``fast-reroute+wipe`` says how the brain comes back. ``failstatic policies`` lists all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from controller.brain import BrainSettings
from controller.election import ElectionSettings
from controller.memory import EMPTY, RECONCILE, STALE, WIPE
from controller.slices import slices
from controller.unknown import DEAD, ORION, STATIC
from experiments.companions import Companion
from experiments.lab import brain_names
from topology.errors import InputError, unknown
from topology.igp import Igp
from topology.model import Topology
from topology.replica.etcd import Etcd
from topology.replica.ovs import SwitchSettings


@dataclass(frozen=True, slots=True)
class Policy:
    """One design."""

    name: str
    summary: str
    """One line: what the data plane keeps when the brain is gone."""
    switch: SwitchSettings = field(default_factory=SwitchSettings)
    brain: BrainSettings = field(default_factory=BrainSettings)
    brains: int = 1
    """Controller processes; all at the site of the topology's brain."""
    election: ElectionSettings = field(default_factory=ElectionSettings)
    """How several brains elect their leader, where a store stands beside them."""
    companions: tuple[Companion, ...] = ()
    """Brought up in this order, after the network and before the brain."""

    def charges(self, topology: Topology) -> dict[str, tuple[str, ...]]:
        """Brain → the PoPs whose switches connect to it: all, or those of its slice.

        Raises InputError when the topology has fewer PoPs than there are slices.
        """
        names = brain_names(self.brains)
        if self.brain.slices == 1:
            return dict.fromkeys(names, topology.names)
        parts = slices(topology, self.brain.slices)
        return {name: parts.members(number) for number, name in enumerate(names)}

    def mind(self, name: str) -> BrainSettings:
        """The settings of one of its brains."""
        return replace(self.brain, slice=brain_names(self.brains).index(name) % self.brain.slices)

    @property
    def moves(self) -> bool:
        """Whether pairs may be carried another way, or not at all, by design once the brain or its channels are struck.

        From then on no pair is a control: what becomes of it says nothing about the machine.
        """
        bridges, returns = self.switch.fail_mode == "standalone", self.brain.returns != RECONCILE
        routes = any(isinstance(companion, Igp) for companion in self.companions)
        return bridges or returns or routes or self.brain.unknown_means != STATIC

    @property
    def store(self) -> Etcd | None:
        """Where several brains elect their leader."""
        return next((companion for companion in self.companions if isinstance(companion, Etcd)), None)

    @property
    def needs(self) -> tuple[str, ...]:
        """Abilities beyond those of every emulated run, for its companions."""
        return tuple(dict.fromkeys(need for companion in self.companions for need in companion.needs))


BFD_INTERVAL_MS = 100
"""Transmit and receive interval of BFD (RFC 5880); detection after three of them."""

STANDBY = Policy(
    "standby",
    "fast-reroute with three brains: when the leader is lost another takes over within 2 s (etcd, OpenFlow roles)",
    switch=SwitchSettings(bfd_interval_ms=BFD_INTERVAL_MS),
    brain=BrainSettings(fast_reroute=True),
    brains=3,
    companions=(Etcd(),),
)
SLICED = Policy(
    "sliced",
    "fast-reroute in four slices, a brain each, stitched at their borders: one brain less leaves the others theirs",
    switch=SwitchSettings(bfd_interval_ms=BFD_INTERVAL_MS),
    brain=BrainSettings(fast_reroute=True, slices=4),
    brains=4,
)
POLICIES: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(
            "standalone",
            "a switch that has not heard from the brain for 3 s forgets its rules and bridges along a tree",
            switch=SwitchSettings(fail_mode="standalone", inactivity_probe_ms=1000),
        ),
        Policy(
            "soft-state",
            "rules expire 3 s after the brain's last refresh: a silent brain means a dark network",
            brain=BrainSettings(guard_timeout_s=3, refresh_s=1.0),
        ),
        Policy("fail-static", "permanent rules: the network forwards as it last was, whatever happens to it"),
        Policy(
            "fast-reroute",
            "fail-static, and each PoP repairs a lost link or neighbour by itself: fast-failover groups, BFD, bypasses",
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
            "shadow",
            "fast-reroute over a routing protocol: 3 s after the brain's last word, FRR's shortest paths take over",
            switch=SwitchSettings(bfd_interval_ms=BFD_INTERVAL_MS, router_ports=True),
            brain=BrainSettings(fast_reroute=True, guard_timeout_s=3, refresh_s=1.0),
            companions=(Igp(bfd_interval_ms=BFD_INTERVAL_MS),),
        ),
        STANDBY,
        replace(
            STANDBY,
            name="standby-defaults",
            summary="standby with etcd's own timers: another brain takes over within 3.5 s",
            election=ElectionSettings(ttl_s=2),
            companions=(Etcd(heartbeat_ms=100, election_ms=1000),),
        ),
        replace(
            STANDBY,
            name="standby-heedless",
            summary="standby whose leader does not look at its own lease: wrong on purpose, to see it refused",
            election=ElectionSettings(heedful=False),
        ),
        SLICED,
        replace(
            SLICED,
            name="sliced-2",
            summary="the same with two slices",
            brain=replace(SLICED.brain, slices=2),
            brains=2,
        ),
        Policy(
            "broken",
            "fast-reroute with one PoP left without label rules: wrong on purpose, to see the checks fail",
            switch=SwitchSettings(bfd_interval_ms=BFD_INTERVAL_MS),
            brain=BrainSettings(fast_reroute=True, withheld=1),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One setting of an axis along which any design can be varied."""

    axis: str
    """A policy takes one variant of each axis."""
    summary: str
    brain: Mapping[str, Any] = field(default_factory=dict)
    switch: Mapping[str, Any] = field(default_factory=dict)


RETURN, VIEW, PROBE = "return", "view", "inactivity probe"
VARIANTS: dict[str, Variant] = {
    RECONCILE: Variant(RETURN, "the brain comes back with its inventory and corrects what differs (as without a '+')"),
    WIPE: Variant(RETURN, "it trusts nothing: all rules are deleted, then installed anew", {"returns": WIPE}),
    STALE: Variant(RETURN, "it first installs a snapshot from when every link was up", {"returns": STALE}),
    EMPTY: Variant(
        RETURN, "its desired state is gone; missing is not empty, so it refuses to delete", {"returns": EMPTY}
    ),
    f"{EMPTY}-unguarded": Variant(
        RETURN, "its desired state is gone, so it deletes everything", {"returns": EMPTY, "least_kept": 0}
    ),
    "unknown-static": Variant(
        VIEW, "a PoP without a control channel is unknown, and nothing is changed (as without a '+')"
    ),
    "unknown-dead": Variant(
        VIEW, "a PoP without a control channel counts as dead: all its links are down", {"unknown_means": DEAD}
    ),
    "unknown-orion": Variant(
        VIEW, "few PoPs without a control channel are routed around, many change nothing", {"unknown_means": ORION}
    ),
    **{
        f"probe-{each}s": Variant(
            PROBE,
            f"a brain silent for {each} s is asked whether it lives, and given up after {each} s more",
            switch={"inactivity_probe_ms": each * 1000},
        )
        for each in (5, 10, 15)
    },
}
"""What can follow a design's name: ``fast-reroute+wipe``, ``fail-static+stale+probe-10s``."""
USUAL = (RECONCILE, "unknown-static")
"""What a design does of itself, along the axes where that has a name."""


def policy(name: str) -> Policy:
    """``DESIGN`` or ``DESIGN+VARIANT…``. Raises InputError, naming what is known of the part that is not."""
    base, *parts = name.split("+")
    if base not in POLICIES:
        raise InputError(unknown("policy", base, POLICIES))
    for part in parts:
        if part not in VARIANTS:
            raise InputError(unknown("variant", part, VARIANTS))
    chosen = [VARIANTS[part] for part in parts]
    if len({variant.axis for variant in chosen}) < len(chosen):
        raise InputError(f"'{name}' names two variants of one axis")
    found = POLICIES[base]
    for variant in chosen:
        found = replace(
            found,
            summary=f"{found.summary}; {variant.summary}",
            brain=replace(found.brain, **variant.brain),
            switch=replace(found.switch, **variant.switch),
        )
    return replace(found, name=name)


def wrong(name: str) -> str:
    """What is wrong with a policy's name; empty when nothing is."""
    try:
        policy(name)
    except InputError as error:
        return str(error)
    return ""


def includes(asked: str, name: str) -> bool:
    """Whether a check that asks for ``asked`` is about ``name``: a design alone includes all its variants."""
    (asked_base, *wanted), (base, *parts) = asked.split("+"), name.split("+")
    axes = {VARIANTS[part].axis for part in parts if part in VARIANTS}
    usual = (part for part in USUAL if VARIANTS[part].axis not in axes)
    return asked_base == base and {*parts, *usual}.issuperset(wanted)
