"""A datapath whose messages only remember how they were made, with Ryu's own attribute names.

The shape is held against the real frameworks by ``tests/emulation/test_controller.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from topology.forwarding import GroupRule


class _Message:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)
        self.xid: int | None = None
        self.buf = b""

    def serialize(self) -> None:
        self.buf = f"{type(self).__name__}#{self.xid};".encode()


def _kind(name: str, *positional: str) -> Callable[..., Any]:
    kind = type(name, (_Message,), {})

    def make(*arguments: Any, **values: Any) -> Any:
        return kind(**dict(zip(positional, arguments, strict=False)), **values)

    return make


def _set_field(**values: Any) -> Any:
    ((key, value),) = values.items()
    return _kind("OFPActionSetField")(key=key, value=value)


PROTOCOL = SimpleNamespace(
    OFPP_ANY=0xFFFFFFFF,
    OFPG_ANY=0xFFFFFFFF,
    OFPTT_ALL=0xFF,
    OFPP_MAX=0xFFFFFF00,
    OFPFC_ADD=0,
    OFPFC_DELETE=3,
    OFPGC_ADD=0,
    OFPGC_MODIFY=1,
    OFPGC_DELETE=2,
    OFPGT_ALL=0,
    OFPGT_SELECT=1,
    OFPGT_INDIRECT=2,
    OFPGT_FF=3,
    OFPIT_APPLY_ACTIONS=4,
    OFPPS_LINK_DOWN=1,
    OFPPS_LIVE=4,
    OFPPR_ADD=0,
    OFPPR_DELETE=1,
    OFPPR_MODIFY=2,
    OFPMPF_REPLY_MORE=1,
    OFPCR_ROLE_EQUAL=1,
    OFPCR_ROLE_MASTER=2,
    OFPCR_ROLE_SLAVE=3,
    OFPET_BAD_REQUEST=1,
    OFPBRC_IS_SLAVE=10,
    OFPET_ROLE_REQUEST_FAILED=11,
    OFPRRFC_STALE=0,
    ofp_error_type_to_str=lambda number: f"type {number}",
    ofp_error_code_to_str=lambda _number, code: f"code {code}",
)
PARSER = SimpleNamespace(
    OFPFlowMod=_kind("OFPFlowMod", "datapath"),
    OFPGroupMod=_kind("OFPGroupMod", "datapath", "command", "type", "group_id", "buckets"),
    OFPBarrierRequest=_kind("OFPBarrierRequest", "datapath"),
    OFPFlowStatsRequest=_kind("OFPFlowStatsRequest", "datapath"),
    OFPGroupDescStatsRequest=_kind("OFPGroupDescStatsRequest", "datapath"),
    OFPRoleRequest=_kind("OFPRoleRequest", "datapath", "role", "generation_id"),
    OFPMatch=_kind("OFPMatch"),
    OFPBucket=_kind("OFPBucket"),
    OFPInstructionActions=_kind("OFPInstructionActions", "type", "actions"),
    OFPInstructionGotoTable=_kind("OFPInstructionGotoTable", "table_id"),
    OFPActionPushMpls=_kind("OFPActionPushMpls", "ethertype"),
    OFPActionPopMpls=_kind("OFPActionPopMpls", "ethertype"),
    OFPActionSetField=_set_field,
    OFPActionDecMplsTtl=_kind("OFPActionDecMplsTtl"),
    OFPActionDecNwTtl=_kind("OFPActionDecNwTtl"),
    OFPActionOutput=_kind("OFPActionOutput", "port", "max_len"),
    OFPActionGroup=_kind("OFPActionGroup", "group_id"),
    NXActionRegLoad=_kind("NXActionRegLoad"),
    NXActionResubmitTable=_kind("NXActionResubmitTable"),
)


class Datapath:
    """Counts transaction numbers from ``xid`` on and keeps what was sent."""

    def __init__(self, dpid: int | None = None, xid: int = 100) -> None:
        self.id = dpid
        self.xid = xid
        self.sent: list[str] = []
        self.closed = False
        self.ofproto, self.ofproto_parser = PROTOCOL, PARSER

    def set_xid(self, message: Any) -> int:
        self.xid = (self.xid + 1) & 0xFFFFFFFF
        message.xid = self.xid
        return self.xid

    def send(self, buffer: bytearray) -> None:
        self.sent.append(buffer.decode())

    def close(self) -> None:
        self.closed = True


def description(message: Any) -> Any:
    """A group-desc entry as a switch would give it back after ``message``."""
    return SimpleNamespace(group_id=message.group_id, type=message.type, buckets=message.buckets)


def group_entry(group: GroupRule) -> Any:
    """The group-desc entry of ``group``."""
    from controller.messages import AddGroup
    from controller.openflow import message

    return description(message(Datapath(), AddGroup(group)))
