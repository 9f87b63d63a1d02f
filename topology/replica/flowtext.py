"""Rules and groups as ovs-ofctl reads them; pure. The other way round is ``readback``.

Syntax: ovs-ofctl(8), ovs-actions(7).
"""

from __future__ import annotations

from collections.abc import Iterator

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
    ToGroup,
)

_ETH_TYPES = {ETH_IPV4: "ip", ETH_MPLS: "mpls"}


def flow_text(rule: FlowRule) -> str:
    goto = [] if rule.goto is None else [f"goto_table:{rule.goto}"]
    actions = [*map(action_text, rule.actions), *goto] or ["drop"]
    return f"{key_text(rule)},cookie={rule.cookie:#x},actions={','.join(actions)}"


def key_text(rule: FlowRule) -> str:
    """What ``delete_strict`` wants: table, priority and match."""
    return ",".join([f"table={rule.table}", f"priority={rule.priority}", *_match(rule.match)])


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
