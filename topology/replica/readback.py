"""Open vSwitch's own print-out → the vocabulary of ``topology.forwarding``; pure, one text at a time.

Reads ``ovs-ofctl -O OpenFlow13 --no-names dump-flows | dump-groups | dump-ports-desc``,
``ovs-appctl bfd/show`` and the kernel's ``/proc/net/tcp``. What our vocabulary cannot say
(an idle timeout, ``NORMAL``, write_actions, …) raises LabError: a table that is only half
understood would be judged wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from topology import addressing
from topology.errors import LabError
from topology.forwarding import (
    ETH_IPV4,
    ETH_MPLS,
    PLUMBING_OWNER,
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

_COUNTERS = {"duration", "n_packets", "n_bytes", "idle_age", "hard_age", "reset_counts"}
_ETH_TYPES = {"ip": ETH_IPV4, "mpls": ETH_MPLS, "mplsm": 0x8848, "arp": 0x0806, "ipv6": 0x86DD}
_SET_LABEL = re.compile(r"set_field:(\d+|0x[0-9a-f]+)->mpls_label")
_PLAIN: dict[str, Action] = {
    "dec_mpls_ttl": DecTtl(),
    "load:0->NXM_OF_IN_PORT[]": ForgetInPort(),  # sent as a Nicira register load …
    "set_field:0->in_port": ForgetInPort(),  # … or as OpenFlow's own set_field
}
_OUTSIDE_BRACKETS = re.compile(r",(?![^()]*\))")
_ESTABLISHED = "01"
BFD_MULTIPLIER = 3
"""Open vSwitch's default: so many intervals of silence bring a session down."""


def switch_state(flows: str, groups: str, ports: str) -> SwitchState:
    """All three dumps of one switch together."""
    return SwitchState(parse_flows(flows), parse_groups(groups), parse_live_ports(ports))


def parse_flows(text: str) -> tuple[FlowRule, ...]:
    """All but those that carry a routing daemon's own packets, which no traffic meets."""
    return tuple(_flow(line) for line in _entries(text, "actions=") if f"cookie={PLUMBING_OWNER:#x}" not in line)


def bridges(text: str) -> bool:
    """From ``ovs-appctl bridge/dump-flows``, hidden rules included: whether the switch has failed open."""
    return "actions=NORMAL" in text


def parse_learnt(text: str) -> dict[int, int]:
    """From ``ovs-appctl fdb/show``: index of the PoP whose host's address was learnt → the port it came in by."""
    rows = (line.split() for line in text.splitlines()[1:])
    found = {addressing.host_index(mac): int(port) for port, _vlan, mac, _age in rows if port.isdigit()}
    return {index: port for index, port in found.items() if index is not None}


def parse_groups(text: str) -> tuple[GroupRule, ...]:
    return tuple(_group(line) for line in _entries(text, "group_id="))


def parse_live_ports(text: str) -> frozenset[int]:
    """Ports that are up, have carrier and, where BFD runs, have it up: Open vSwitch's LIVE bit follows BFD."""
    live = set()
    for entry in re.split(r"^ (?=\S)", text, flags=re.MULTILINE)[1:]:
        number = re.match(r"\d+", entry)
        config, state = (re.search(rf"{key}:\s+(.*)", entry) for key in ("config", "state"))
        if number and config and state and "PORT_DOWN" not in config[1] and "LINK_DOWN" not in state[1]:
            live |= {int(number[0])} if "LIVE" in state[1].split() else set()
    return frozenset(live)


@dataclass(frozen=True, slots=True)
class BfdSession:
    """One port's BFD session; ``detect_ms`` is the negotiated detection time (RFC 5880 §6.8.4)."""

    forwarding: bool
    detect_ms: int


def parse_bfd(text: str) -> dict[str, BfdSession]:
    """Interface name → session, from ``bfd/show`` without an interface."""
    parts = re.split(r"^---- (\S+) ----$", text, flags=re.MULTILINE)[1:]
    return {name: _session(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def has_connection_to(tcp_table: str, remote_port: int) -> bool:
    """Whether ``/proc/<pid>/net/tcp`` holds an established connection to this port."""
    rows = (line.split() for line in tcp_table.splitlines()[1:])
    return any(row[3] == _ESTABLISHED and int(row[2].rpartition(":")[2], 16) == remote_port for row in rows)


def _entries(text: str, mark: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines() if mark in line)


def _flow(line: str) -> FlowRule:
    head, _, tail = line.partition("actions=")
    words = dict(_words(head))
    actions, goto = _actions(tail, line)
    rule = FlowRule(
        table=int(words.pop("table", "0")),
        priority=int(words.pop("priority", "32768")),
        hard_timeout_s=int(words.pop("hard_timeout", "0")),
        cookie=int(words.pop("cookie", "0"), 16),
        match=_match(words),
        actions=actions,
        goto=goto,
    )
    if words:
        raise _foreign(", ".join(words), line)
    return rule


def _words(head: str) -> Iterator[tuple[str, str]]:
    for word in re.split(r"[,\s]+", head.strip()):
        key, _, value = word.partition("=")
        if key and key not in _COUNTERS:
            yield key, value


def _match(words: dict[str, str]) -> Match:
    """Takes what it understands out of ``words``."""
    number = {key: int(words.pop(key)) for key in ("mpls_label", "mpls_bos") if key in words}
    eth_types = [words.pop(name) or code for name, code in _ETH_TYPES.items() if name in words]
    eth_types += [int(words.pop("dl_type"), 16)] if "dl_type" in words else []
    prefix = words.pop("nw_dst", None)
    return Match(
        in_port=_port(words.pop("in_port")) if "in_port" in words else None,
        eth_type=int(eth_types[0]) if eth_types else None,
        ipv4_dst=prefix if prefix is None or "/" in prefix else f"{prefix}/32",
        mpls_label=number.get("mpls_label"),
        mpls_bos=number.get("mpls_bos"),
    )


def _port(text: str) -> int:
    return 0xFFFFFFFE if text == "LOCAL" else int(text)  # OFPP_LOCAL, OpenFlow 1.3 §A.2.1


def _actions(text: str, line: str) -> tuple[tuple[Action, ...], int | None]:
    """Actions in order, and the table of ``goto_table`` (always last)."""
    words = [word for word in _OUTSIDE_BRACKETS.split(text.strip()) if word not in ("", "drop")]
    goto = int(words.pop().partition(":")[2]) if words and words[-1].startswith("goto_table:") else None
    actions: list[Action] = []
    rest = iter(words)
    for word in rest:
        # A push is two actions on the wire: the new entry, then its label.
        pushed = _SET_LABEL.fullmatch(next(rest, "")) if word == "push_mpls:0x8847" else None
        action = Push(int(pushed[1], 0)) if pushed else _action(word)
        if action is None:
            raise _foreign(word, line)
        actions.append(action)
    return tuple(actions), goto


def _action(word: str) -> Action | None:
    if label := _SET_LABEL.fullmatch(word):
        return Swap(int(label[1], 0))
    if table := re.fullmatch(r"resubmit\(,(\d+)\)", word):
        return Resubmit(int(table[1]))
    if number := re.fullmatch(r"(output|group):(\d+)", word):
        return (Output if number[1] == "output" else ToGroup)(int(number[2]))
    if eth_type := re.fullmatch(r"pop_mpls:(0x[0-9a-f]+)", word):
        return Pop(int(eth_type[1], 16))
    return _PLAIN.get(word)


def _group(line: str) -> GroupRule:
    head, *buckets = line.split(",bucket=")
    fields = re.fullmatch(r"group_id=(\d+),type=(ff|indirect)", head)
    if fields is None:
        raise _foreign(head, line)
    return GroupRule(int(fields[1]), fields[2], tuple(_bucket(bucket, line) for bucket in buckets))


def _bucket(text: str, line: str) -> Bucket:
    fields = re.fullmatch(r"(?:bucket_id:\d+,)?(?:watch_port:(\w+),)?actions=(.*)", text)
    if fields is None:
        raise _foreign(text, line)
    actions, _ = _actions(fields[2], line)
    return Bucket(actions, _port(fields[1]) if fields[1] else None)


def _session(body: str) -> BfdSession:
    def number(key: str) -> int:
        found = re.search(rf"{key}: (\d+)", body)
        return int(found[1]) if found else 0

    interval_ms = max(number("Local Minimum RX Interval"), number("Remote Minimum TX Interval"))
    return BfdSession("Forwarding: true" in body, number("Remote Detect Multiplier") * interval_ms)


def _foreign(what: str, line: str) -> LabError:
    return LabError(f"the switch holds something that this program does not write: '{what}' in '{line}'")
