"""Three PoPs, running: what Mininet's user sees, what is read back, what the watcher hears.

One sandbox runs one scenario (``_scenario``, in a process of its own) and brings facts
home; every test looks at some of them.
"""

from __future__ import annotations

import pickle
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from topology import addressing, labels
from topology.errors import LabError, MachineError
from topology.forwarding import ETH_IPV4, ETH_MPLS, Bucket, FlowRule, GroupRule, Match, Output, Pop, Push, SwitchState
from topology.model import HOST_PORT, Link, Pair, Topology
from topology.model import Pop as PoP
from topology.replica.preflight import probe
from topology.replica.sandbox import Inside, Sandbox
from topology.replica.trace import Emitted

POPS = tuple(PoP(i, name, name, "EU", 50.0, 5.0, 1e6) for i, name in enumerate(("ams", "fra", "waw")))
PAIRS = (("ams", "fra", 4.0), ("fra", "waw", 8.0), ("waw", "ams", 12.0))
LINKS = tuple(Link(i, a, b, 1e7, 500, delay_ms) for i, (a, b, delay_ms) in enumerate(PAIRS))
TRIANGLE = Topology("triangle", POPS, LINKS, brain="ams")
BFD_MS = 150
"""Slow, so that a busy machine does not take a link down that nobody touched."""
BYPASS = 40001
COMMANDS = "nodes\nnet\ndump\nlinks\nams ovs-vsctl list-br\nh-ams ip -o addr\n"
FULL_PACKET = 1500 - 20 - 8
"""Bytes of UDP payload."""
TCP_BYTES = 200_000


@dataclass
class Facts:
    """What one run of the scenario saw."""

    transcript: str = ""
    snapshot: dict[str, SwitchState] = field(default_factory=dict)
    changes: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    live: dict[str, frozenset[int]] = field(default_factory=dict)
    one_way_ms: dict[Pair, float] = field(default_factory=dict)
    tcp_received: int = 0
    emitted: tuple[Emitted, ...] = ()
    hellos: list[bytes] = field(default_factory=list)
    connected: list[bool] = field(default_factory=list)
    own_namespace: bool = False
    cached: dict[str, str] = field(default_factory=dict)
    """The datapath's flows, of a switch just started and of one started again."""
    crashed: str = ""
    after_crash: SwitchState | None = None
    steps: dict[str, float] = field(default_factory=dict)


@pytest.fixture(scope="module", params=["user relay", "user netem", "kernel relay", "kernel netem"])
def facts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    datapath, links = request.param.split()
    folder = tmp_path_factory.mktemp("network")
    in_sandbox(datapath, links, lambda inside: _scenario(inside, folder, datapath, links))
    found: Facts = pickle.loads((folder / "facts").read_bytes())
    found.transcript = (folder / "output").read_text()
    return found


def in_sandbox(datapath: str, links: str, main: Callable[[Inside], None]) -> None:
    """Run it; skips where this machine cannot, fails with main's own error."""
    try:
        machine = probe().choose(datapath=datapath, links=links)
    except MachineError as error:
        pytest.skip(str(error))
    if lacking := machine.missing():
        pytest.skip("; ".join(f"{ability.detail}. {ability.remedy}" for ability in lacking))

    def run(inside: Inside) -> int:
        main(inside)
        return 0

    sandbox = Sandbox("test-network", run)
    try:
        sandbox.start()
        status = sandbox.wait(300)
    finally:
        sandbox.stop()
    if sandbox.failure is not None:
        pytest.fail(f"{sandbox.failure.message}\n{sandbox.failure.traceback}")
    assert status == 0


def until(condition: Callable[[], bool], what: str, deadline_s: float = 20) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {deadline_s} s")
        time.sleep(0.01)


def rules(pop: PoP) -> list[str]:
    """To the neighbour with two labels, as a node label under which lies another; from the neighbour: pop, deliver."""
    flows = [
        f"cookie=0xfa57{pop.index:012x},priority=10,mpls,mpls_label={labels.node(pop.index)},mpls_bos=0,"
        "actions=pop_mpls:0x8847,resubmit(,1)",
        f"table=1,priority=10,mpls,mpls_label={labels.node(pop.index)},mpls_bos=1,actions=pop_mpls:0x0800,output:1",
    ]
    for port, neighbour in TRIANGLE.neighbours(pop.name).items():
        index = TRIANGLE.pop(neighbour).index
        push = f"push_mpls:0x8847,set_field:{labels.node(index)}->mpls_label"
        flows.append(f"priority=10,ip,nw_dst={addressing.host_prefix(index)},actions={push},{push},group:{port}")
    return flows


def groups(pop: PoP) -> list[str]:
    a, b = TRIANGLE.ports(pop.name)
    repair = f"actions=push_mpls:0x8847,set_field:{BYPASS}->mpls_label,output"
    return [
        f"group_id={port},type=ff,bucket=watch_port:{port},actions=output:{port},bucket=watch_port:{way},{repair}:{way}"
        for port, way in ((a, b), (b, a))
    ]


def _scenario(inside: Inside, folder: Path, datapath: str, links: str) -> None:
    """In the sandbox."""
    sys.stdout = sys.stderr = (folder / "output").open("w")  # Mininet keeps what it finds when it is imported
    from topology.replica.links import wires
    from topology.replica.network import Console, Network
    from topology.replica.ovs import SwitchSettings

    facts, lines = Facts(), wires(links)
    settings = SwitchSettings(bfd_interval_ms=BFD_MS)
    network = Network(TRIANGLE, rundir=inside.rundir, datapath=datapath, wires=lines, settings=settings)
    network.start()
    facts.steps = network.steps
    for pop in POPS:
        for command, texts in (("add-group", groups(pop)), ("add-flow", rules(pop))):
            for text in texts:
                said = network.mininet[pop.name].cmd(f"ovs-ofctl -O OpenFlow13 {command} {pop.name} '{text}'")
                assert "ovs-ofctl:" not in said
    until(network.bfd_settled, "BFD")
    facts.snapshot = dict(network.snapshot())
    facts.emitted = network.trace_packet("ams", HOST_PORT, _frame("fra")).emitted
    namespaces = [Path(f"/proc/{pid}/ns/net").readlink() for pid in (network.pid("ams"), network.vswitchd_pid("ams"))]
    facts.own_namespace = namespaces[0] == namespaces[1] != Path("/proc/self/ns/net").readlink()
    script = folder / "commands"
    script.write_text(COMMANDS)
    with Path("/dev/null").open() as nothing:
        Console(network.mininet, stdin=nothing, script=str(script))
    sys.stdout.flush()
    for pair in TRIANGLE.pairs:
        facts.one_way_ms[pair] = _send_full_packet(network, *pair)
    facts.tcp_received = _send_stream(network, "ams", "waw")
    facts.cached["started"] = _cached(network, "ams")
    _break_the_link(network, facts)
    _listen(network, facts)
    fra = network.vswitch("fra")
    fra.crash()
    fra.begin_restart()
    until(fra.ready, "a switch that was started again")
    with socket_in(network, "h-fra") as sender:
        sender.sendto(b"?", (addressing.host_ip(TRIANGLE.pop("ams").index), 7777))
    facts.cached["started again"] = _cached(network, "fra")
    network.vswitch("waw").stop()
    facts.after_crash = network.snapshot()["waw"]
    try:
        network.set_backoff()
    except LabError as error:
        facts.crashed = str(error)
    network.stop()
    lines.close()
    (folder / "facts").write_bytes(pickle.dumps(facts))


def socket_in(network: Any, node: str) -> socket.socket:
    """For UDP, in a node's namespace."""
    from topology.replica.interfaces import inside

    with inside(network.pid(node)):
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _cached(network: Any, pop: str) -> str:
    """The flows of the switch's datapath that stand for IPv4 packets to hosts."""
    lines = network.mininet[pop].cmd("ovs-appctl dpctl/dump-flows -m").splitlines()
    return "\n".join(line for line in lines if "ipv4(src=10." in line)


def _send_full_packet(network: Any, a: str, b: str) -> float:
    """One-way delay in ms of a UDP packet that may not be fragmented."""
    with socket_in(network, f"h-{b}") as receiver, socket_in(network, f"h-{a}") as sender:
        receiver.bind(("", 7777))
        receiver.settimeout(5)
        sender.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
        begun = time.monotonic()
        sender.sendto(bytes(FULL_PACKET), (addressing.host_ip(TRIANGLE.pop(b).index), 7777))
        assert len(receiver.recv(2000)) == FULL_PACKET
        return 1e3 * (time.monotonic() - begun)


def _send_stream(network: Any, a: str, b: str) -> int:
    """Bytes that arrive by TCP: none, if checksums were left to a card that is not there."""
    from topology.replica.interfaces import inside

    with ExitStack() as stack:
        with inside(network.pid(f"h-{b}")):
            server = stack.enter_context(socket.create_server(("", 7778)))
        with inside(network.pid(f"h-{a}")):
            client = stack.enter_context(socket.socket())
        client.settimeout(10)
        client.connect((addressing.host_ip(TRIANGLE.pop(b).index), 7778))
        connection = stack.enter_context(server.accept()[0])
        connection.settimeout(10)
        threading.Thread(target=client.sendall, args=(bytes(TCP_BYTES),)).start()
        received = 0
        while received < TCP_BYTES:
            received += len(connection.recv(65536))
    return received


def _break_the_link(network: Any, facts: Facts) -> None:
    heard: list[tuple[Any, ...]] = []
    watcher = network.watch(lambda *change: heard.append(change))
    watcher.start()
    for fault in ("silence", "cut"):
        heard.clear()
        begun_ns = time.time_ns()
        getattr(network.links["ams-fra"], fault)()
        until(lambda: len(heard) == 2, f"both ends hear of the {fault}")
        facts.changes[fault] = [(*change[:4], (change[4] - begun_ns) / 1e6) for change in heard]
        facts.live[fault] = network.snapshot()["ams"].live_ports
        assert watcher.live_ports("ams") == facts.live[fault]
        network.links["ams-fra"].heal()
        until(lambda: len(heard) == 4, "both ends hear of the repair")
        until(network.bfd_settled, "BFD")
    facts.live["healed"] = network.snapshot()["ams"].live_ports
    watcher.stop()


def _listen(network: Any, facts: Facts) -> None:
    """A controller that only listens: what comes first from each switch?"""
    from topology.replica.interfaces import inside

    with ExitStack() as stack:
        with inside(network.pid("brain")):
            server = stack.enter_context(socket.create_server(("", addressing.OPENFLOW_PORT)))
        facts.connected.append(network.control_connected("fra"))
        network.connect_switches()
        server.settimeout(20)
        for _ in POPS:
            connection = stack.enter_context(server.accept()[0])
            facts.hellos.append(connection.recv(8)[:2])
        facts.connected.append(all(network.control_connected(pop.name) for pop in POPS))


def _frame(to: str) -> bytes:
    """A minimal IPv4 packet from the host at ams (RFC 791), with its checksum."""
    destination = bytes(map(int, addressing.host_ip(TRIANGLE.pop(to).index).split(".")))
    header = bytes.fromhex("4500001c00000000401100000a00000a") + destination
    total = sum(int.from_bytes(header[at : at + 2], "big") for at in range(0, 20, 2))
    checksum = (0xFFFF - (total % 0xFFFF)).to_bytes(2, "big")
    return bytes(12) + b"\x08\x00" + header[:10] + checksum + header[12:] + bytes(26)


def test_every_step_is_timed(facts: Facts) -> None:
    assert list(facts.steps) == ["nodes", "switches", "links", "addresses", "bridges"]


def test_the_command_line_is_as_users_of_mininet_know_it(facts: Facts) -> None:
    lines = [line.strip() for line in facts.transcript.splitlines()]
    assert "ams brain fra h-ams h-fra h-waw waw" in lines
    assert "h-ams h-ams-eth0:ams-eth1" in lines
    assert "ams ams-ctl:brain-eth0 ams-eth1:h-ams-eth0 ams-eth2:fra-eth2 ams-eth3:waw-eth3" in lines
    assert any(line.startswith("<PopSwitch fra: fra-ctl:172.16.0.6,") for line in lines)
    assert "ams-eth2<->fra-eth2 (OK OK)" in lines
    assert "ams" in lines  # list-br: its own Open vSwitch
    assert "inet 10.0.0.10/8" in facts.transcript
    assert "inet6 fe80" not in facts.transcript


def test_full_packets_fit_with_two_labels_between_all_hosts(facts: Facts) -> None:
    for link in LINKS:
        for pair in (link.ends, link.ends[::-1]):
            assert link.delay_ms < facts.one_way_ms[pair] < link.delay_ms + 200


def test_checksums_are_whole(facts: Facts) -> None:
    assert facts.tcp_received == TCP_BYTES


def test_what_was_written_is_read_back(facts: Facts) -> None:
    state = facts.snapshot["fra"]
    deliver = FlowRule(1, 10, Match(None, ETH_MPLS, None, labels.node(1), 1), (Pop(ETH_IPV4), Output(HOST_PORT)))
    assert deliver in state.flows
    assert len(state.flows) == 4
    assert {rule.cookie for rule in state.flows} == {0, 0xFA57 << 48 | 1}
    assert GroupRule(2, "ff", (Bucket((Output(2),), 2), Bucket((Push(BYPASS), Output(3)), 3))) in state.groups
    assert state.live_ports == {1, 2, 3}


def test_the_real_switch_says_what_it_would_do(facts: Facts) -> None:
    label = labels.node(1)
    assert facts.emitted == (Emitted(2, ((label, 64), (label, 64))),)


def test_the_switch_lives_in_its_pop(facts: Facts) -> None:
    assert facts.own_namespace


@pytest.mark.parametrize(("fault", "cause"), [("silence", "bfd"), ("cut", "carrier")])
def test_both_ends_are_heard_when_a_link_fails(facts: Facts, fault: str, cause: str) -> None:
    changes = facts.changes[fault]
    assert sorted(change[:4] for change in changes) == [("ams", 2, False, cause), ("fra", 2, False, cause)]
    assert all(0 < took_ms < 5000 for *_, took_ms in changes)
    assert facts.live[fault] == {1, 3}
    assert facts.live["healed"] == {1, 2, 3}


def test_switches_speak_openflow_13_to_the_brain(facts: Facts) -> None:
    assert facts.hellos == [b"\x04\x00"] * 3
    assert facts.connected == [False, True]


@pytest.mark.parametrize("when", ["started", "started again"])
def test_a_cached_flow_stands_for_one_header(facts: Facts, when: str) -> None:
    headers = re.findall(r"(?:ipv4|udp|tcp)\(([^)]*)\)", facts.cached[when])
    assert headers
    assert not [header for header in headers if "/" in header], "a mask: flows might overlap"


def test_a_switch_that_died_is_named(facts: Facts) -> None:
    assert "waw" in facts.crashed
    assert facts.after_crash == SwitchState(), "it has nothing to tell, and the others are read all the same"


def test_an_open_vswitch_that_does_not_come_up_says_why() -> None:
    def main(inside: Inside) -> None:
        from topology.replica.links import wires
        from topology.replica.network import Network
        from topology.replica.ovs import SwitchSettings

        (inside.rundir / "fra").mkdir()
        (inside.rundir / "fra" / "conf.db").write_text("no database\n")
        network = Network(
            TRIANGLE, rundir=inside.rundir, datapath="user", wires=wires("relay"), settings=SwitchSettings()
        )
        with pytest.raises(
            LabError, match=r"(?s)ovsdb-server of fra ended with status 1.*conf\.db.*unexpected file format"
        ):
            network.start()

    in_sandbox("user", "relay", main)
