"""The pure half of a path trace: the packet, its labels, the order of its hops, the pcap."""

from __future__ import annotations

from pathlib import Path

import pytest
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap

from topology.model import Link, Pop, Topology
from traffic.capture import BARE_BYTES, Frame
from traffic.pathtrace import Hop, PathTrace
from traffic.tracer import build, hops, labels, write_pcap

PORTS: dict[str, list[object]] = {"a-eth2": ["a", 2], "b-eth1": ["b", 1]}


def frame(*stack: int, trace: int = 7, pair: int = 3) -> bytes:
    head = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x8847 if stack else 0x0800)
    for depth, label in enumerate(stack, start=1):
        head = head / MPLS(label=label, s=int(depth == len(stack)), ttl=64)
    return bytes(head) + build("10.0.0.10", "10.0.1.10", trace, pair)


@pytest.mark.parametrize("stack", [(), (16001,), (40002, 16001), (40002, 24003, 16001)])
def test_a_stack_is_read_top_first_and_the_packet_is_known_under_it(stack: tuple[int, ...]) -> None:
    raw = frame(*stack)
    assert len(raw) == BARE_BYTES + 4 * len(stack)
    assert labels(raw) == stack
    assert Frame(0, "a-eth2", True, raw).ids == (7, 3)


def test_hops_are_what_left_by_known_ports_in_the_order_of_the_stamps() -> None:
    seen = [
        Frame(30, "b-eth1", True, frame()),
        Frame(20, "b-eth2", False, frame(16001)),
        Frame(10, "a-eth2", True, frame(16001)),
        Frame(5, "a-eth1", False, frame()),
        Frame(15, "ovs-netdev", True, frame(16001)),
    ]
    assert hops(seen, PORTS) == [("a", 2, (16001,)), ("b", 1, ())]


def test_a_pcap_holds_the_frames_with_their_stamps(tmp_path: Path) -> None:
    path = tmp_path / "trace.pcap"
    write_pcap(str(path), [Frame(2_000_000_001, "b", True, frame()), Frame(1_500_000_000, "a", True, frame(16001))])
    first, second = rdpcap(str(path))
    assert first[MPLS].label == 16001
    assert second[IP].dst == "10.0.1.10"
    assert (float(first.time), second.time % 1 * 10**9) == (1.5, 1)


def test_an_empty_pcap_is_a_pcap(tmp_path: Path) -> None:
    write_pcap(str(tmp_path / "empty.pcap"), [])
    assert len(rdpcap(str(tmp_path / "empty.pcap"))) == 0


def test_links_of_a_path() -> None:
    pops = tuple(Pop(i, name, name, "here", 0, 0, 1) for i, name in enumerate("ab"))
    network = Topology("pair", pops, (Link(0, "a", "b", 1e6, 1, 1),), "a")
    path = PathTrace(("a", "b"), (Hop("a", 2, (16001,)), Hop("b", 1, ())), True)
    assert path.links(network) == ("a-b",)
