"""The switch in memory against Open vSwitch itself: on what is not obvious, on random rules, on our own pipeline.

Each packet is held against two answers of the real switch: the datapath actions that ``ofproto/trace``
names (output ports, labels, TTLs, in order), and the frames that leave when the packet really enters,
to the last byte. Only the second follows a packet that is looked up anew after a pop to IPv4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from random import Random
from typing import Any

import pytest
from openflow_text import frame
from random_switches import TTLS, Arrival, random_arrival, random_state
from switch_situations import SITUATIONS

from controller import paths
from controller.pipeline import LABELS, Plan, tables
from controller.protection import repairs
from topology import addressing, labels
from topology.forwarding import ETH_MPLS, SwitchState
from topology.load import load
from topology.model import HOST_PORT
from topology.switch import LabelEntry, Packet, Switch

SEEDS = range(12)
RULE_SETS, PACKETS = 10, 24
"""Per seed."""
EDGE12 = load("edge12")
STEERED = ("sin", "syd", "nrt", "sjc", "iad", "lhr", "fra")
"""An explicit path so far from the shortest that it needs three binding SIDs."""


def compare(real: Any, state: SwitchState, arrivals: Sequence[Arrival], *, megaflows: bool = False) -> int:
    """The number of packets that left; fails at the first that the two do not treat alike."""
    real.load(state, megaflows=megaflows)
    memory, count = Switch(state), 0
    for number, (arrival, left) in enumerate(zip(arrivals, real.forward(arrivals), strict=True)):
        ours = memory.process(arrival.packet, arrival.in_port)
        traced = real.trace(arrival)
        story = f"{arrival} with live ports {sorted(state.live_ports)}\n{traced.text if traced else 'recirculated'}"
        assert sorted((sent.port, frame(sent.packet, number)) for sent in ours) == sorted(left), story
        if traced is not None:
            wanted = [(sent.port, tuple((e.label, e.ttl) for e in sent.packet.stack)) for sent in ours]
            assert wanted == [(emitted.port, emitted.entries) for emitted in traced.emitted], story
        count += len(left)
    return count


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_not_obvious(real_switch: Any, name: str) -> None:
    situation = SITUATIONS[name]
    assert compare(real_switch, situation.state, [situation.arrival]) == len(situation.left)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_rules_and_packets(real_switch: Any, seed: int) -> None:
    random, left = Random(seed), 0
    for _ in range(RULE_SETS):
        left += compare(real_switch, random_state(random), [random_arrival(random) for _ in range(PACKETS)])
    assert left > RULE_SETS * PACKETS / 8, "hardly anything leaves: the rules are not worth testing"


@pytest.mark.parametrize("pop", EDGE12.names)
def test_the_pipeline_with_each_port_dead(real_switch: Any, pop: str) -> None:
    """With megaflows, as in a run: no rule of ours may let one packet's decision spoil another's."""
    held = tables(plan(), pop)
    flows, groups = tuple(held.flows.values()), tuple(held.groups.values())
    ports = frozenset({HOST_PORT, *EDGE12.ports(pop)})
    for dead in (None, *EDGE12.ports(pop)):
        state = SwitchState(flows, groups, ports - {dead})
        arrivals = [*ingress(pop), *transit(state, ports)]
        Random(pop).shuffle(arrivals)
        assert compare(real_switch, state, arrivals, megaflows=True) > len(arrivals) / 3


@cache
def plan() -> Plan:
    shortest = paths.shortest(EDGE12)
    steered = Plan(shortest, repairs(shortest, nodes=True), steering=(STEERED,))
    assert len(steered.steered[STEERED].bindings) == 3
    return steered


def ingress(pop: str) -> Iterator[Arrival]:
    """From the host to every destination, and what comes for the host in plain IPv4."""
    for other in EDGE12.pops:
        for ttl in (1, 64):
            yield Arrival(Packet(addressing.host_ip(other.index), ttl=ttl), HOST_PORT)
    yield Arrival(Packet(addressing.host_ip(EDGE12.pop(pop).index)), HOST_PORT + 1)


def transit(state: SwitchState, ports: frozenset[int]) -> Iterator[Arrival]:
    """For each label that the switch knows: alone and upon others, from some port, about to expire and not."""
    below = labels.node(0), labels.node(EDGE12.pops[-1].index)
    for place, rule in enumerate(rule for rule in state.flows if rule.table == LABELS):
        assert rule.match.mpls_label is not None
        for depth in (0, 1, 2):
            top = LabelEntry(rule.match.mpls_label, TTLS[(place + depth) % len(TTLS)])
            stack = (top, *(LabelEntry(label, 60 + depth) for label in below[:depth]))
            yield Arrival(Packet(addressing.host_ip(1), stack, 9, ETH_MPLS), sorted(ports)[place % len(ports)])
