"""What FRR is told, what the switch is told about it, and what is read back of its routes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controller.shadow import difference, fixed_rules, route_rules
from topology.errors import LabError
from topology.forwarding import PLUMBING_OWNER
from topology.igp import Igp, cost
from topology.load import load
from topology.model import Topology
from topology.replica import frr, ovs, readback, routes
from topology.replica.flowtext import flow_text, key_text


@pytest.fixture(scope="module")
def edge12() -> Topology:
    return load("edge12")


def test_every_link_has_its_cost_its_timers_and_bfd(edge12: Topology) -> None:
    text = frr.configuration(edge12, "lhr", Igp(hello_s=2, dead_s=7))["ospfd"]
    for port, link in edge12.ports("lhr").items():
        part = text.partition(f"interface lhr-r{port}\n")[2].partition("\ninterface ")[0]
        assert f" ip ospf cost {cost(link)}\n" in part
        assert " ip ospf hello-interval 2\n ip ospf dead-interval 7\n" in part
        assert " ip ospf network point-to-point\n" in part
        assert " ip ospf bfd profile backbone" in part
    assert f" ospf router-id 100.127.0.{edge12.pop('lhr').index}\n" in text


def test_bfd_is_as_fast_as_the_policy_says(edge12: Topology) -> None:
    text = frr.configuration(edge12, "lhr", Igp(bfd_interval_ms=50, bfd_multiplier=4))["bfdd"]
    assert "  detect-multiplier 4\n  receive-interval 50\n  transmit-interval 50\n" in text


def test_both_ends_of_a_link_are_in_one_network(edge12: Topology) -> None:
    link = edge12.links[0]
    texts = [frr.configuration(edge12, pop, Igp())["zebra"] for pop in link.ends]
    ports = [edge12.port(pop, link) for pop in link.ends]
    for pop, port, text, last in zip(link.ends, ports, texts, "01", strict=True):
        assert f"interface {pop}-r{port}\n ip address 100.64.0.{last}/31\n no shutdown\n" in text


def test_the_switchs_own_ports_answer_no_arp(edge12: Topology) -> None:
    lines = frr.interface_lines(edge12, "lhr")
    assert all(f"link set lhr-eth{port} arp off" in lines for port in edge12.ports("lhr"))


def test_a_daemon_lives_in_the_pathspace_of_its_pop() -> None:
    command = frr.daemon("ospfd", "lhr", Path("/run/x/lhr/frr"))
    assert command[:5] == ["/usr/lib/frr/ospfd", "-N", "lhr", "-f", "/run/x/lhr/frr/ospfd.conf"]


def test_what_carries_the_daemons_packets_is_not_read_back_as_a_rule(edge12: Topology) -> None:
    """The oracle judges what traffic meets; and the brain leaves alone what is not its own."""
    flows = list(frr.plumbing_flows(edge12, "lhr"))
    assert all(f"cookie={PLUMBING_OWNER << 48:#x}" in flow for flow in flows)
    assert readback.parse_flows("\n".join(f" {flow.replace(',actions', ' actions')}" for flow in flows)) == ()


def test_the_switchs_bfd_leaves_the_daemons_packets_alone(edge12: Topology) -> None:
    place, shared = ovs.Place(Path("/run/x"), "lhr"), 'bfd:bfd_remote_dst_mac="00:23:20:00:00:01"'
    alone = ovs.configure_bridge(place, edge12, "user", ovs.SwitchSettings(bfd_interval_ms=100))
    beside = ovs.configure_bridge(place, edge12, "user", ovs.SwitchSettings(bfd_interval_ms=100, router_ports=True))
    assert shared not in alone
    assert beside.count(shared) == len(edge12.ports("lhr"))
    assert beside.count("type=internal") == len(edge12.ports("lhr"))


@pytest.mark.parametrize("pop", ["lhr", "syd"])
def test_rules_survive_being_written_and_read_back(edge12: Topology, pop: str) -> None:
    some = {index: 2 for index in range(len(edge12.pops)) if index != edge12.pop(pop).index}
    rules = (*fixed_rules(edge12, pop), *route_rules(edge12, pop, some))
    dumped = "\n".join(f" {flow_text(rule).replace(',actions', ' actions')}" for rule in rules)
    assert readback.parse_flows(dumped) == rules


def route(dst: str, *devices: str) -> dict[str, object]:
    if len(devices) == 1:
        return {"dst": dst, "nhid": 24, "gateway": "100.64.0.1", "dev": devices[0], "metric": 20, "flags": []}
    return {"dst": dst, "nexthops": [{"gateway": "100.64.0.1", "dev": device, "weight": 1} for device in devices]}


def test_routes_to_loopbacks_become_ports(edge12: Topology) -> None:
    text = json.dumps(
        [
            route("100.127.0.3", "lhr-r2"),
            route("100.127.0.4", "lhr-r3", "lhr-r2"),
            route("100.64.0.4/31", "lhr-r2"),
            route("100.127.0.5", "lhr-ctl"),
        ]
    )
    assert routes.parse(text, edge12, "lhr") == {3: 2, 4: 2}
    assert routes.parse("", edge12, "lhr") == {}


def test_an_answer_that_is_no_json_is_told(edge12: Topology) -> None:
    with pytest.raises(LabError, match="ip -json route"):
        routes.parse("Error: ipv4", edge12, "lhr")


def test_a_changed_route_is_overwritten_and_a_lost_one_deleted(edge12: Topology) -> None:
    old, new = route_rules(edge12, "lhr", {3: 2, 4: 2}), route_rules(edge12, "lhr", {3: 3})
    gone, added = difference(old, new)
    assert {rule.match.mpls_label for rule in gone} == {64004}
    assert [rule.priority for rule in added] == [50, 100]
    assert {key_text(rule) for rule in added} == {
        "table=3,priority=50,mpls,mpls_label=64003",
        "table=3,priority=100,mpls,mpls_label=64003",
    }
    assert difference(new, new) == ((), ())
