"""A switch's rules as ``ovs-ofctl bundle`` replaces them, and a packet as a frame on the wire; pure.

Frames: RFC 791, RFC 3032.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

from topology.forwarding import SwitchState
from topology.replica.flowtext import action_text, flow_text, group_text
from topology.switch import Packet

__all__ = ["action_text", "bundle", "flow_text", "frame", "group_text", "number_of"]

SOURCE = "10.99.99.10"
_ADDRESSES = bytes.fromhex("020000000002 02000000")
"""Destination and the first four octets of the source, locally administered."""
_PAYLOAD = b"failstatic"
_EXPERIMENTAL = 253
"""IP protocol number for experiments (RFC 3692)."""


def bundle(state: SwitchState) -> Iterator[str]:
    """Replace all that the switch holds by ``state``, at once."""
    yield "flow delete"
    yield "group delete"
    yield from (f"group add {group_text(group)}" for group in state.groups)
    yield from (f"flow add {flow_text(rule)}" for rule in state.flows)


def frame(packet: Packet, number: int = 0) -> bytes:
    """``number`` (16 bits) goes into the source address, so that the frame is known again."""
    stack = b"".join(
        struct.pack("!I", entry.label << 12 | (place == len(packet.stack)) << 8 | entry.ttl)
        for place, entry in enumerate(packet.stack, start=1)
    )
    return _ADDRESSES + struct.pack("!HH", number, packet.eth_type) + stack + _ipv4(packet)


def number_of(sent: bytes) -> int:
    return int.from_bytes(sent[10:12], "big")


def _ipv4(packet: Packet) -> bytes:
    source, destination = IPv4Address(SOURCE).packed, IPv4Address(packet.ipv4_dst).packed
    length = 20 + len(_PAYLOAD)
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0, packet.ttl, _EXPERIMENTAL, 0) + source + destination
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return head[:10] + struct.pack("!H", checksum) + head[12:] + _PAYLOAD
