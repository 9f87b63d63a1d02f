"""The switch in memory: what is not obvious, one by one, and what holds for any rules and packets.

That Open vSwitch does the same is the emulation's ``test_switch_agreement``.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from openflow_text import bundle, frame
from random_switches import ADDRESSES, LABELS, TTLS, random_arrival, random_state
from switch_situations import SITUATIONS

from topology.forwarding import (
    ETH_IPV4,
    ETH_MPLS,
    Action,
    Bucket,
    DecTtl,
    FlowRule,
    GroupRule,
    Match,
    Output,
    Pop,
    Push,
    Swap,
    SwitchState,
)
from topology.labels import MAX_STACK
from topology.replica.readback import parse_flows, parse_groups
from topology.switch import LabelEntry, Packet, Switch

ENTRIES = st.builds(LabelEntry, st.sampled_from(LABELS), st.sampled_from(TTLS))
STACKS = st.lists(ENTRIES, max_size=6).map(tuple)
PACKETS = st.builds(
    lambda address, stack, ttl: Packet(address, stack, ttl, ETH_MPLS if stack else ETH_IPV4),
    st.sampled_from(ADDRESSES),
    STACKS,
    st.sampled_from(TTLS),
)
RANDOM = st.integers(0, 1 << 32).map(Random)


def after(packet: Packet, *actions: Action) -> Packet | None:
    """The packet that leaves after these; None when it is dropped."""
    switch = Switch(SwitchState((FlowRule(0, 1, Match(), (*actions, Output(2))),)))
    sent = switch.process(packet, in_port=1)
    return sent[0].packet if sent else None


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_not_obvious(name: str) -> None:
    situation = SITUATIONS[name]
    sent = Switch(situation.state).process(situation.arrival.packet, situation.arrival.in_port)
    left = tuple((one.port, tuple((entry.label, entry.ttl) for entry in one.packet.stack)) for one in sent)
    assert left == situation.left


@given(PACKETS, st.sampled_from(LABELS))
def test_a_push_adds_one_label_and_never_a_fourth(packet: Packet, label: int) -> None:
    pushed = after(packet, Push(label))
    if len(packet.stack) >= MAX_STACK:
        assert pushed is None
        return
    assert pushed is not None
    assert pushed.labels == (label, *packet.labels)
    assert pushed.stack[1:] == packet.stack
    assert pushed.eth_type == ETH_MPLS


@given(PACKETS, st.sampled_from(LABELS))
def test_a_swap_leaves_ttl_and_all_that_is_below(packet: Packet, label: int) -> None:
    swapped = after(packet, Swap(label))
    assert swapped is not None
    assert swapped.stack[1:] == packet.stack[1:]
    assert [entry.ttl for entry in swapped.stack] == [entry.ttl for entry in packet.stack]
    assert swapped.labels[:1] == ((label,) if packet.stack else ())


@given(PACKETS, st.sampled_from(LABELS))
def test_a_pop_undoes_a_push(packet: Packet, label: int) -> None:
    assume(len(packet.stack) < MAX_STACK)
    assert after(packet, Push(label), Pop(packet.eth_type)) == packet


@given(PACKETS)
def test_a_time_to_live_only_falls_and_never_reaches_zero(packet: Packet) -> None:
    decremented = after(packet, DecTtl())
    if not packet.stack or packet.stack[0].ttl <= 1:
        assert decremented is None
        return
    assert decremented is not None
    assert decremented.stack[0].ttl == packet.stack[0].ttl - 1 >= 1
    assert decremented.stack[1:] == packet.stack[1:]
    assert decremented.ttl == packet.ttl


@given(RANDOM)
def test_any_rules_are_executed_alike_each_time(random: Random) -> None:
    state, arrival = random_state(random), random_arrival(random)
    shuffled = replace(state, flows=tuple(random.sample(state.flows, len(state.flows))))
    sent = Switch(state).process(arrival.packet, arrival.in_port)
    assert sent == Switch(state).process(arrival.packet, arrival.in_port)
    assert sent == Switch(shuffled).process(arrival.packet, arrival.in_port)


@given(RANDOM)
def test_no_rules_make_a_stack_deeper_than_a_switch_can_see(random: Random) -> None:
    state, arrival = random_state(random), random_arrival(random)
    depth = max(MAX_STACK, len(arrival.packet.stack))
    for sent in Switch(state).process(arrival.packet, arrival.in_port):
        assert len(sent.packet.stack) <= depth
        assert sent.packet.ipv4_dst == arrival.packet.ipv4_dst
        assert sent.packet.ttl == arrival.packet.ttl


def test_live_actions_follow_the_ports() -> None:
    group = GroupRule(7, "ff", (Bucket((Output(2),), 2), Bucket((Output(3), Push(16)), 3)))
    live = {ports: Switch(SwitchState((), (group,), frozenset(ports))).live_actions(7) for ports in ((2, 3), (3,), ())}
    assert live == {(2, 3): (Output(2),), (3,): (Push(16), Output(3)), (): ()}
    assert Switch(SwitchState()).live_actions(7) == ()


@given(RANDOM)
def test_what_is_written_for_ovs_ofctl_is_read_back_the_same(random: Random) -> None:
    """Syntax only; Open vSwitch prints the same words, as its print-outs in ``test_readback`` show."""
    state = random_state(random)
    words = [line.partition(" add ")[2] for line in bundle(state)]
    assert parse_groups("\n".join(word for word in words if word.startswith("group_id"))) == state.groups
    assert parse_flows("\n".join(word for word in words if word.startswith("table"))) == state.flows


def test_a_frame_is_what_the_wire_knows() -> None:
    packet = Packet("10.0.1.10", (LabelEntry(16, 64), LabelEntry(17, 2)), 9, ETH_MPLS)
    assert frame(packet, 5)[10:22].hex() == "000588470001004000011102"
    assert frame(Packet("10.0.1.10", ttl=9))[12:24].hex() == "08004500001e0000000009fd"
