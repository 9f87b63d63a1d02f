"""A switch's rules as ``ovs-ofctl bundle`` reads them, and a packet as a frame on the wire; pure.

The other way round is ``topology.replica.readback``. Syntax: ovs-ofctl(8), ovs-actions(7);
frames: RFC 791, RFC 3032.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

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
from topology.switch import Packet

SOURCE = "10.99.99.10"
_ADDRESSES = bytes.fromhex("020000000002 02000000")
"""Destination and the first four octets of the source, locally administered."""
_PAYLOAD = b"failstatic"
_EXPERIMENTAL = 253
"""IP protocol number for experiments (RFC 3692)."""
_ETH_TYPES = {ETH_IPV4: "ip", ETH_MPLS: "mpls"}


def bundle(state: SwitchState) -> Iterator[str]:
    """Replace all that the switch holds by ``state``, at once."""
    yield "flow delete"
    yield "group delete"
    yield from (f"group add {group_text(group)}" for group in state.groups)
    yield from (f"flow add {flow_text(rule)}" for rule in state.flows)


def flow_text(rule: FlowRule) -> str:
    goto = [] if rule.goto is None else [f"goto_table:{rule.goto}"]
    actions = [*map(action_text, rule.actions), *goto] or ["drop"]
    words = [f"table={rule.table}", f"priority={rule.priority}", f"cookie={rule.cookie:#x}", *_match(rule.match)]
    return f"{','.join(words)},actions={','.join(actions)}"


def group_text(group: GroupRule) -> str:
    return ",".join([f"group_id={group.id},type={group.kind}", *map(_bucket, group.buckets)])


def action_text(action: Action) -> str:
    match action:
        case Push(label):
            text = f"push_mpls:{ETH_MPLS:#x},set_field:{label}->mpls_label"
        case Pop(eth_type):
            text = f"pop_mpls:{eth_type:#06x}"
        case Swap(label):
            text = f"set_field:{label}->mpls_label"
        case DecTtl():
            text = "dec_mpls_ttl"
        case Output(port):
            text = f"output:{port}"
        case ToGroup(group):
            text = f"group:{group}"
        case Resubmit(table):
            text = f"resubmit(,{table})"
        case ForgetInPort():
            text = "load:0->NXM_OF_IN_PORT[]"
    return text


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


def _match(match: Match) -> Iterator[str]:
    if match.in_port is not None:
        yield f"in_port={match.in_port}"
    if match.eth_type is not None:
        yield _ETH_TYPES[match.eth_type]
    if match.ipv4_dst is not None:
        yield f"nw_dst={match.ipv4_dst}"
    if match.mpls_label is not None:
        yield f"mpls_label={match.mpls_label}"
    if match.mpls_bos is not None:
        yield f"mpls_bos={match.mpls_bos}"


def _bucket(bucket: Bucket) -> str:
    watch = [] if bucket.watch_port is None else [f"watch_port:{bucket.watch_port}"]
    actions = [*map(action_text, bucket.actions)] or ["drop"]
    return "bucket=" + ",".join([*watch, f"actions={','.join(actions)}"])
