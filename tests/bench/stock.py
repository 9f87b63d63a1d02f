"""The same topology as a Mininet user has it: stock nodes, stock links, one Open vSwitch for all, stock Ryu.

Generous to it: its Open vSwitch runs before the clock starts, MAC addresses and neighbour tables
are set (Mininet's own options), and Mininet's tuning of the whole machine's limits is left out. The controller is
``ryu.app.simple_switch_stp_13``: without a spanning tree a learning switch melts in a ring.
"""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.holding import Facts

from controller.process import ControllerProcess
from topology import addressing
from topology.errors import LabError
from topology.load import load
from topology.model import Topology
from topology.replica import ovs
from topology.replica.inside import RUNDIR, Inside
from topology.replica.machine import Machine
from topology.replica.vswitch import wait_for

SWITCH = Path("/var/run/openvswitch")
"""Where all of Open vSwitch's tools look when nobody says otherwise; /run is the sandbox's own."""
DEADLINE_S = 180.0
ROUND_S = 1


def kinds(machine: Machine) -> list[str]:
    """``veth`` everywhere; ``TCLink``, which has delays and rates, where the kernel has netem."""
    return ["veth", "TCLink"] if machine.has("netem") else ["veth"]


def live(inside: Inside, machine: Machine, kind: str, name: str) -> tuple[Facts, Callable[[], object]]:
    """In the sandbox: start it, wait for every pair, stop it."""
    del inside
    _open_vswitch()
    begun = time.monotonic()
    ryu = ControllerProcess([sys.executable, str(Path(__file__).with_name("stock_ryu.py"))])
    ryu.start()
    listening = time.monotonic()
    net = _network(load(name), machine.datapath, kind)
    net.start()
    started = time.monotonic()
    _until_all_answer(net)
    ready = time.monotonic()
    net.stop()
    stopped = time.monotonic()
    ryu.kill()
    steps = {"Ryu": listening - begun, "net": started - listening, "STP and learning": ready - started}
    rounded = {step: round(took_s, 1) for step, took_s in steps.items()}
    return {"ready_s": ready - begun, "stop_s": stopped - ready, "steps": rounded}, lambda: None


def _open_vswitch() -> None:
    """One for all, at its default place, as the distribution starts it."""
    SWITCH.mkdir(parents=True)
    database, remote = RUNDIR / "stock.db", f"unix:{SWITCH}/db.sock"
    subprocess.run(ovs.create_database(database), check=True)
    _daemon("ovsdb-server", str(database), f"--remote=p{remote}")
    wait_for((SWITCH / "db.sock").exists, 10, "ovsdb-server")
    subprocess.run(["ovs-vsctl", "--no-wait", "init"], check=True)
    _daemon("ovs-vswitchd", remote)
    subprocess.run(["ovs-vsctl", "--timeout=10", "show"], check=True, stdout=subprocess.DEVNULL)


def _daemon(name: str, *arguments: str) -> None:
    options = ["--pidfile", "--no-chdir", f"--log-file={RUNDIR / name}.log", "-vconsole:off", "-vsyslog:off"]
    nothing = subprocess.DEVNULL
    subprocess.Popen([name, *arguments, *options], stdin=nothing, stdout=nothing, stderr=nothing)


def _network(topology: Topology, datapath: str, kind: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Mininet 2.3.0 imports distutils
        from mininet.link import Link, TCLink
        from mininet.log import setLogLevel
        from mininet.net import Mininet
        from mininet.node import OVSSwitch, RemoteController
    setLogLevel("critical")
    Mininet.inited = True
    link = TCLink if kind == "TCLink" else Link
    net = Mininet(
        controller=None, switch=OVSSwitch, link=link, ipBase="10.0.0.0/8", autoSetMacs=True, autoStaticArp=True
    )
    net.addController("c0", controller=RemoteController, ip="127.0.0.1", port=addressing.OPENFLOW_PORT)
    for pop in topology.pops:
        host = net.addHost(f"h{pop.index + 1}")
        switch = net.addSwitch(f"s{pop.index + 1}", datapath=datapath, protocols="OpenFlow13")
        net.addLink(host, switch, cls=Link)
    for backbone in topology.links:
        a, b = (net[f"s{topology.pop(end).index + 1}"] for end in backbone.ends)
        shape = {"delay": f"{backbone.delay_ms:.3f}ms", "bw": backbone.capacity_bps / 1e6}
        net.addLink(a, b, **(shape if kind == "TCLink" else {}))
    return net


def _until_all_answer(net: Any) -> None:
    """As ``pingall`` asks, but side by side, and each pair until it has answered once.

    A ping there and back proves both directions. While the spanning tree forms, a ring of pairs
    is asked: the rest would only load the machine.
    """
    deadline = time.monotonic() + DEADLINE_S
    hosts = net.hosts
    for pairs in (zip(hosts, [*hosts[1:], hosts[0]], strict=True), _unordered(hosts)):
        pending = list(pairs)
        while pending := _silent(pending):
            if time.monotonic() > deadline:
                raise LabError(f"stock Mininet: {len(pending)} pairs do not answer within {DEADLINE_S:g} s")


def _unordered(hosts: list[Any]) -> Iterable[tuple[Any, Any]]:
    return ((a, b) for number, a in enumerate(hosts) for b in hosts[number + 1 :])


def _silent(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Those that do not answer within ``ROUND_S``."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    asked = [(pair, pair[0].popen(["ping", "-c1", f"-W{ROUND_S}", pair[1].IP()], **quiet)) for pair in pairs]
    return [pair for pair, ping in asked if ping.wait() != 0]
