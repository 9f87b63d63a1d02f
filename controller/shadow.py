"""The shadow: what a switch forwards by when the brain's dead-man's switch has struck. Pure.

A routing daemon per PoP knows the shortest way to every other PoP's loopback. Each of those has a
label (a prefix SID, as OSPF's segment routing has it, RFC 8665), so that its routes become one
label rule each, and traffic of the two worlds can mix: a labelled packet goes on by its label,
whoever pushed it, while the switches on its way change over one after the other.

    table  name     matches                         does
    0      guard    MPLS                            forget in_port, goto labels  } beneath the brain's
                    IPv4                            goto shadow                  } two guard rules
    1      ingress  IPv4 that the brain has no rule for            goto shadow
    2      labels   MPLS that the brain has no rule for            goto shadow
    3      shadow   own prefix                      output to the host
                    from the host, prefix of d      push the prefix SID of d, look again
                    own prefix SID                  pop, output to the host
                    prefix SID of d, over port p    dec TTL, the brain's group p    } the daemon's
                    the same, beneath it            dec TTL, output p               } routes

So a shadow packet is repaired locally as the brain's are, as long as the brain's groups are
there; a brain that returns and wipes them takes the upper rule with them, and the lower one
carries on. What was built: B4 (SIGCOMM'13) and EBB (SIGCOMM'23) keep a routing protocol beneath
the central controller's rules in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from controller.pipeline import GUARD, INGRESS, LABELS, PRIORITY
from topology import addressing, labels
from topology.forwarding import (
    ETH_IPV4,
    ETH_MPLS,
    SHADOW_OWNER,
    Action,
    DecTtl,
    FlowRule,
    ForgetInPort,
    Match,
    Output,
    Pop,
    Push,
    Resubmit,
    ToGroup,
)
from topology.model import HOST_PORT, Topology

SHADOW = 3
BENEATH = 50
"""Priority under the brain's."""
REPAIRED = PRIORITY

_MPLS, _IPV4 = Match(eth_type=ETH_MPLS), Match(eth_type=ETH_IPV4)

Routes = Mapping[int, int]
"""Index of a PoP → the port that leads towards it."""


def fixed_rules(topology: Topology, pop: str) -> tuple[FlowRule, ...]:
    """What does not depend on any route: installed once, for ever."""
    own = topology.pop(pop).index
    others = (other.index for other in topology.pops if other.index != own)
    return (
        _rule(GUARD, BENEATH, _MPLS, ForgetInPort(), goto=LABELS),
        _rule(GUARD, BENEATH, _IPV4, goto=SHADOW),
        _rule(INGRESS, BENEATH, _IPV4, goto=SHADOW),
        _rule(LABELS, BENEATH, _MPLS, goto=SHADOW),
        _rule(SHADOW, PRIORITY, Match(eth_type=ETH_IPV4, ipv4_dst=addressing.host_prefix(own)), Output(HOST_PORT)),
        _rule(SHADOW, PRIORITY, _labelled(own, bottom=1), Pop(ETH_IPV4), Output(HOST_PORT)),
        *(_ingress_rule(index) for index in others),
    )


def route_rules(topology: Topology, pop: str, routes: Routes) -> tuple[FlowRule, ...]:
    """One route becomes two rules: through the brain's group of the port, and beneath it without."""
    own = topology.pop(pop).index
    ports = topology.ports(pop)
    known = {index: port for index, port in sorted(routes.items()) if index != own and port in ports}
    return tuple(rule for index, port in known.items() for rule in _ways(index, port))


def abandons(old: Routes, new: Routes) -> bool:
    """Whether a port that led somewhere leads nowhere any more: the PoP has lost a neighbour."""
    return not set(old.values()) <= set(new.values())


def difference(old: Sequence[FlowRule], new: Sequence[FlowRule]) -> tuple[tuple[FlowRule, ...], tuple[FlowRule, ...]]:
    """(what is to be deleted, what is to be added), the rules that need no group first."""
    held, kept = set(old), {rule.key for rule in new}
    gone = tuple(rule for rule in old if rule.key not in kept)
    return gone, tuple(sorted((rule for rule in new if rule not in held), key=by_priority))


def by_priority(rule: FlowRule) -> int:
    """Low first: those need nothing that may not be there."""
    return rule.priority


def _ways(index: int, port: int) -> Iterator[FlowRule]:
    yield _rule(SHADOW, REPAIRED, _labelled(index), DecTtl(), ToGroup(port))
    yield _rule(SHADOW, BENEATH, _labelled(index), DecTtl(), Output(port))


def _ingress_rule(index: int) -> FlowRule:
    match = Match(in_port=HOST_PORT, eth_type=ETH_IPV4, ipv4_dst=addressing.host_prefix(index))
    return _rule(SHADOW, PRIORITY, match, Push(labels.prefix(index)), Resubmit(SHADOW))


def _labelled(index: int, bottom: int | None = None) -> Match:
    return Match(eth_type=ETH_MPLS, mpls_label=labels.prefix(index), mpls_bos=bottom)


def _rule(table: int, priority: int, match: Match, *actions: Action, goto: int | None = None) -> FlowRule:
    return FlowRule(table, priority, match, actions, goto).signed(SHADOW_OWNER)
