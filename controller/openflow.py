"""Our words (``topology.forwarding``, ``controller.messages``) ↔ OpenFlow 1.3 messages.

Pure translation: the framework's constants and parser come in with the datapath, so both
Ryu's and os-ken's will do and nothing here imports either. Written messages are handed to
``controller.session``; what is read back are groups, cookies and port states only: a
flow is known by its cookie (``FlowRule.signed``) and need not be parsed.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network
from typing import Any

from controller.messages import AddFlow, AddGroup, DeleteFlow, DeleteGroup, DeleteOwned, Mod, ModifyGroup
from topology.forwarding import (
    ETH_MPLS,
    OWNER,
    OWNER_MASK,
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
    ToGroup,
)
from topology.roles import EQUAL, IS_SLAVE, MASTER, SLAVE, STALE, Role

_EXACT = 0xFFFF_FFFF_FFFF_FFFF
_KINDS = {"all": "OFPGT_ALL", "select": "OFPGT_SELECT", "indirect": "OFPGT_INDIRECT", "ff": "OFPGT_FF"}
_ROLES: dict[Role, str] = {EQUAL: "OFPCR_ROLE_EQUAL", MASTER: "OFPCR_ROLE_MASTER", SLAVE: "OFPCR_ROLE_SLAVE"}
FOREIGN = "foreign"
"""``GroupRule.kind`` of a group that our words cannot describe; it equals none of ours."""


# ------------------------------------------------------------------ to the switch


def message(datapath: Any, mod: Mod) -> Any:
    """The one OpenFlow message that carries out ``mod``."""
    if isinstance(mod, AddFlow):
        return _add_flow(datapath, mod.rule)
    if isinstance(mod, DeleteFlow):
        return _delete_flows(datapath, mod.cookie, _EXACT)
    if isinstance(mod, DeleteOwned):
        return _delete_flows(datapath, mod.owner << 48, OWNER_MASK)
    if isinstance(mod, DeleteGroup):
        return _group_mod(datapath, datapath.ofproto.OFPGC_DELETE, GroupRule(mod.id, "indirect", ()))
    command = datapath.ofproto.OFPGC_ADD if isinstance(mod, AddGroup) else datapath.ofproto.OFPGC_MODIFY
    return _group_mod(datapath, command, mod.group)


def is_flow_mod(mod: Mod) -> bool:
    """Whether it changes a flow table (else a group table)."""
    return not isinstance(mod, AddGroup | ModifyGroup | DeleteGroup)


def barrier_request(datapath: Any) -> Any:
    return datapath.ofproto_parser.OFPBarrierRequest(datapath)


def flows_request(datapath: Any) -> Any:
    """Ask for all flows that carry our mark, in all tables."""
    protocol, parser = datapath.ofproto, datapath.ofproto_parser
    return parser.OFPFlowStatsRequest(
        datapath,
        table_id=protocol.OFPTT_ALL,
        out_port=protocol.OFPP_ANY,
        out_group=protocol.OFPG_ANY,
        cookie=OWNER << 48,
        cookie_mask=OWNER_MASK,
    )


def groups_request(datapath: Any) -> Any:
    return datapath.ofproto_parser.OFPGroupDescStatsRequest(datapath)


def role_request(datapath: Any, role: Role, generation: int) -> Any:
    protocol = datapath.ofproto
    return datapath.ofproto_parser.OFPRoleRequest(datapath, getattr(protocol, _ROLES[role]), generation)


def _add_flow(datapath: Any, rule: FlowRule) -> Any:
    protocol, parser = datapath.ofproto, datapath.ofproto_parser
    instructions = []
    if rule.actions:
        actions = _actions(parser, rule.actions)
        instructions.append(parser.OFPInstructionActions(protocol.OFPIT_APPLY_ACTIONS, actions))
    if rule.goto is not None:
        instructions.append(parser.OFPInstructionGotoTable(rule.goto))
    return parser.OFPFlowMod(
        datapath,
        command=protocol.OFPFC_ADD,
        table_id=rule.table,
        priority=rule.priority,
        cookie=rule.cookie,
        hard_timeout=rule.hard_timeout_s,
        match=_match(parser, rule.match),
        instructions=instructions,
    )


def _delete_flows(datapath: Any, cookie: int, mask: int) -> Any:
    protocol, parser = datapath.ofproto, datapath.ofproto_parser
    return parser.OFPFlowMod(
        datapath,
        command=protocol.OFPFC_DELETE,
        table_id=protocol.OFPTT_ALL,
        cookie=cookie,
        cookie_mask=mask,
        out_port=protocol.OFPP_ANY,
        out_group=protocol.OFPG_ANY,
        match=parser.OFPMatch(),
    )


def _group_mod(datapath: Any, command: int, group: GroupRule) -> Any:
    protocol, parser = datapath.ofproto, datapath.ofproto_parser
    buckets = [
        parser.OFPBucket(
            watch_port=protocol.OFPP_ANY if bucket.watch_port is None else bucket.watch_port,
            watch_group=protocol.OFPG_ANY,
            actions=_actions(parser, bucket.actions),
        )
        for bucket in group.buckets
    ]
    return parser.OFPGroupMod(datapath, command, getattr(protocol, _KINDS[group.kind]), group.id, buckets)


def _match(parser: Any, match: Match) -> Any:
    fields: dict[str, Any] = {
        "in_port": match.in_port,
        "eth_type": match.eth_type,
        "mpls_label": match.mpls_label,
        "mpls_bos": match.mpls_bos,
    }
    if match.ipv4_dst is not None:
        prefix = IPv4Network(match.ipv4_dst)
        fields["ipv4_dst"] = (str(prefix.network_address), str(prefix.netmask))
    return parser.OFPMatch(**{name: value for name, value in fields.items() if value is not None})


def _actions(parser: Any, actions: Iterable[Action]) -> list[Any]:
    return [part for action in actions for part in _action(parser, action)]


def _action(parser: Any, action: Action) -> tuple[Any, ...]:  # noqa: PLR0911 (one line per kind)
    if isinstance(action, Push):
        return parser.OFPActionPushMpls(ETH_MPLS), parser.OFPActionSetField(mpls_label=action.label)
    if isinstance(action, Pop):
        return (parser.OFPActionPopMpls(action.eth_type),)
    if isinstance(action, Swap):
        return (parser.OFPActionSetField(mpls_label=action.label),)
    if isinstance(action, DecTtl):
        return (parser.OFPActionDecMplsTtl(),)
    if isinstance(action, Output):
        return (parser.OFPActionOutput(action.port, 0),)
    if isinstance(action, ToGroup):
        return (parser.OFPActionGroup(action.group),)
    if isinstance(action, ForgetInPort):
        # Open vSwitch lets the Nicira field be written, not OpenFlow's own; all its 16 bits: (0 << 6) | (16 - 1)
        return (parser.NXActionRegLoad(ofs_nbits=15, dst="in_port_nxm", value=0),)
    return (parser.NXActionResubmitTable(table_id=action.table),)


# ------------------------------------------------------------------ from the switch


def group_rule(protocol: Any, description: Any) -> GroupRule:
    """One entry of a group-desc reply in our words; ``kind`` is FOREIGN where they do not suffice."""
    kinds = {getattr(protocol, constant): kind for kind, constant in _KINDS.items()}
    try:
        buckets = tuple(_bucket(protocol, bucket) for bucket in description.buckets)
    except ValueError:
        return GroupRule(description.group_id, FOREIGN, ())
    return GroupRule(description.group_id, kinds.get(description.type, FOREIGN), buckets)


def role(protocol: Any, number: int) -> Role:
    """The role of a role reply. Raises LookupError for one that OpenFlow 1.3 does not have."""
    return {getattr(protocol, constant): role for role, constant in _ROLES.items()}[number]


def replaced(protocol: Any, kind: int, code: int) -> str:
    """OpenFlow's name for the refusal when the error says that somebody else is master; else empty."""
    if (kind, code) == (protocol.OFPET_ROLE_REQUEST_FAILED, protocol.OFPRRFC_STALE):
        return STALE
    return IS_SLAVE if (kind, code) == (protocol.OFPET_BAD_REQUEST, protocol.OFPBRC_IS_SLAVE) else ""


def port_state(protocol: Any, port: Any) -> tuple[bool, bool]:
    """(live, carrier) of a port description.

    Open vSwitch sets LIVE where the carrier is up and BFD, if it runs, says so too; a port
    that was taken down by configuration has LINK_DOWN.
    """
    carrier = not port.state & protocol.OFPPS_LINK_DOWN
    return carrier and bool(port.state & protocol.OFPPS_LIVE), carrier


def is_data_port(protocol: Any, port: Any) -> bool:
    """False for the reserved ones, such as LOCAL, the bridge itself."""
    return 0 < int(port.port_no) <= int(protocol.OFPP_MAX)


def _bucket(protocol: Any, bucket: Any) -> Bucket:
    if bucket.watch_group != protocol.OFPG_ANY:
        raise ValueError("watches a group")
    return Bucket(_parse(bucket.actions), None if bucket.watch_port == protocol.OFPP_ANY else bucket.watch_port)


def _parse(parts: Iterable[Any]) -> tuple[Action, ...]:
    """Raises ValueError at an action that is not ours. A set_field right after a push belongs to it."""
    actions: list[Action] = []
    pushed = False
    for part in parts:
        name = type(part).__name__
        if pushed and name != "OFPActionSetField":
            raise ValueError("a push without its label")
        if name == "OFPActionPushMpls":
            pushed = True
            continue
        actions.append(_parse_one(name, part, pushed))
        pushed = False
    if pushed:
        raise ValueError("a push without its label")
    return tuple(actions)


def _parse_one(name: str, part: Any, pushed: bool) -> Action:  # noqa: PLR0911 (one line per kind)
    if name == "OFPActionSetField" and part.key == "mpls_label":
        return Push(part.value) if pushed else Swap(part.value)
    if name == "OFPActionPopMpls":
        return Pop(part.ethertype)
    if name == "OFPActionDecMplsTtl":
        return DecTtl()
    if name == "OFPActionOutput":
        return Output(part.port)
    if name == "OFPActionGroup":
        return ToGroup(part.group_id)
    if name == "NXActionRegLoad" and (part.dst, part.value) == ("in_port_nxm", 0):
        return ForgetInPort()
    if name == "NXActionResubmitTable":
        return Resubmit(part.table_id)
    raise ValueError(f"{name} is none of our actions")
