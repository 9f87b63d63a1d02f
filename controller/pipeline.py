"""The pipeline: which tables exist, and the rules that a plan puts into them. All numbers live here.

    table  name     matches                         does
    0      guard    MPLS                            forget in_port, goto labels  } heartbeat rules: they live as
                    IPv4                            goto ingress                 } long as the policy says
    1      ingress  own prefix                      output to the host
                    from the host, prefix of d      push the stack for d, goto labels
    2      labels   node SID of d                   dec TTL, group of the next hop
                    own node SID, bottom            pop, output to the host (a heartbeat rule where a
                                                    PoP withdraws; there MPLS above is permanent)
                    own node SID, not bottom        pop, look again
                    adjacency SID of port p         pop, output p
                    binding SID, bottom             swap and push the rest of its path, look again
                    bypass, on its way              dec TTL, output
                    bypass, at its end, not bottom  pop, look again

    group p (indirect)       output p
    group p (fast failover)  port p live: output p · else first port of the bypass live: push the bypass label, output

Ids, priorities and matches depend on nothing but the topology and the plan, so a brain that
comes back finds its own rules again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

from controller.paths import Hops, Paths
from controller.segments import Binding, Steered, compiled
from topology import addressing, labels
from topology.errors import InputError
from topology.forwarding import (
    ETH_IPV4,
    ETH_MPLS,
    Action,
    Bucket,
    DecTtl,
    FlowRule,
    ForgetInPort,
    GroupRule,
    Match,
    Output,
    Pop,
    Push,
    Resubmit,
    Swap,
    ToGroup,
)
from topology.labels import Stack
from topology.model import HOST_PORT, Topology

GUARD, INGRESS, LABELS = 0, 1, 2
PRIORITY = 100
OWN_PREFIX_PRIORITY = 200


@dataclass(frozen=True)
class Plan:
    """All that the rules follow from."""

    paths: Paths
    bypasses: Mapping[str, Hops] = field(default_factory=dict)
    """Per link name, from its end a to its end b; empty mapping: no fast reroute."""
    version: int = 0
    """The version bit of the node SIDs in use."""
    guard_timeout_s: int = 0
    """Life of the heartbeat rules without a refresh; 0: for ever."""
    withdraws: bool = False
    """A PoP whose heartbeat ends takes its own prefix out and goes on carrying others' traffic."""
    steering: tuple[Hops, ...] = ()
    """Explicit paths that override the shortest ones, each from ingress to egress."""

    @property
    def topology(self) -> Topology:
        return self.paths.topology

    @property
    def fast_reroute(self) -> bool:
        return bool(self.bypasses)

    @cached_property
    def steered(self) -> dict[Hops, Steered]:
        """Each explicit path, compiled to labels."""
        return {hops: compiled(self.paths, self.version, hops, number) for number, hops in enumerate(self.steering)}

    @cached_property
    def bypass_rules(self) -> dict[str, list[FlowRule]]:
        """Per PoP: the rules of all bypasses that cross it or end there."""
        rules: dict[str, list[FlowRule]] = {}
        for pop, rule in _bypass_rules(self):
            rules.setdefault(pop, []).append(rule)
        return rules


@dataclass(frozen=True, slots=True)
class Tables:
    """What one switch should hold: flows by cookie, groups by id."""

    flows: Mapping[int, FlowRule]
    groups: Mapping[int, GroupRule]


def tables(plan: Plan, pop: str) -> Tables:
    """The complete tables of the switch at ``pop``."""
    flows = {rule.cookie: rule for rule in _flows(plan, pop)}
    return Tables(flows, {group.id: group for group in _groups(plan, pop)})


def same_tables(old: Plan, new: Plan, pop: str) -> bool:
    """Whether both plans give ``pop`` the same tables, found without building them."""
    own = new.topology.pop(pop).index
    return (
        (old.version, old.guard_timeout_s, old.steering) == (new.version, new.guard_timeout_s, ())
        and bool((old.paths.next_port[own] == new.paths.next_port[own]).all())
        and old.bypass_rules.get(pop) == new.bypass_rules.get(pop)
        and all(old.bypasses.get(link.name) == new.bypasses.get(link.name) for link in new.topology.ports(pop).values())
    )


def heartbeat_rules(plan: Plan, pop: str) -> tuple[FlowRule, ...]:
    """The dead-man's switch: what the brain must refresh, or the PoP does what the policy says of a lost brain."""
    if not plan.guard_timeout_s:
        return ()
    own = plan.topology.pop(pop).index
    rules = (*_guard_rules(plan), *_own_rules(own, plan.version, plan.guard_timeout_s * plan.withdraws))
    return tuple(rule for rule in rules if rule.hard_timeout_s)


def _guard_rules(plan: Plan) -> tuple[FlowRule, ...]:
    """Into the tables. Where a PoP withdraws, only its own customers' way in ends with the heartbeat."""
    transit_s = 0 if plan.withdraws else plan.guard_timeout_s
    return (
        _rule(GUARD, PRIORITY, Match(eth_type=ETH_MPLS), (ForgetInPort(),), LABELS, transit_s),
        _rule(GUARD, PRIORITY, Match(eth_type=ETH_IPV4), (), INGRESS, plan.guard_timeout_s),
    )


def _flows(plan: Plan, pop: str) -> Iterator[FlowRule]:
    topology = plan.topology
    own = topology.pop(pop).index
    yield from _guard_rules(plan)
    yield from _own_rules(own, plan.version, plan.guard_timeout_s * plan.withdraws)
    steered = {hops[-1]: way for hops, way in plan.steered.items() if hops[0] == pop}
    for index, port in enumerate(plan.paths.next_port[own].tolist()):
        if index == own:
            continue
        if port:
            yield _transit_rule(index, port, plan.version)
        name = topology.pops[index].name
        stack = steered[name].stack if name in steered else (labels.node(index, plan.version),)
        yield _ingress_rule(index, stack)
    for port in topology.ports(pop):
        yield _rule(
            LABELS,
            PRIORITY,
            Match(eth_type=ETH_MPLS, mpls_label=labels.adjacency(port), mpls_bos=0),
            (Pop(ETH_MPLS), Output(port)),
        )
    yield from (_binding_rule(each) for way in plan.steered.values() for each in way.bindings if each.pop == pop)
    yield from plan.bypass_rules.get(pop, ())


@lru_cache(maxsize=1 << 12)
def _own_rules(own: int, version: int, life_s: int) -> tuple[FlowRule, ...]:
    """Delivery to the host behind this PoP; ``life_s`` is that of the announced prefix (0: for ever)."""
    label = labels.node(own, version)
    return (
        _rule(
            INGRESS,
            OWN_PREFIX_PRIORITY,
            Match(eth_type=ETH_IPV4, ipv4_dst=addressing.host_prefix(own)),
            (Output(HOST_PORT),),
        ),
        _rule(
            LABELS,
            PRIORITY,
            Match(eth_type=ETH_MPLS, mpls_label=label, mpls_bos=1),
            (Pop(ETH_IPV4), Output(HOST_PORT)),
            hard_timeout_s=life_s,
        ),
        _rule(
            LABELS,
            PRIORITY,
            Match(eth_type=ETH_MPLS, mpls_label=label, mpls_bos=0),
            (Pop(ETH_MPLS), Resubmit(LABELS)),
        ),
    )


@lru_cache(maxsize=1 << 16)
def _transit_rule(index: int, group: int, version: int) -> FlowRule:
    match = Match(eth_type=ETH_MPLS, mpls_label=labels.node(index, version))
    return _rule(LABELS, PRIORITY, match, (DecTtl(), ToGroup(group)))


@lru_cache(maxsize=1 << 16)
def _ingress_rule(index: int, stack: Stack) -> FlowRule:
    if not 1 <= len(stack) <= labels.MAX_INGRESS:
        raise InputError(f"an ingress pushes one or two labels, not {stack}: a repair must still fit within three")
    match = Match(in_port=HOST_PORT, eth_type=ETH_IPV4, ipv4_dst=addressing.host_prefix(index))
    return _rule(INGRESS, PRIORITY, match, tuple(Push(label) for label in reversed(stack)), LABELS)


def _binding_rule(binding: Binding) -> FlowRule:
    match = Match(eth_type=ETH_MPLS, mpls_label=binding.label, mpls_bos=1)
    *above, bottom = binding.stack
    pushes = (Push(label) for label in reversed(above))
    return _rule(LABELS, PRIORITY, match, (Swap(bottom), *pushes, Resubmit(LABELS)))


@lru_cache(maxsize=1 << 16)
def _rule(
    table: int,
    priority: int,
    match: Match,
    actions: tuple[Action, ...],
    goto: int | None = None,
    hard_timeout_s: int = 0,
) -> FlowRule:
    return FlowRule(table, priority, match, actions, goto, hard_timeout_s).signed()


# ------------------------------------------------------------------ repair


def _bypass_rules(plan: Plan) -> Iterator[tuple[str, FlowRule]]:
    for name, hops in plan.bypasses.items():
        index = plan.topology.link(name).index
        yield from _bypass_way(plan, labels.bypass(index, towards_b=True), hops)
        yield from _bypass_way(plan, labels.bypass(index, towards_b=False), hops[::-1])


def _bypass_way(plan: Plan, label: int, hops: Hops) -> Iterator[tuple[str, FlowRule]]:
    match = Match(eth_type=ETH_MPLS, mpls_label=label)
    for here, following in pairwise(hops[1:]):
        yield here, _rule(LABELS, PRIORITY, match, (DecTtl(), Output(_port(plan, here, following))))
    if hops:
        end = Match(eth_type=ETH_MPLS, mpls_label=label, mpls_bos=0)  # Open vSwitch 3.1 may abort at a pop that lies
        yield hops[-1], _rule(LABELS, PRIORITY, end, (Pop(ETH_MPLS), Resubmit(LABELS)))


def _groups(plan: Plan, pop: str) -> Iterator[GroupRule]:
    for port, link in plan.topology.ports(pop).items():
        primary = Bucket((Output(port),), watch_port=port if plan.fast_reroute else None)
        if not plan.fast_reroute:
            yield GroupRule(port, "indirect", (primary,))
            continue
        hops = plan.bypasses.get(link.name, ())
        detour = hops if link.a == pop else hops[::-1]
        yield GroupRule(port, "ff", (primary, *_backup(plan, link.index, link.a == pop, detour)))


def _backup(plan: Plan, link_index: int, towards_b: bool, detour: Hops) -> tuple[Bucket, ...]:
    if not detour:
        return ()
    way_out = _port(plan, detour[0], detour[1])
    label = labels.bypass(link_index, towards_b)
    return (Bucket((Push(label), Output(way_out)), watch_port=way_out),)


def _port(plan: Plan, pop: str, neighbour: str) -> int:
    topology = plan.topology
    return topology.port(pop, topology.link(f"{pop}-{neighbour}"))
