"""Random switches and packets from a seed: few labels, prefixes and ports, so that much collides.

Only what Open vSwitch accepts and what has a meaning there:

- a rule may only touch labels that its match, or an action before, promises (Open vSwitch refuses
  others); it does not look into groups, so these hold anything;
- what is popped as MPLS has another label beneath: after a rule that lied about that, Open vSwitch
  3.1 has been seen to abort;
- after a pop to IPv4 it looks the packet up anew (recirculation): limits start again and what was
  sent before stays sent. ``to_ipv4`` switches therefore neither loop nor push four labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

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
from topology.switch import LabelEntry, Packet

PORTS = (1, 2, 3, 4)
TABLES = 4
LABELS = (16, 17, 16001, 0x80000 + 16001, 40000)
PREFIXES = ("10.0.0.0/8", "10.0.1.0/24", "10.0.1.0/28", "10.0.1.10/32", "10.0.2.0/24", "0.0.0.0/0")
ADDRESSES = ("10.0.1.10", "10.0.1.20", "10.0.2.10", "192.0.2.1")
TTLS = (0, 1, 2, 3, 64, 255)
DEPTHS = (0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5)
"""Up to two labels more than Open vSwitch can see."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet at a port."""

    packet: Packet
    in_port: int


def random_arrival(random: Random) -> Arrival:
    stack = tuple(LabelEntry(random.choice(LABELS), random.choice(TTLS)) for _ in range(random.choice(DEPTHS)))
    eth_type = ETH_MPLS if stack else ETH_IPV4
    return Arrival(Packet(random.choice(ADDRESSES), stack, random.choice(TTLS), eth_type), random.choice(PORTS))


def random_state(random: Random) -> SwitchState:
    """Half of them pop to IPv4, the others look up wherever they like."""
    return _Maker(random, to_ipv4=random.random() < 0.5).state()


class _Maker:
    def __init__(self, random: Random, to_ipv4: bool) -> None:
        self.random, self.to_ipv4 = random, to_ipv4
        self.groups: list[GroupRule] = []

    def state(self) -> SwitchState:
        for number in range(1, 5):  # a group may use those before it
            self.groups.append(self.group(number))
        flows = tuple(rule for table in range(TABLES) for rule in self.table(table))
        live = frozenset(port for port in PORTS if self.random.random() < 0.7)
        return SwitchState(flows, tuple(self.groups), live)

    def group(self, number: int) -> GroupRule:
        kind = self.random.choice(("indirect", "ff", "ff"))
        count = 1 if kind == "indirect" else self.random.randint(1, 3)
        return GroupRule(number, kind, tuple(self.bucket(kind) for _ in range(count)))

    def bucket(self, kind: str) -> Bucket:
        labels = [Push(self.label()), Swap(self.label()), DecTtl()]
        ways_out = [self.output(), *(ToGroup(group.id) for group in self.groups)]
        ways_out += [] if self.to_ipv4 else [Resubmit(self.random.randrange(TABLES))]
        choices = [*labels, *ways_out, ForgetInPort()]
        actions = tuple(self.random.choice(choices) for _ in range(self.random.randint(0, 3)))
        return Bucket((*actions, self.output()), self.random.choice(PORTS) if kind == "ff" else None)

    def table(self, table: int) -> list[FlowRule]:
        """Priorities are unique: which of two equal ones wins is nobody's promise."""
        priorities = self.random.sample(range(1, 100), self.random.randint(4, 9))
        return [self.rule(table, priority) for priority in priorities]

    def rule(self, table: int, priority: int) -> FlowRule:
        wanted, goto = self.match(), self.random.choice([*range(table + 1, TABLES), None])
        actions: list[Action] = []
        eth_type, labels = wanted.eth_type, {None: 0, 1: 1, 0: 2}[wanted.mpls_bos]
        for _ in range(self.random.randint(0, 4)):
            action = self.action(eth_type, labels)
            match action:
                case Push() if self.to_ipv4 and (table == TABLES - 1 or Push in map(type, actions)):
                    continue
                case Push():
                    eth_type, labels = ETH_MPLS, labels + 1
                case Pop(beneath):
                    eth_type, labels = beneath, labels - 1 if beneath == ETH_MPLS else 0
                case Resubmit():
                    labels = 0  # whatever was done there
            actions.append(action)
        return FlowRule(table, priority, wanted, tuple(actions), goto)

    def action(self, eth_type: int | None, labels: int) -> Action:
        """``labels`` are there for certain."""
        choices: list[Action] = [Push(self.label()), self.output(), self.output(), ForgetInPort()]
        choices += [ToGroup(group.id) for group in self.groups[:2]]
        choices += [] if self.to_ipv4 else [Resubmit(self.random.randrange(TABLES))]
        if eth_type == ETH_MPLS:
            choices += [Swap(self.label()), DecTtl(), DecTtl()]
            choices += [Pop(ETH_IPV4)] * 2 if self.to_ipv4 else []
            choices += [Pop(ETH_MPLS)] * 2 if labels >= 2 else []
        return self.random.choice(choices)

    def match(self) -> Match:
        in_port = self.random.choice((None, None, None, 0, *PORTS))
        label, bos = self.label(), self.random.choice((0, 1))
        choices = (
            Match(in_port, ETH_MPLS),
            *[Match(in_port, ETH_MPLS, mpls_label=label)] * 2,
            Match(in_port, ETH_MPLS, mpls_label=label, mpls_bos=bos),
            Match(in_port, ETH_MPLS, mpls_bos=bos),
            Match(in_port, ETH_IPV4),
            *[Match(in_port, ETH_IPV4, ipv4_dst=self.random.choice(PREFIXES))] * 2,
            Match(in_port),
        )
        return self.random.choice(choices)

    def output(self) -> Output:
        return Output(self.random.choice(PORTS))

    def label(self) -> int:
        return self.random.choice(LABELS)
