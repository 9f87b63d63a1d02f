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
                    adjacency SID of port p         pop, group p
                    binding SID, bottom             swap and push the rest of its path, look again
                    …, of a PoP of another slice    dec TTL, group of the border's link there, or push a border's
                                                    node SID, look again (``controller.stitching``)
                    …, of a PoP of this slice       swap to its node SID, look again
                    any bypass, on its way          dec TTL, group (the last hop of a second one: output)
                    any bypass, at its end          pop, look again

    group p (indirect)       output p
    group p, label (fast failover)  a port while it is live, else the first live way of ``controller.repairs``

Ids, priorities and matches depend on nothing but the topology and the plan, so a brain that
comes back finds its own rules again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from controller.paths import Hops, Paths
from controller.repairs import Crossing, Ending, Failover, Repairs, Way, behind_group
from controller.segments import Binding, Steered, compiled
from controller.stitching import Relay, Stitching
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
    repairs: Repairs | None = None
    """None: no fast reroute."""
    version: int = 0
    """The version bit of the node SIDs in use."""
    guard_timeout_s: int = 0
    """Life of the heartbeat rules without a refresh; 0: for ever."""
    withdraws: bool = False
    """A PoP whose heartbeat ends takes its own prefix out and goes on carrying others' traffic."""
    steering: tuple[Hops, ...] = ()
    """Explicit paths that override the shortest ones, each from ingress to egress."""
    stitching: Stitching | None = None
    """Of a slice: its ways to the others. ``paths`` are then the slice's own."""

    @property
    def topology(self) -> Topology:
        return self.paths.topology

    @cached_property
    def out_group(self) -> NDArray[np.int64]:
        """[u, d]: the group by which u sends towards d; 0 for itself and where there is no way."""
        port = self.paths.next_port.astype(np.int64)
        if self.repairs is None or not self.repairs.nodes:
            return port
        columns = np.arange(len(port))
        near = self.paths.next_hop
        far_port: NDArray[np.int64] = np.where(near >= 0, port[near, columns], 0)
        return np.where(far_port > 0, behind_group(port, far_port), port)

    @cached_property
    def steered(self) -> dict[Hops, Steered]:
        """Each explicit path, compiled to labels."""
        return {hops: compiled(self.paths, self.version, hops, number) for number, hops in enumerate(self.steering)}


@dataclass(frozen=True, slots=True)
class Tables:
    """What one switch should hold: flows by cookie, groups by id."""

    flows: Mapping[int, FlowRule]
    groups: Mapping[int, GroupRule]


def tables(plan: Plan, pop: str) -> Tables:
    """The complete tables of the switch at ``pop``."""
    own = plan.topology.pop(pop).index
    ingress, nodes = _ingress_rules(len(plan.topology.pops), plan.version)
    flows = ingress.copy()
    del flows[_ingress_rule(own, nodes[own : own + 1]).cookie]
    groups = plan.out_group[own].tolist()
    depths = (0, 1) if plan.steering or plan.stitching is not None else (None,)
    rules = [
        _transit_rule(label, group, 0, bottom)
        for label, group in zip(nodes, groups, strict=True)
        if group
        for bottom in depths
    ]
    flows |= {rule.cookie: rule for rule in (*rules, *_few_flows(plan, pop))}
    for hops, way in plan.steered.items():
        if hops[0] == pop:
            _steer(flows, plan, hops[-1], way.stack)
    if plan.stitching is not None:
        for index, stack in plan.stitching[pop].ingress.items():
            _steer(flows, plan, plan.topology.pops[index].name, stack)
    return Tables(flows, {group.id: group for group in _groups(plan, pop)})


def same_tables(old: Plan, new: Plan, pop: str) -> bool:
    """Whether both plans give ``pop`` the same tables, found without building them."""
    own = new.topology.pop(pop).index
    return (
        (old.version, old.guard_timeout_s, old.steering) == (new.version, new.guard_timeout_s, ())
        and bool((old.out_group[own] == new.out_group[own]).all())
        and _same_repairs(old.repairs, new.repairs, pop)
        and (old.stitching is None or new.stitching is None or old.stitching[pop] == new.stitching[pop])
    )


def _same_repairs(old: Repairs | None, new: Repairs | None, pop: str) -> bool:
    if old is None or new is None:
        return old is new
    own = new.topology.pop(pop).index
    return old.facts[own] == new.facts[own] and new.same_own(old, pop)


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


def _few_flows(plan: Plan, pop: str) -> Iterator[FlowRule]:
    """All but those of which there is one per destination."""
    topology = plan.topology
    own = topology.pop(pop).index
    yield from _guard_rules(plan)
    yield from _own_rules(own, plan.version, plan.guard_timeout_s * plan.withdraws)
    for port in topology.ports(pop):
        yield _rule(
            LABELS,
            PRIORITY,
            Match(eth_type=ETH_MPLS, mpls_label=labels.adjacency(port), mpls_bos=0),
            (Pop(ETH_MPLS), ToGroup(port)),
        )
    yield from (_binding_rule(each) for way in plan.steered.values() for each in way.bindings if each.pop == pop)
    if plan.stitching is not None:
        yield from map(_relay_rule, plan.stitching[pop].relays)
        yield from (_arrival_rule(index, plan.version) for index in plan.stitching[pop].arrivals)
    if plan.repairs:
        for fact in plan.repairs.facts[own]:
            if isinstance(fact, Crossing):
                yield _transit_rule(*fact)
            elif isinstance(fact, Ending):
                yield _ending_rule(fact.label)


@lru_cache(maxsize=4)
def _ingress_rules(count: int, version: int) -> tuple[dict[int, FlowRule], Stack]:
    """To each of ``count`` destinations by its node SID, the same at every PoP; and those labels."""
    nodes = tuple(labels.node(index, version) for index in range(count))
    rules = (_ingress_rule(index, (label,)) for index, label in enumerate(nodes))
    return {rule.cookie: rule for rule in rules}, nodes


def _steer(flows: dict[int, FlowRule], plan: Plan, dst: str, stack: Stack) -> None:
    """An explicit path's own ingress rule in the place of the shortest one's."""
    index = plan.topology.pop(dst).index
    del flows[_ingress_rule(index, (labels.node(index, plan.version),)).cookie]
    rule = _ingress_rule(index, stack)
    flows[rule.cookie] = rule


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


@lru_cache(maxsize=1 << 17)
def _transit_rule(label: int, group: int, port: int = 0, bottom: int | None = None) -> FlowRule:
    """By ``group``, or by ``port`` where the group is 0.

    A label that comes both alone and above another needs a rule for each (``bottom``): Open vSwitch's
    datapath writes the whole entry when it counts the TTL down, the bottom-of-stack bit as it was in the
    first packet with it, for all packets that the cached flow stands for.
    """
    way_out = ToGroup(group) if group else Output(port)
    return FlowRule(LABELS, PRIORITY, _labelled(label, bottom), (DecTtl(), way_out)).signed()


@lru_cache(maxsize=1 << 16)
def _labelled(label: int, bottom: int | None = None) -> Match:
    return Match(eth_type=ETH_MPLS, mpls_label=label, mpls_bos=bottom)


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
def _relay_rule(relay: Relay) -> FlowRule:
    onward: tuple[Action, ...] = (DecTtl(), ToGroup(relay.port))
    actions = onward if relay.port else (Push(relay.label), Resubmit(LABELS))
    return _rule(LABELS, PRIORITY, _labelled(labels.binding(relay.index), 1), actions)


@lru_cache(maxsize=1 << 16)
def _arrival_rule(index: int, version: int) -> FlowRule:
    actions = (Swap(labels.node(index, version)), Resubmit(LABELS))
    return _rule(LABELS, PRIORITY, _labelled(labels.binding(index), 1), actions)


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


@lru_cache(maxsize=1 << 16)
def _ending_rule(label: int) -> FlowRule:
    # not at the bottom: Open vSwitch 3.1 may abort at a pop that lies
    return FlowRule(LABELS, PRIORITY, _labelled(label, 0), (Pop(ETH_MPLS), Resubmit(LABELS))).signed()


def _groups(plan: Plan, pop: str) -> Iterator[GroupRule]:
    if plan.repairs is None:
        yield from (GroupRule(port, "indirect", (Bucket((Output(port),)),)) for port in plan.topology.ports(pop))
        return
    own = plan.topology.pop(pop).index
    others = (fact for fact in plan.repairs.facts[own] if isinstance(fact, Failover))
    yield from (_failover(*fact) for fact in (*plan.repairs.own(pop), *others))


@lru_cache(maxsize=1 << 16)
def _failover(group: int, port: int, ways: tuple[Way, ...]) -> GroupRule:
    primary = Bucket((Output(port),), watch_port=port)
    return GroupRule(group, "ff", (primary, *(_bucket(*way) for way in ways)))


@lru_cache(maxsize=1 << 16)
def _bucket(swap: bool, label: int, port: int) -> Bucket:
    return Bucket(((Swap if swap else Push)(label), Output(port)), watch_port=port)
