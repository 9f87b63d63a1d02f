"""What Open vSwitch does where it is not obvious, one situation each, with the outcome.

Held against the switch in memory by ``test_switch``, and against the real one by the
emulation's ``test_switch_agreement``.
"""

from __future__ import annotations

from dataclasses import dataclass

from random_switches import PORTS, Arrival

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
    SwitchState,
    ToGroup,
)
from topology.switch import MAX_DEPTH, LabelEntry, Packet

MPLS, IPV4, ANY = Match(eth_type=ETH_MPLS), Match(eth_type=ETH_IPV4), Match()
Stack = tuple[tuple[int, int], ...]
"""(label, TTL) of each entry, top first."""
Left = tuple[tuple[int, Stack], ...]
"""(port, stack) of each packet that left."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A packet with this stack comes in by port 1; its own TTL is 9 unless ``ttl`` says otherwise."""

    rules: tuple[FlowRule, ...]
    stack: Stack
    left: Left
    groups: tuple[GroupRule, ...] = ()
    dead: frozenset[int] = frozenset()
    ttl: int = 9

    @property
    def state(self) -> SwitchState:
        return SwitchState(self.rules, self.groups, frozenset(PORTS) - self.dead)

    @property
    def arrival(self) -> Arrival:
        stack = tuple(LabelEntry(*entry) for entry in self.stack)
        return Arrival(Packet("10.0.1.10", stack, self.ttl, ETH_MPLS if stack else ETH_IPV4), 1)


def _rule(match: Match, *actions: Action, table: int = 0, priority: int = 1, goto: int | None = None) -> FlowRule:
    return FlowRule(table, priority, match, actions, goto)


def _does(*actions: Action, match: Match = MPLS) -> tuple[FlowRule, ...]:
    return (_rule(match, *actions),)


def _group(*buckets: tuple[Action, ...]) -> tuple[GroupRule, ...]:
    return (GroupRule(7, "indirect", tuple(Bucket(actions) for actions in buckets)),)


def _steps(count: int) -> tuple[FlowRule, ...]:
    """A packet with label 100 + ``count`` is looked up again ``count`` times, each time with the label below."""
    down = (_rule(Match(mpls_label=100 + n, eth_type=ETH_MPLS), Swap(99 + n), Resubmit(0)) for n in range(1, count + 1))
    return (*down, _rule(Match(mpls_label=100, eth_type=ETH_MPLS), Output(3)))


FAST_FAILOVER = (
    GroupRule(7, "ff", (Bucket((Output(2),), 2), Bucket((Push(40001), Output(3)), 3), Bucket((Output(4),), 4))),
)
TWO, THREE, FOUR = ((16, 5), (17, 6)), ((16, 5), (17, 6), (18, 7)), ((16, 5), (17, 6), (18, 7), (19, 8))
BY_PREFIX = tuple(
    _rule(Match(eth_type=ETH_IPV4, ipv4_dst=prefix), Output(port), priority=priority)
    for prefix, port, priority in (("10.0.0.0/8", 2, 5), ("10.0.1.0/24", 3, 9), ("10.0.1.10/32", 4, 7))
)

SITUATIONS = {
    # labels
    "a push copies the TTL of the label beneath": Situation(_does(Push(20), Output(2)), TWO, ((2, ((20, 5), *TWO)),)),
    "a push onto IPv4 copies its TTL": Situation(_does(Push(20), Output(2), match=IPV4), (), ((2, ((20, 9),)),)),
    "a TTL of 0 becomes 64": Situation(_does(Push(20), Output(2), match=IPV4), (), ((2, ((20, 64),)),), ttl=0),
    "a push onto three is dropped": Situation(_does(Push(20), Output(2)), THREE, ()),
    "and takes what was sent before with it": Situation(_does(Output(3), Push(20), Output(2)), THREE, ()),
    "a pop leaves the TTL beneath alone": Situation(_does(Pop(ETH_MPLS), Output(2)), THREE, ((2, THREE[1:]),)),
    "a pop from four is dropped": Situation(_does(Pop(ETH_MPLS), Output(2)), FOUR, ()),
    "a swap sees the top only": Situation(_does(Swap(20), Output(2)), FOUR, ((2, ((20, 5), *FOUR[1:])),)),
    "a pop to IPv4 takes all labels": Situation(_does(Pop(ETH_IPV4), Output(2)), THREE, ((2, ()),)),
    "the bottom of the stack": Situation(
        (_rule(Match(eth_type=ETH_MPLS, mpls_bos=1), Output(2)), _rule(MPLS, Output(3), priority=0)), TWO, ((3, TWO),)
    ),
    # time to live
    "a TTL of 2 becomes 1": Situation(_does(DecTtl(), Output(2)), ((16, 2),), ((2, ((16, 1),)),)),
    "a TTL of 1 ends": Situation(_does(DecTtl(), Output(2)), ((16, 1),), ()),
    "a TTL of 0 ends": Situation(_does(DecTtl(), Output(2)), ((16, 0), (17, 9)), ()),
    "what was sent before the TTL ended has left": Situation(
        _does(Output(3), DecTtl(), Output(2)), ((16, 1),), ((3, ((16, 1),)),)
    ),
    "a TTL that ends within a resubmit ends no more than that": Situation(
        (_rule(MPLS, Resubmit(1), Output(3)), _rule(MPLS, DecTtl(), Output(2), table=1, goto=2)),
        ((16, 1),),
        ((3, ((16, 1),)),),
    ),
    # look-ups
    "what a resubmit did stays": Situation(
        (_rule(MPLS, Resubmit(1), Output(3)), _rule(MPLS, Swap(20), table=1)), TWO, ((3, ((20, 5), TWO[1])),)
    ),
    "after a pop the label beneath is looked up": Situation(
        (
            _rule(Match(eth_type=ETH_MPLS, mpls_label=16), Pop(ETH_MPLS), Resubmit(0)),
            _rule(Match(eth_type=ETH_MPLS, mpls_label=17), DecTtl(), Output(2)),
        ),
        TWO,
        ((2, ((17, 5),)),),
    ),
    "after a pop to IPv4 the prefix is looked up": Situation(
        (_rule(MPLS, Pop(ETH_IPV4), Resubmit(0)), *BY_PREFIX), TWO, ((3, ()),)
    ),
    "the highest priority wins, not the longest prefix": Situation(BY_PREFIX, (), ((3, ()),)),
    "sixty-four look-ups within each other": Situation(_steps(MAX_DEPTH), ((100 + MAX_DEPTH, 5),), ((3, ((100, 5),)),)),
    "one more is too many": Situation(_steps(MAX_DEPTH + 1), ((101 + MAX_DEPTH, 5),), ()),
    "an endless loop": Situation(_does(Output(2), Resubmit(0), match=ANY), (), ()),
    # ports
    "nothing leaves where it came in": Situation(_does(Output(1), Output(2)), TWO, ((2, TWO),)),
    "unless it forgets": Situation(_does(ForgetInPort(), Output(1)), TWO, ((1, TWO),)),
    "a match on the port that was forgotten": Situation(
        (
            _rule(MPLS, ForgetInPort(), goto=1),
            _rule(Match(in_port=1), Output(2), table=1, priority=2),
            _rule(Match(in_port=0), Output(3), table=1),
        ),
        TWO,
        ((3, TWO),),
    ),
    "an output does not ask whether the port is live": Situation(
        _does(Output(2)), TWO, ((2, TWO),), dead=frozenset({2})
    ),
    # groups
    "the first live bucket": Situation(_does(ToGroup(7)), TWO, ((2, TWO),), FAST_FAILOVER),
    "the second, with a label more": Situation(
        _does(ToGroup(7)), TWO, ((3, ((40001, 5), *TWO)),), FAST_FAILOVER, frozenset({2})
    ),
    "the third": Situation(_does(ToGroup(7)), TWO, ((4, TWO),), FAST_FAILOVER, frozenset({2, 3})),
    "no live bucket": Situation(_does(ToGroup(7)), TWO, (), FAST_FAILOVER, frozenset({2, 3, 4})),
    "a label too many within a group ends the bucket only": Situation(
        _does(ToGroup(7), Output(4)), THREE, ((4, THREE),), FAST_FAILOVER, frozenset({2})
    ),
    "the packet after a group is the one before it": Situation(
        _does(ToGroup(7), Output(1), Output(3)),
        TWO,
        ((1, ((20, 4), TWO[1])), (3, TWO)),
        _group((Swap(20), DecTtl(), ForgetInPort(), Output(1))),
    ),
    "a bucket is a set: one output, after all changes": Situation(
        _does(ToGroup(7)), TWO, ((3, ((20, 5), *TWO)),), _group((Output(2), Output(3), Push(20)))
    ),
    "a bucket without a way out": Situation(_does(ToGroup(7)), TWO, (), _group((Push(20),))),
    "no label to swap": Situation(_does(ToGroup(7), match=IPV4), (), ((2, ()),), _group((Swap(20), Output(2)))),
    "no label to decrement": Situation(_does(ToGroup(7), match=IPV4), (), (), _group((DecTtl(), Output(2)))),
}
