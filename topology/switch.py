"""An OpenFlow switch in memory: what Open vSwitch would do with one packet, rules given as data.

It is the double of the real switch in unit tests, the data plane of the modelled
backend and the yardstick of the stale-route oracle; so it follows Open vSwitch where
that departs from the letter of OpenFlow: three label entries are all it can see
(``topology.packet``), and nothing leaves by the port it came in on (unless told to forget
that port). Held against ``ofproto/trace`` and against forwarded frames by the emulation
tests. Not modelled: after a pop to IPv4 Open vSwitch looks a packet up as if it came in
anew, so its bounds count from there and what it sent before stays sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from topology.packet import LabelEntry, Packet, TooManyLabels, edit

__all__ = ["MAX_DEPTH", "MAX_RESUBMITS", "LabelEntry", "Packet", "Sent", "Switch"]

MAX_DEPTH, MAX_RESUBMITS = 64, 4096
"""Open vSwitch's own bounds on recursion and on look-ups in all; beyond them it drops the packet."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet that left by ``port``."""

    port: int
    packet: Packet


class _Dropped(Exception):
    """A bound is passed, and Open vSwitch gives up: not even what it meant to send before leaves."""


@dataclass(frozen=True, slots=True)
class _Level:
    """Where the translation of rules stands."""

    table: int = -1
    depth: int = 0
    """Look-ups in the same or an earlier table, and groups, around this one."""


class Switch:
    """Tables and groups, indexed for look-up; the state itself stays frozen."""

    def __init__(self, state: SwitchState) -> None:
        self.state = state
        self._groups = {group.id: group for group in state.groups}
        self._rules: dict[int, list[FlowRule]] = {}
        for rule in state.flows:
            self._rules.setdefault(rule.table, []).append(rule)
        self._tables: dict[int, _Table] = {}
        """Indexed when first looked at: a switch whose guard has expired never looks further."""

    def process(self, packet: Packet, in_port: int) -> tuple[Sent, ...]:
        """What leaves the switch when ``packet`` comes in by ``in_port``; nothing when it is dropped."""
        return self.look(packet, in_port)[0]

    def look(self, packet: Packet, in_port: int) -> tuple[tuple[Sent, ...], bool]:
        """The same, and whether a label was taken off: else what lies beneath the top one decided nothing."""
        walk = _Walk(self, in_port)
        try:
            walk.table(0, packet, _Level())
        except (_Dropped, TooManyLabels):
            return (), walk.popped
        return tuple(walk.sent), walk.popped

    def lookup(self, table: int, packet: Packet, in_port: int) -> FlowRule | None:
        """The entry of highest priority that matches, or None (a miss: the packet is dropped)."""
        entries = self._tables.get(table)
        if entries is None:
            entries = self._tables[table] = _Table(self._rules.get(table, ()))
        return entries.find(packet, in_port)

    def live_actions(self, group: int) -> tuple[Action, ...]:
        """The actions of the bucket that the group uses now; empty when none is live."""
        rule = self._groups.get(group)
        return _bucket(rule, self.state.live_ports) if rule else ()


class _Table:
    """Rules of one table, indexed by MPLS label or by destination prefix; the few others in a list."""

    def __init__(self, rules: Iterable[FlowRule]) -> None:
        self.by_label: dict[int, list[FlowRule]] = {}
        self.by_prefix: dict[int, dict[int, list[FlowRule]]] = {}
        """Host bits → network → rules."""
        self.others: list[FlowRule] = []
        for rule in sorted(rules, key=lambda rule: -rule.priority):
            self.add(rule)

    def add(self, rule: FlowRule) -> None:
        match = rule.match
        if match.mpls_label is not None:
            self.by_label.setdefault(match.mpls_label, []).append(rule)
        elif match.ipv4_dst is not None:
            host_bits, network = _prefix(match.ipv4_dst)
            self.by_prefix.setdefault(host_bits, {}).setdefault(network, []).append(rule)
        else:
            self.others.append(rule)

    def find(self, packet: Packet, in_port: int) -> FlowRule | None:
        """The highest priority; which one of several with the same is undefined in OpenFlow."""
        found = [rule for rules in self.candidates(packet) if (rule := _first(rules, packet, in_port))]
        return max(found, key=lambda rule: rule.priority, default=None)

    def candidates(self, packet: Packet) -> Iterator[list[FlowRule]]:
        if packet.stack and packet.stack[0].label in self.by_label:
            yield self.by_label[packet.stack[0].label]
        if self.others:
            yield self.others
        if self.by_prefix and packet.eth_type == ETH_IPV4:
            address = _address(packet.ipv4_dst)
            for host_bits, networks in self.by_prefix.items():
                if (address >> host_bits) in networks:
                    yield networks[address >> host_bits]


@lru_cache(maxsize=1 << 16)
def _prefix(prefix: str) -> tuple[int, int]:
    """Number of host bits, and the network without them."""
    network = ip_network(prefix)
    host_bits = network.max_prefixlen - network.prefixlen
    return host_bits, int(network.network_address) >> host_bits


@lru_cache(maxsize=1 << 16)
def _address(address: str) -> int:
    return int(ip_address(address))


def _first(rules: list[FlowRule], packet: Packet, in_port: int) -> FlowRule | None:
    return next((rule for rule in rules if _matches(rule, packet, in_port)), None)


def _matches(rule: FlowRule, packet: Packet, in_port: int) -> bool:
    match = rule.match
    is_mpls = packet.eth_type == ETH_MPLS and bool(packet.stack)
    return (
        (match.in_port is None or match.in_port == in_port)
        and (match.eth_type is None or match.eth_type == packet.eth_type)
        and (match.mpls_label is None or (is_mpls and match.mpls_label == packet.stack[0].label))
        and (match.mpls_bos is None or (is_mpls and match.mpls_bos == int(len(packet.stack) == 1)))
        # the index has compared the prefix
        and (match.ipv4_dst is None or packet.eth_type == ETH_IPV4)
    )


def _bucket(group: GroupRule, live_ports: frozenset[int]) -> tuple[Action, ...]:
    for bucket in group.buckets:
        if group.kind != "ff" or bucket.watch_port is None or bucket.watch_port in live_ports:
            return _as_set(bucket.actions)
    return ()


@lru_cache(maxsize=1 << 16)
def _as_set(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """A bucket is an action *set* (OpenFlow 1.3 §5.10): one of each kind, the last, in an order of their own.

    Of several ways out a group wins over an output, and without any the packet is dropped.
    """
    last = {type(action): action for action in actions}
    ways_out = [last[kind] for kind in (ToGroup, Output, Resubmit) if kind in last]
    labels = [action.label for action in actions if isinstance(action, Push | Swap)]
    label = (Push if Push in last else Swap)(labels[-1]) if labels else None
    ordered = (last.get(Pop), label, last.get(DecTtl), last.get(ForgetInPort), *ways_out[:1])
    return tuple(action for action in ordered if action is not None) if ways_out else ()


class _Walk:
    """One packet on its way through the tables."""

    def __init__(self, switch: Switch, in_port: int) -> None:
        self.switch, self.in_port = switch, in_port
        self.sent: list[Sent] = []
        self.resubmits = -1  # the first look-up is none
        self.popped = False

    def table(self, number: int | None, packet: Packet, level: _Level) -> Packet:
        """Look the packet up and do what is found; the packet as it is then."""
        while number is not None:
            level = self.enter(number, level)
            self.resubmits += 1
            rule = self.switch.lookup(number, packet, self.in_port)
            packet, to_the_end = self.run(rule.actions, packet, level) if rule else (packet, False)
            number = rule.goto if rule and to_the_end else None
        return packet

    def enter(self, table: int, level: _Level) -> _Level:
        """One step deeper, as far as Open vSwitch goes."""
        if level.depth >= MAX_DEPTH or self.resubmits >= MAX_RESUBMITS:
            raise _Dropped
        return _Level(table, level.depth + (table <= level.table))

    def run(self, actions: tuple[Action, ...], packet: Packet, level: _Level) -> tuple[Packet, bool]:
        """The packet after them, and whether its time to live lasted to the end of the list."""
        for action in actions:
            if isinstance(action, DecTtl) and not (packet.stack and packet.stack[0].ttl > 1):
                return packet, False
            packet = self.apply(action, packet, level)
        return packet, True

    def apply(self, action: Action, packet: Packet, level: _Level) -> Packet:
        match action:
            case Output(port):
                if port != self.in_port:
                    self.sent.append(Sent(port, packet))
            case ToGroup(group):
                self.group(group, packet, self.enter(level.table, level))
            case Resubmit(number):
                return self.table(number, packet, level)
            case ForgetInPort():
                self.in_port = 0
            case _:
                self.popped |= isinstance(action, Pop)
                return edit(action, packet)
        return packet

    def group(self, number: int, packet: Packet, level: _Level) -> None:
        """What a bucket does to the packet, its in_port included, is forgotten after it."""
        in_port = self.in_port
        try:
            self.run(self.switch.live_actions(number), packet, level)
        except TooManyLabels:
            pass  # it ends the bucket, not the packet
        self.in_port = in_port
