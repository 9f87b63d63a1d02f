"""Command lines for Open vSwitch, and what is read from its traces and its database; nothing is run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from topology.channels import control_delays_ms
from topology.errors import LabError
from topology.model import Link, Pop, Topology
from topology.replica import ovs, plumbing, trace, watch

POPS = tuple(Pop(i, name, name, "EU", 50.0, 5.0, 1e6) for i, name in enumerate(("ams", "fra", "waw")))
PAIRS = (("ams", "fra", 3.0), ("fra", "waw", 5.0), ("waw", "ams", 9.0))
LINKS = tuple(Link(i, a, b, 1e7, 500, delay) for i, (a, b, delay) in enumerate(PAIRS))
TRIANGLE = Topology("triangle", POPS, LINKS, brain="ams")
PLACE = ovs.Place(Path("/run/failstatic"), "fra")


def transactions(command: list[str]) -> list[str]:
    """The steps of one ovs-vsctl command."""
    return " ".join(command).split(" -- ")


def test_one_transaction_makes_bridge_and_ports() -> None:
    head, threads, *steps = transactions(ovs.configure_bridge(PLACE, TRIANGLE, "user", ovs.SwitchSettings()))
    assert head == "ovs-vsctl --db=unix:/run/failstatic/fra/db.sock --timeout=15"
    assert threads.endswith("other_config:n-handler-threads=1 other_config:n-revalidator-threads=1")
    assert steps == [
        "add-br fra",
        "set Bridge fra datapath_type=netdev fail_mode=secure protocols=OpenFlow13"
        " other_config:datapath-id=0000000000000002 other_config:dp-desc=fra other_config:disable-in-band=true",
        *("add-port fra fra-eth1", "set Interface fra-eth1 ofport_request=1 mtu_request=1600"),
        *("add-port fra fra-eth2", "set Interface fra-eth2 ofport_request=2 mtu_request=1600"),
        *("add-port fra fra-eth3", "set Interface fra-eth3 ofport_request=3 mtu_request=1600"),
    ]


def test_the_kernel_datapath_is_called_system() -> None:
    assert "datapath_type=system" in ovs.configure_bridge(PLACE, TRIANGLE, "kernel", ovs.SwitchSettings())


def test_bfd_sets_both_intervals_on_backbone_ports_only() -> None:
    settings = ovs.SwitchSettings(bfd_interval_ms=20)
    steps = transactions(ovs.configure_bridge(PLACE, TRIANGLE, "user", settings))
    with_bfd = [step for step in steps if "bfd:enable=true bfd:min_tx=20 bfd:min_rx=20" in step]
    assert [step.split()[2] for step in with_bfd] == ["fra-eth2", "fra-eth3"]


def test_a_switch_fails_open_only_when_it_is_told_to_later() -> None:
    """Bridges without a brain yet would flood in circles before NO_FLOOD stands."""
    settings = ovs.SwitchSettings(fail_mode="standalone")
    assert any(
        "fail_mode=secure" in step for step in transactions(ovs.configure_bridge(PLACE, TRIANGLE, "user", settings))
    )
    assert ovs.no_flood(PLACE, 3)[-2:] == ["3", "no-flood"]
    assert ovs.fail_open(PLACE)[-1] == "fail_mode=standalone"


def test_the_controller_is_reached_out_of_band() -> None:
    _, *steps = transactions(ovs.set_controller(PLACE, POPS[1], (6653, 6654)))
    assert steps == [
        *(
            f'--id=@brain{port} create Controller target="tcp:172.16.0.5:{port}" connection_mode=out-of-band'
            for port in (6653, 6654)
        ),
        "set Bridge fra controller=[@brain6653,@brain6654]",
    ]


def test_the_back_off_is_that_of_every_controller() -> None:
    *command, transaction = ovs.set_backoff(PLACE, ovs.SwitchSettings(max_backoff_ms=2000))
    assert command == ["ovsdb-client", "--timeout=15", "transact", "unix:/run/failstatic/fra/db.sock"]
    update = {
        "op": "update",
        "table": "Controller",
        "where": [],
        "row": {"max_backoff": 2000, "inactivity_probe": 5000},
    }
    assert json.loads(transaction) == ["Open_vSwitch", update]


def test_every_tool_in_a_node_finds_its_own_switch() -> None:
    environment = PLACE.environment()
    assert {environment[name] for name in ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR")} == {"/run/failstatic/fra"}
    assert ovs.dump(PLACE, "flows")[-2:] == ["dump-flows", "unix:/run/failstatic/fra/fra.mgmt"]
    assert "--no-stats" not in ovs.dump(PLACE, "groups")
    assert ovs.ask(PLACE, 17, "bfd/show")[-3:] == ["-t", "/run/failstatic/fra/ovs-vswitchd.17.ctl", "bfd/show"]
    assert ovs.cache_exactly(PLACE, 17)[-1] == "upcall/disable-megaflows"
    assert ovs.trace(PLACE, 17, 2, b"\x01\xff")[-4:] == ["ofproto/trace", "fra", "in_port=2", "01ff"]


def test_a_host_knows_everyone_else() -> None:
    assert plumbing.host_lines(TRIANGLE, POPS[0]) == [
        "link set lo up",
        "link set h-ams-eth0 up",
        "addr add 10.0.0.10/8 dev h-ams-eth0",
        "neigh add 10.0.1.10 lladdr 02:00:0a:00:00:01 dev h-ams-eth0 nud permanent",
        "neigh add 10.0.2.10 lladdr 02:00:0a:00:00:02 dev h-ams-eth0 nud permanent",
    ]


def test_both_ends_of_a_veth_are_born_where_they_belong() -> None:
    pids = {"ams": 10, "h-ams": 11, "fra": 20, "h-fra": 21, "waw": 30, "h-waw": 31}
    assert plumbing.veth_lines(TRIANGLE, pids.__getitem__)[0] == (
        "link add h-ams-eth0 netns 11 address 02:00:0a:00:00:00 mtu 1500 type veth peer name ams-eth1 netns 10 mtu 1600"
    )


def test_the_control_channel_takes_the_shortest_way_to_the_brain() -> None:
    assert control_delays_ms(TRIANGLE) == {"ams": 0.0, "fra": 3.0, "waw": 8.0}
    assert control_delays_ms(replace(TRIANGLE, brain="waw")) == {"waw": 0.0, "fra": 5.0, "ams": 8.0}


def frame(*entries: tuple[int, int]) -> bytes:
    """An Ethernet frame with this label stack, (label, TTL) top first, on something that is not looked at."""
    words = [
        (label << 12 | (at == len(entries) - 1) << 8 | ttl).to_bytes(4, "big")
        for at, (label, ttl) in enumerate(entries)
    ]
    return b"\0" * 12 + (b"\x88\x47" if entries else b"\x08\x00") + b"".join(words) + b"\x45"


DPIF_SHOW = """\
netdev@ovs-netdev: hit:0 missed:1
  ams:
    ams 65534/4: (tap)
    ams-eth1 1/3: (system)
    ams-eth2 2/2: (system)
    ams-eth3 3/1: (system)
"""


@pytest.mark.parametrize(
    ("stack", "actions", "port", "entries"),
    [
        (
            (),
            "push_mpls(label=16003,tc=0,ttl=64,bos=1,eth_type=0x8847),"
            "push_mpls(label=24002,tc=0,ttl=64,bos=0,eth_type=0x8847),2",
            2,
            ((24002, 64), (16003, 64)),
        ),
        (
            ((24002, 64), (16007, 60)),
            "pop_mpls(eth_type=0x8847),set(mpls(label=16003,tc=0,ttl=59,bos=1)),2",
            2,
            ((16003, 59),),
        ),
        (((24002, 9), (16003, 5)), "pop_mpls(eth_type=0x8847),pop_mpls(eth_type=0x800),3", 1, ()),
        (
            ((16007, 9), (1, 3)),
            "set(mpls(label=40003,tc=0,ttl=8,bos=0)),push_mpls(label=40001,tc=0,ttl=8,bos=0,eth_type=0x8847),1",
            3,
            ((40001, 8), (40003, 8), (1, 3)),
        ),
    ],
)
def test_a_trace_ends_in_ports_and_stacks(
    stack: trace.Entries, actions: str, port: int, entries: trace.Entries
) -> None:
    text = f"Flow: mpls\n\nFinal flow: unchanged\nDatapath actions: {actions}\n"
    outcome = trace.parse_trace(text, frame(*stack), trace.parse_ports(DPIF_SHOW))
    assert outcome.emitted == (trace.Emitted(port, entries),)
    assert outcome.emitted[0].stack == tuple(label for label, _ in entries)


@pytest.mark.parametrize(
    "actions",
    [
        "drop",
        "userspace(pid=0,controller(reason=2,dont_send=0,continuation=0,recirc_id=2,rule_cookie=0,max_len=65535))",
    ],
)
def test_a_dropped_packet_comes_out_nowhere(actions: str) -> None:
    text = f"Datapath actions: {actions}\nTranslation failed (Too many MPLS labels), packet is dropped.\n"
    assert trace.parse_trace(text, frame((1, 2)), {}).emitted == ()


@pytest.mark.parametrize("text", ["Datapath actions: pop_mpls(eth_type=0x800),recirc(0x1)\n", "Flow: mpls\n"])
def test_a_trace_that_breaks_off_is_no_drop(text: str) -> None:
    with pytest.raises(LabError, match="ofproto/trace"):
        trace.parse_trace(text, frame((1, 2)), {})


def row(ofport: Any = 2, link_state: Any = "up", **bfd: str) -> dict[str, Any]:
    return {"ofport": ofport, "link_state": link_state, "bfd_status": ["map", [list(item) for item in bfd.items()]]}


@pytest.mark.parametrize(
    ("interface", "live"),
    [
        (row(), True),
        (row(forwarding="true", state="up"), True),
        (row(forwarding="false", state="down"), False),
        (row(link_state="down", forwarding="true"), False),
        (row(link_state=["set", []]), False),
    ],
)
def test_a_port_is_live_with_carrier_and_bfd(interface: dict[str, Any], live: bool) -> None:
    port = watch.PortState.of(interface)
    assert port is not None
    assert port.live is live


@pytest.mark.parametrize("ofport", [["set", []], -1, 65534])
def test_what_has_no_port_number_is_no_port(ofport: Any) -> None:
    assert watch.PortState.of(row(ofport)) is None


def test_the_cause_is_carrier_wherever_carrier_changed() -> None:
    up, cut, silent = (
        watch.PortState(2, carrier=carrier, forwarding=bfd)
        for carrier, bfd in ((True, True), (False, False), (True, False))
    )
    assert (cut.cause_of_change(up), silent.cause_of_change(up)) == ("carrier", "bfd")


def test_json_texts_without_a_separator_are_told_apart() -> None:
    assert watch.decode('{"a":1}{"b":"}"}  {"c":') == ([{"a": 1}, {"b": "}"}], '{"c":')
    assert watch.decode("") == ([], "")


def test_rows_of_first_answer_update_and_removal() -> None:
    rows = {"Interface": {"id1": {"new": row()}, "id2": {"old": row()}}}
    expected = [("id1", row()), ("id2", {})]
    assert list(watch.rows_of({"id": 0, "result": rows, "error": None})) == expected
    assert list(watch.rows_of({"method": "update", "params": [None, rows], "id": None})) == expected
    assert list(watch.rows_of({"method": "echo", "params": [], "id": "echo"})) == []
