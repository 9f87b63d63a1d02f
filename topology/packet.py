"""A packet under labels, and what each action does to its stack, as Open vSwitch does it.

Three entries are all it can see (``FLOW_MAX_MPLS_LABELS``): it can neither push onto three nor pop
from more than three.
"""

from __future__ import annotations

from dataclasses import dataclass

from topology.forwarding import ETH_IPV4, ETH_MPLS, DecTtl, Pop, Push, Swap
from topology.labels import MAX_STACK, Stack


class TooManyLabels(Exception):
    """Open vSwitch cannot do this to so deep a stack."""


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


def edit(action: Push | Pop | Swap | DecTtl, packet: Packet) -> Packet:
    """The packet after one change; raises TooManyLabels.

    What is not there is not changed. A push copies the TTL beneath, pop and swap leave all TTLs
    alone; the caller sees to it that there is a TTL to decrement.
    """
    stack = packet.stack
    match action:
        case Push(label):
            if len(stack) >= MAX_STACK:
                raise TooManyLabels
            ttl = stack[0].ttl if stack else packet.ttl or 64
            return _with(packet, (LabelEntry(label, ttl), *stack), ETH_MPLS)
        case Pop(eth_type):
            if len(stack) > MAX_STACK:
                raise TooManyLabels
            beneath = stack[1:] if eth_type == ETH_MPLS else ()
            return _with(packet, beneath, eth_type) if stack else packet
        case Swap(label):
            return _with(packet, (LabelEntry(label, stack[0].ttl), *stack[1:]), packet.eth_type) if stack else packet
        case DecTtl():
            top = LabelEntry(stack[0].label, stack[0].ttl - 1)
            return _with(packet, (top, *stack[1:]), packet.eth_type)


def _with(packet: Packet, stack: tuple[LabelEntry, ...], eth_type: int) -> Packet:
    """``dataclasses.replace`` costs four times as much, on every action of every packet."""
    return Packet(packet.ipv4_dst, stack, packet.ttl, eth_type)
