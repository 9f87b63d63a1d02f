"""Open vSwitch's print-outs, captured from 3.1.0 with ``-O OpenFlow13 --no-names``."""

from __future__ import annotations

import pytest

from topology.errors import LabError
from topology.forwarding import (
    ETH_IPV4,
    ETH_MPLS,
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
from topology.replica import readback

FLOWS = """\
OFPST_FLOW reply (OF1.3) (xid=0x2):
 cookie=0xfa57000000000001, duration=0.148s, table=0, n_packets=0, n_bytes=0, hard_timeout=30, priority=100 \
actions=goto_table:5
 cookie=0xfa57a1b2c3d4e5f6, duration=0.138s, table=0, n_packets=0, n_bytes=0, priority=10,ip,in_port=1,\
nw_dst=10.0.3.0/24 actions=push_mpls:0x8847,set_field:16003->mpls_label,push_mpls:0x8847,set_field:24002->mpls_label,\
group:1
 cookie=0x0, duration=0.127s, table=0, n_packets=0, n_bytes=0, priority=10,ip,nw_dst=10.0.0.10 actions=output:1
 cookie=0x0, duration=0.116s, table=1, n_packets=0, n_bytes=0, priority=10,mpls,mpls_label=16003,mpls_bos=1 \
actions=pop_mpls:0x0800,output:1
 cookie=0x0, duration=0.106s, table=1, n_packets=0, n_bytes=0, priority=9,mpls,mpls_label=24002,mpls_bos=0 \
actions=dec_mpls_ttl,pop_mpls:0x8847,resubmit(,1)
 cookie=0x0, duration=0.096s, table=1, n_packets=0, n_bytes=0, priority=8,mpls,mpls_label=16007 \
actions=dec_mpls_ttl,set_field:40003->mpls_label,load:0->NXM_OF_IN_PORT[],group:3
 cookie=0x0, duration=0.086s, table=1, n_packets=0, n_bytes=0, priority=7,mpls,in_port=2 actions=drop
 cookie=0x0, duration=0.075s, table=1, n_packets=0, n_bytes=0, priority=0 actions=drop
"""

BARE_FLOWS = """\
 cookie=0xfa57000000000001, hard_timeout=30, priority=100 actions=goto_table:5
 priority=10,ip,nw_dst=10.0.0.10 actions=output:1
 table=1, priority=8,mpls,mpls_label=16008 actions=dec_mpls_ttl,set_field:40003->mpls_label,set_field:0->in_port,group:2
 table=5, priority=2,ip,in_port=LOCAL actions=output:1,resubmit(,6),goto_table:7
"""

GROUPS = """\
OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):
 group_id=6,type=ff
 group_id=1,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=push_mpls:0x8847,\
set_field:40001->mpls_label,load:0->NXM_OF_IN_PORT[],output:3
 group_id=2,type=indirect,bucket=actions=output:3
 group_id=5,type=indirect,bucket=actions=drop
"""

PORTS = """\
OFPST_PORT_DESC reply (OF1.3) (xid=0x2):
 1(a-eth1): addr:1e:48:95:27:80:21
     config:     0
     state:      LIVE
     current:    10GB-FD COPPER
     speed: 10000 Mbps now, 0 Mbps max
 2(a-eth2): addr:26:fd:fb:b4:d8:3c
     config:     0
     state:      0
     current:    10GB-FD COPPER
     speed: 10000 Mbps now, 0 Mbps max
 3(a-eth3): addr:4a:e6:cc:40:da:bd
     config:     0
     state:      LINK_DOWN
     current:    10GB-FD COPPER
     speed: 10000 Mbps now, 0 Mbps max
 12(a-eth12): addr:4a:e6:cc:40:da:be
     config:     0
     state:      LIVE
     speed: 0 Mbps now, 0 Mbps max
 LOCAL(a): addr:4e:d2:0b:c9:92:49
     config:     PORT_DOWN
     state:      LINK_DOWN
     current:    10GB-FD COPPER
     speed: 10000 Mbps now, 0 Mbps max
"""

BFD = """\
---- a-eth2 ----
\tForwarding: true
\tDetect Multiplier: 3
\tConcatenated Path Down: false
\tTX Interval: Approx 50ms
\tRX Interval: Approx 50ms
\tDetect Time: now +110ms
\tNext TX Time: now +11ms
\tLast TX Time: now -36ms

\tLocal Flags: none
\tLocal Session State: up
\tLocal Diagnostic: No Diagnostic
\tLocal Discriminator: 0xde616038
\tLocal Minimum TX Interval: 50ms
\tLocal Minimum RX Interval: 50ms

\tRemote Flags: none
\tRemote Session State: up
\tRemote Diagnostic: No Diagnostic
\tRemote Discriminator: 0x1a2b3c4d
\tRemote Minimum TX Interval: 50ms
\tRemote Minimum RX Interval: 50ms
\tRemote Detect Multiplier: 3
---- a-eth3 ----
\tForwarding: false
\tDetect Multiplier: 3
\tLocal Minimum TX Interval: 1000ms
\tLocal Minimum RX Interval: 50ms
\tRemote Minimum TX Interval: 1000ms
\tRemote Minimum RX Interval: 1ms
\tRemote Detect Multiplier: 3
"""

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 020010AC:A1B2 010010AC:{port} {state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1
"""


def test_flows_with_every_action_of_ours() -> None:
    stack = (Push(16003), Push(24002), ToGroup(1))
    assert readback.parse_flows(FLOWS) == (
        FlowRule(0, 100, Match(), goto=5, hard_timeout_s=30, cookie=0xFA57000000000001),
        FlowRule(0, 10, Match(1, ETH_IPV4, "10.0.3.0/24"), stack, cookie=0xFA57A1B2C3D4E5F6),
        FlowRule(0, 10, Match(eth_type=ETH_IPV4, ipv4_dst="10.0.0.10/32"), (Output(1),)),
        FlowRule(1, 10, Match(None, ETH_MPLS, None, 16003, 1), (Pop(ETH_IPV4), Output(1))),
        FlowRule(1, 9, Match(None, ETH_MPLS, None, 24002, 0), (DecTtl(), Pop(ETH_MPLS), Resubmit(1))),
        FlowRule(1, 8, Match(None, ETH_MPLS, None, 16007), (DecTtl(), Swap(40003), ForgetInPort(), ToGroup(3))),
        FlowRule(1, 7, Match(2, ETH_MPLS)),
        FlowRule(1, 0, Match()),
    )


def test_flows_without_counters() -> None:
    assert readback.parse_flows(BARE_FLOWS) == (
        FlowRule(0, 100, Match(), goto=5, hard_timeout_s=30, cookie=0xFA57000000000001),
        FlowRule(0, 10, Match(eth_type=ETH_IPV4, ipv4_dst="10.0.0.10/32"), (Output(1),)),
        FlowRule(1, 8, Match(None, ETH_MPLS, None, 16008), (DecTtl(), Swap(40003), ForgetInPort(), ToGroup(2))),
        FlowRule(5, 2, Match(0xFFFFFFFE, ETH_IPV4), (Output(1), Resubmit(6)), goto=7),
    )


@pytest.mark.parametrize(
    "line",
    [
        "table=5, idle_timeout=9, priority=6,ipv6 actions=output:1",
        "table=5, priority=6,ipv6 actions=NORMAL",
        "table=5, priority=5,mplsm actions=CONTROLLER:65535",
        "table=5, priority=4,arp actions=write_actions(output:2),goto_table:6",
        "table=5, priority=2,ip,in_port=LOCAL actions=IN_PORT",
        "table=5, priority=1,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=output:1",
        "table=5, priority=1,udp,tp_dst=53 actions=output:1",
        "priority=1,mpls actions=push_mpls:0x8848,set_field:5->mpls_label,output:1",
        "priority=1,mpls actions=push_mpls:0x8847,output:1",
        "priority=1,mpls actions=push_mpls:0x8847",
        "priority=1,mpls actions=resubmit(2,1)",
    ],
)
def test_what_we_never_write_is_not_read_as_something_else(line: str) -> None:
    with pytest.raises(LabError, match="does not write"):
        readback.parse_flows(f" cookie=0x0, {line}\n")


def test_groups() -> None:
    repair = Bucket((Push(40001), ForgetInPort(), Output(3)), watch_port=3)
    assert readback.parse_groups(GROUPS) == (
        GroupRule(6, "ff", ()),
        GroupRule(1, "ff", (Bucket((Output(2),), watch_port=2), repair)),
        GroupRule(2, "indirect", (Bucket((Output(3),)),)),
        GroupRule(5, "indirect", (Bucket(()),)),
    )


def test_a_group_of_another_kind_is_refused() -> None:
    with pytest.raises(LabError, match="type=all"):
        readback.parse_groups(" group_id=7,type=all,bucket=actions=output:2,bucket=actions=output:3")


def test_live_ports_have_carrier_and_bfd() -> None:
    assert readback.parse_live_ports(PORTS) == {1, 12}
    assert readback.parse_live_ports("") == frozenset()


def test_switch_state_joins_the_three() -> None:
    state = readback.switch_state(FLOWS, GROUPS, PORTS)
    assert (len(state.flows), len(state.groups), sorted(state.live_ports)) == (8, 4, [1, 12])


def test_bfd_detection_time_is_the_negotiated_one() -> None:
    assert readback.parse_bfd(BFD) == {
        "a-eth2": readback.BfdSession(forwarding=True, detect_ms=150),
        "a-eth3": readback.BfdSession(forwarding=False, detect_ms=3000),
    }
    assert readback.parse_bfd("") == {}


@pytest.mark.parametrize(
    ("port", "state", "connected"), [("19FD", "01", True), ("19FD", "02", False), ("19FE", "01", False)]
)
def test_only_an_established_connection_counts(port: str, state: str, connected: bool) -> None:
    assert readback.has_connection_to(TCP.format(port=port, state=state), 6653) is connected
