"""Probes, bulk flows and path traces over real packets: h-a — a — b — h-b, in namespaces of their own.

The PoPs are Linux bridges here: what switches do with labels is other tests' affair.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from topology.addressing import HOST_NETWORK_BITS, host_ip, host_mac
from topology.errors import LabError
from topology.model import Link, Pop, Topology
from topology.replica.preflight import probe
from traffic.bulk import Bulk, BulkFlow
from traffic.capture import MAGIC, PAYLOAD_BYTES, TAIL, frames, network_of, open_tap
from traffic.pathtrace import Hop, PathTrace, Tracer
from traffic.probes import ProbePlan, Prober
from traffic.samples import read

PAIRS = (("a", "b"), ("b", "a"))
NODES = ("h-a", "a", "b", "h-b")
TOPOLOGY = Topology(
    "pair",
    tuple(Pop(index, name, name, "here", 0, 0, 1) for index, name in enumerate("ab")),
    (Link(0, "a", "b", 1e7, 1, 1.0),),
    "a",
)


def run(command: str) -> None:
    subprocess.run(command, shell=True, check=True, capture_output=True, text=True, timeout=20)


def now_ns() -> int:
    return time.time_ns()


def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for a condition, looking every 10 ms."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        select.select([], [], [], 0.01)


def until_clock(at_ns: int) -> None:
    until(lambda: now_ns() >= at_ns, 20)


@dataclass(frozen=True)
class Wire:
    """The four namespaces, by the processes that hold them."""

    pids: dict[str, int]

    @property
    def hosts(self) -> dict[str, int]:
        return {pop: self.pids[f"h-{pop}"] for pop in "ab"}

    @property
    def pops(self) -> dict[str, int]:
        return {pop: self.pids[pop] for pop in "ab"}

    def within(self, node: str, command: str) -> None:
        run(f"nsenter -t {self.pids[node]} -n {command}")

    def join(self, a: str, interface_a: str, b: str, interface_b: str) -> None:
        self.within(a, f"ip link add {interface_a} type veth peer name {interface_b} netns {self.pids[b]}")
        self.within(a, f"ip link set {interface_a} up")
        self.within(b, f"ip link set {interface_b} up")

    def cut(self) -> None:
        self.within("a", "ip link set a-eth2 down")

    def heal(self) -> None:
        self.within("a", "ip link set a-eth2 up")

    def build(self) -> None:
        self.join("h-a", "eth0", "a", "a-eth1")
        self.join("a", "a-eth2", "b", "b-eth2")
        self.join("b", "b-eth1", "h-b", "eth0")
        for pop in "ab":
            self.within(pop, "ip link add bridge0 type bridge")
            self.within(pop, "ip link set bridge0 up")
            for port in (1, 2):
                self.within(pop, f"ip link set {pop}-eth{port} master bridge0")
        for index, other in ((0, 1), (1, 0)):
            host = f"h-{'ab'[index]}"
            self.within(host, f"ip link set eth0 address {host_mac(index)}")
            self.within(host, f"ip address add {host_ip(index)}/{HOST_NETWORK_BITS} dev eth0")
            self.within(host, f"ip neighbour replace {host_ip(other)} lladdr {host_mac(other)} dev eth0")


def _may_make_namespaces() -> str:
    """Empty, or the reason why not."""
    tried = subprocess.run(["unshare", "-n", "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip()


@pytest.fixture(scope="module")
def namespaces() -> Iterator[Wire]:
    if reason := _may_make_namespaces():
        pytest.skip(f"no network namespaces here: {reason} (as root, or within: unshare --user --map-root-user --net)")
    holders = {node: subprocess.Popen(["unshare", "-n", "sleep", "300"]) for node in NODES}
    try:
        ours = Path("/proc/self/ns/net").readlink()
        until(lambda: all(Path(f"/proc/{held.pid}/ns/net").readlink() != ours for held in holders.values()))
        wire = Wire({node: held.pid for node, held in holders.items()})
        wire.build()
        yield wire
    finally:
        for held in holders.values():
            held.kill()
            held.wait()


@pytest.fixture(scope="module")
def iperf3() -> None:
    (ability,) = (each for each in probe().abilities if each.name == "iperf3")
    if not ability.ok:
        pytest.skip(f"{ability.detail}. {ability.remedy}")


@pytest.fixture
def wire(namespaces: Wire) -> Iterator[Wire]:
    """Whole at the beginning and at the end."""
    namespaces.heal()
    yield namespaces
    namespaces.heal()


@pytest.fixture
def prober(wire: Wire, tmp_path: Path) -> Iterator[Callable[[ProbePlan], Prober]]:
    made: list[Prober] = []

    def make(plan: ProbePlan) -> Prober:
        made.append(Prober(TOPOLOGY, plan, wire.hosts, tmp_path / "probes.bin"))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def test_probes_are_lost_while_the_link_is_cut_and_only_then(
    wire: Wire, prober: Callable[[ProbePlan], Prober], tmp_path: Path
) -> None:
    plan = ProbePlan(PAIRS, 0.02, (PAIRS[0],), 0.002, duration_s=60)
    probing = prober(plan)
    probing.open()
    zero_ns = now_ns() + 20_000_000
    probing.start(zero_ns)
    assert probing.wait_until_heard(5) == 0
    assert probing.pairs_down() == 0
    cut_s = (now_ns() - zero_ns) / 1e9
    wire.cut()
    until(lambda: probing.pairs_down() == 2)
    wire.heal()
    healed_s = (now_ns() - zero_ns) / 1e9
    until(lambda: probing.pairs_down() == 0)
    probing.stop()
    samples = read(tmp_path / "probes.bin", plan)
    lost = np.isnan(samples.recv_s) & ~np.isnan(samples.sent_s)
    assert samples.complete
    assert samples.dropped == 0
    for pair in range(3):
        gone = samples.due_s[lost & (samples.pair == pair)]
        assert cut_s - 0.02 <= gone.min()
        assert gone.max() <= healed_s + 0.02
        assert gone.max() - gone.min() > 0.2
    delay = samples.recv_s - samples.sent_s
    assert 0 < np.nanmedian(delay) < 0.01


def test_a_prober_that_slept_has_unsent_probes_and_no_lost_ones(
    prober: Callable[[ProbePlan], Prober], tmp_path: Path
) -> None:
    plan = ProbePlan(PAIRS, 0.02, duration_s=60)
    probing = prober(plan)
    probing.open()
    probing.start(now_ns() + 20_000_000)
    probing.wait_until_heard(5)
    os.kill(probing.pid, signal.SIGSTOP)
    until_clock(now_ns() + 300_000_000)
    os.kill(probing.pid, signal.SIGCONT)
    until_clock(now_ns() + 300_000_000)
    probing.stop()
    samples = read(tmp_path / "probes.bin")
    unsent = np.isnan(samples.sent_s)
    assert unsent.sum() >= 2 * (0.3 - 2 * 0.02) / 0.02 - 2
    assert not np.isnan(samples.recv_s[~unsent]).any()


def test_what_a_killed_prober_had_measured_is_kept(prober: Callable[[ProbePlan], Prober], tmp_path: Path) -> None:
    probing = prober(ProbePlan(PAIRS, 0.02, duration_s=60))
    probing.start(now_ns())
    out = tmp_path / "probes.bin"
    until(lambda: out.exists() and out.stat().st_size > 16 * 400)
    os.kill(probing.pid, signal.SIGKILL)
    with pytest.raises(LabError, match="prober ended with -9"):
        until(lambda: probing.pairs_down() < 0)
    samples = read(out)
    assert not samples.complete
    assert np.isfinite(samples.recv_s).sum() > 50


def test_a_prober_that_cannot_write_says_so(wire: Wire, tmp_path: Path) -> None:
    probing = Prober(TOPOLOGY, ProbePlan(PAIRS, 0.02, duration_s=1), wire.hosts, tmp_path / "nowhere" / "probes.bin")
    probing.start(now_ns())
    with pytest.raises(LabError, match="nowhere"):
        probing.wait_until_heard(5)


def test_a_host_that_is_gone_is_an_error_at_once(wire: Wire, tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    probing = Prober(TOPOLOGY, ProbePlan(PAIRS, 0.02), {**wire.hosts, "b": gone.pid}, tmp_path / "probes.bin")
    with pytest.raises(LabError, match=f"/proc/{gone.pid}/ns/net"):
        probing.open()


@pytest.mark.usefixtures("iperf3")
def test_bulk_counts_what_arrives_even_when_it_ends_in_the_dark(wire: Wire, tmp_path: Path) -> None:
    flows = [BulkFlow("a", "b", 2e5), BulkFlow("b", "a", 1e5)]
    bulk = Bulk(TOPOLOGY, flows, wire.hosts, 4.0, tmp_path / "bulk.jsonl")
    bulk.open()
    zero_ns = now_ns()
    bulk.start(zero_ns)
    until_clock(zero_ns + 2_500_000_000)
    wire.cut()
    until_clock(zero_ns + 4_000_000_000)
    began = time.monotonic()
    results = bulk.stop()
    assert time.monotonic() - began < 3
    for result, flow in zip(results, flows, strict=True):
        assert result.flow == flow
        assert result.delivered_between(1.0, 2.0) == pytest.approx(flow.rate_bps, rel=0.1)
        assert result.delivered_between(3.2, 4.0) == 0
        assert 0.4 < result.delivered_bps / flow.rate_bps < 0.8


@pytest.mark.usefixtures("iperf3")
def test_a_flow_that_never_gets_through_ends_with_the_run(wire: Wire, tmp_path: Path) -> None:
    wire.cut()
    bulk = Bulk(TOPOLOGY, [BulkFlow("a", "b", 1e5)], wire.hosts, 4.5, tmp_path / "bulk.jsonl")
    bulk.open()
    zero_ns = now_ns()
    bulk.start(zero_ns)
    until_clock(zero_ns + 4_000_000_000)
    (result,) = bulk.stop()
    assert (result.delivered_bps, result.intervals) == (0, ())
    assert "unable to connect" in result.error


def test_no_flows_need_no_process(wire: Wire, tmp_path: Path) -> None:
    bulk = Bulk(TOPOLOGY, [], wire.hosts, 1.0, tmp_path / "bulk.jsonl")
    bulk.start(now_ns())
    assert bulk.stop() == ()


@pytest.fixture
def tracer(wire: Wire) -> Iterator[Tracer]:
    tracing = Tracer(TOPOLOGY, wire.pops, wire.hosts)
    tracing.open()
    yield tracing
    tracing.stop()


def test_a_trace_tells_every_port_on_the_way(wire: Wire, tracer: Tracer, tmp_path: Path) -> None:
    there = PathTrace(("a", "b"), (Hop("a", 2, ()), Hop("b", 1, ())), True)
    back = PathTrace(("b", "a"), (Hop("b", 2, ()), Hop("a", 1, ())), True)
    assert tracer.trace(PAIRS) == (there, back)
    assert tracer.trace(PAIRS[1:], pcap=tmp_path / "trace.pcap") == (back,)
    assert (tmp_path / "trace.pcap").stat().st_size > 4 * PAYLOAD_BYTES
    wire.within("b", "ip link set b-eth1 down")
    try:
        (lost,) = tracer.trace(PAIRS[:1], deadline_s=0.2)
    finally:
        wire.within("b", "ip link set b-eth1 up")
    assert (lost.hops[:1], lost.delivered) == (there.hops[:1], False)


def test_the_filter_finds_traced_packets_under_any_stack_and_nothing_else(wire: Wire) -> None:
    ethernet = bytes(12)
    traced = bytes(28 + PAYLOAD_BYTES - TAIL.size) + TAIL.pack(1, 2, MAGIC)
    stacks = [b"".join((16000 + i << 12 | 64).to_bytes(4, "big") for i in range(depth)) for depth in range(4)]
    wanted = [ethernet + b"\x88\x47" + stack + traced for stack in stacks]
    others = [
        ethernet + b"\x88\x47" + traced[:-1] + b"\0",
        ethernet + b"\x88\x47" + bytes(40) + traced,
        ethernet + b"\x88\x47" + traced[40:],
        ethernet + b"\x88\x47" + bytes(50),
    ]
    with open_tap(wire.pids["b"]) as tap:
        with network_of(wire.pids["a"]):
            sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with sender:
            sender.bind(("a-eth2", 0))
            for frame in [*others, *wanted]:
                sender.send(frame)
        seen: list[bytes] = []
        until(lambda: seen.extend(f.raw for f in frames(tap) if f.interface == "b-eth2") or len(seen) >= len(wanted))
    assert seen == wanted
