"""An OpenFlow switch in memory: what Open vSwitch would do with one packet, rules given as data.

It is the double of the real switch in unit tests, the data plane of the modelled
backend and the yardstick of the stale-route oracle; so it follows Open vSwitch where
that departs from the letter of OpenFlow: three label entries are all it can see
(``FLOW_MAX_MPLS_LABELS``), a push onto three and a pop from more than three drop the
packet, and nothing leaves by the port it came in on (unless told to forget that port). Held against ``ofproto/trace``
by the emulation tests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address, ip_network

from topology.forwarding import (
    ETH_IPV4,
    ETH_MPLS,
    Action,
    DecTtl,
    FlowRule,
    ForgetInPort,
    GroupRule,
    Output,
    Pop,
    Push,
    Resubmit,
    Swap,
    SwitchState,
    ToGroup,
)
from topology.labels import MAX_STACK, Stack

MAX_RESUBMITS = 64
"""Open vSwitch's own bound on recursion."""


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """One entry of an MPLS stack (RFC 3032); the bottom-of-stack bit follows from its place."""

    label: int
    ttl: int = 64


@dataclass(frozen=True, slots=True)
class Packet:
    """An IPv4 packet, perhaps under labels (top first)."""

    ipv4_dst: str
    stack: tuple[LabelEntry, ...] = ()
    ttl: int = 64
    eth_type: int = ETH_IPV4

    @property
    def labels(self) -> Stack:
        return tuple(entry.label for entry in self.stack)

    @classmethod
    def labelled(cls, ipv4_dst: str, labels: Stack, ttl: int = 64) -> Packet:
        """A packet that arrives with this stack."""
        return cls(ipv4_dst, tuple(LabelEntry(label, ttl) for label in labels), ttl, ETH_MPLS if labels else ETH_IPV4)


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet that left by ``port``."""

    port: int
    packet: Packet


class _Dropped(Exception):
    """The whole of the packet's processing ends here."""


class Switch:
    """Tables and groups, indexed for look-up; the state itself stays frozen."""

    def __init__(self, state: SwitchState) -> None:
        self.state = state
        self._groups = {group.id: group for group in state.groups}
        self._tables: dict[int, _Table] = {}
        for rule in state.flows:
            self._tables.setdefault(rule.table, _Table()).add(rule)
        for table in self._tables.values():
            table.sort()

    def process(self, packet: Packet, in_port: int) -> tuple[Sent, ...]:
        """What leaves the switch when ``packet`` comes in by ``in_port``; nothing when it is dropped."""
        walk = _Walk(self, in_port)
        try:
            walk.table(0, packet)
        except _Dropped:
            pass
        return tuple(walk.sent)

    def lookup(self, table: int, packet: Packet, in_port: int) -> FlowRule | None:
        """The entry of highest priority that matches, or None (a miss: the packet is dropped)."""
        entries = self._tables.get(table)
        return entries.find(packet, in_port) if entries else None

    def live_actions(self, group: int) -> tuple[Action, ...]:
        """The actions of the bucket that the group uses now; empty when none is live."""
        rule = self._groups.get(group)
        return _bucket(rule, self.state.live_ports) if rule else ()


class _Table:
    """Rules of one table: those on an MPLS label in a dictionary, the few others in a list."""

    def __init__(self) -> None:
        self.by_label: dict[int, list[FlowRule]] = {}
        self.others: list[FlowRule] = []

    def add(self, rule: FlowRule) -> None:
        label = rule.match.mpls_label
        (self.others if label is None else self.by_label.setdefault(label, [])).append(rule)

    def sort(self) -> None:
        for rules in (self.others, *self.by_label.values()):
            rules.sort(key=lambda rule: -rule.priority)

    def find(self, packet: Packet, in_port: int) -> FlowRule | None:
        labelled = self.by_label.get(packet.stack[0].label, ()) if packet.stack else ()
        found = [rule for rules in (labelled, self.others) if (rule := _first(rules, packet, in_port))]
        return max(found, key=lambda rule: rule.priority, default=None)


def _first(rules: list[FlowRule] | tuple[()], packet: Packet, in_port: int) -> FlowRule | None:
    return next((rule for rule in rules if _matches(rule, packet, in_port)), None)


def _matches(rule: FlowRule, packet: Packet, in_port: int) -> bool:
    match = rule.match
    is_mpls = packet.eth_type == ETH_MPLS and bool(packet.stack)
    return (
        (match.in_port is None or match.in_port == in_port)
        and (match.eth_type is None or match.eth_type == packet.eth_type)
        and (match.mpls_label is None or (is_mpls and match.mpls_label == packet.stack[0].label))
        and (match.mpls_bos is None or (is_mpls and match.mpls_bos == int(len(packet.stack) == 1)))
        and (match.ipv4_dst is None or (packet.eth_type == ETH_IPV4 and _within(packet.ipv4_dst, match.ipv4_dst)))
    )


@lru_cache(maxsize=1 << 18)
def _within(address: str, prefix: str) -> bool:
    return ip_address(address) in ip_network(prefix)


def _bucket(group: GroupRule, live_ports: frozenset[int]) -> tuple[Action, ...]:
    for bucket in group.buckets:
        if group.kind != "ff" or bucket.watch_port is None or bucket.watch_port in live_ports:
            return bucket.actions
    return ()


class _Walk:
    """One packet on its way through the tables."""

    def __init__(self, switch: Switch, in_port: int) -> None:
        self.switch, self.in_port = switch, in_port
        self.sent: list[Sent] = []
        self.depth = 0

    def table(self, number: int | None, packet: Packet) -> None:
        while number is not None:
            self.depth += 1
            rule = self.switch.lookup(number, packet, self.in_port)
            if rule is None or self.depth > MAX_RESUBMITS:
                return
            packet = self.apply(rule.actions, packet)
            number = rule.goto

    def apply(self, actions: tuple[Action, ...], packet: Packet) -> Packet:
        for action in actions:
            match action:
                case Output(port):
                    if port != self.in_port:
                        self.sent.append(Sent(port, packet))
                case ToGroup(group):
                    self.apply(self.switch.live_actions(group), packet)
                case Resubmit(number):
                    self.table(number, packet)
                case ForgetInPort():
                    self.in_port = 0
                case _:
                    packet = edit(action, packet)
        return packet


def edit(action: Push | Pop | Swap | DecTtl, packet: Packet) -> Packet:
    """One change of the label stack; raises ``_Dropped`` where Open vSwitch drops."""
    stack = packet.stack
    match action:
        case Push(label):
            if len(stack) >= MAX_STACK:
                raise _Dropped
            ttl = stack[0].ttl if stack else packet.ttl or 64
            return replace(packet, stack=(LabelEntry(label, ttl), *stack), eth_type=ETH_MPLS)
        case Pop(eth_type):
            if len(stack) > MAX_STACK:
                raise _Dropped
            return replace(packet, stack=stack[1:], eth_type=eth_type) if stack else packet
        case Swap(label):
            return replace(packet, stack=(replace(stack[0], label=label), *stack[1:])) if stack else packet
        case DecTtl():
            if not stack:
                return packet
            if stack[0].ttl <= 1:
                raise _Dropped
            return replace(packet, stack=(replace(stack[0], ttl=stack[0].ttl - 1), *stack[1:]))
