"""What ``test_controller`` runs inside namespaces of its own; its findings go to stdout as JSON.

    python controller_scenario.py lab --framework ryu      Open vSwitch, the controller, the scenario
    python controller_scenario.py brain --framework ryu    the controller process with a toy brain

One bridge (``a``, ports 2 and 3) in the userspace datapath. The toy brain programs an empty
switch with every kind of rule that we have, and only reports what it reads back from another.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controller import app, runtime
from controller.messages import AddFlow, AddGroup, Command, DeleteFlow, Event, Mod, ModifyGroup, Note, Program, SwitchUp
from controller.process import ControllerProcess
from topology import forwarding as fw
from topology.model import Link, Pop, Topology

PORT = 6653
SERIES = 1500
"""Enough flows and groups for replies in several parts (64 kB each)."""

TOPOLOGY = Topology(
    "pair",
    tuple(Pop(index, name, name, "here", 0, 0, 1) for index, name in enumerate("ab")),
    (Link(0, "a", "b", 1e7, 1, 1.0),),
    "a",
)
FIRST = fw.GroupRule(1, "ff", (fw.Bucket((fw.Push(40001), fw.Output(3)), watch_port=3),))
GROUPS = (
    fw.GroupRule(
        1,
        "ff",
        (
            fw.Bucket((fw.Output(2),), watch_port=2),
            fw.Bucket((fw.Push(40001), fw.Output(3)), watch_port=3),
        ),
    ),
    fw.GroupRule(2, "indirect", (fw.Bucket((fw.Pop(fw.ETH_MPLS), fw.Resubmit(10))),)),
    fw.GroupRule(3, "indirect", (fw.Bucket((fw.Swap(40002), fw.DecTtl(), fw.ToGroup(1))),)),
    fw.GroupRule(4, "indirect", (fw.Bucket((fw.ForgetInPort(), fw.Output(2))),)),
    *(
        fw.GroupRule(100 + number, "ff", (fw.Bucket((fw.Push(40000 + number), fw.Output(2)), watch_port=2),))
        for number in range(SERIES)
    ),
)
MPLS = fw.ETH_MPLS
RULES = tuple(
    rule.signed()
    for rule in (
        fw.FlowRule(0, 10, fw.Match(eth_type=MPLS), (fw.ForgetInPort(),), goto=10),
        fw.FlowRule(0, 9, fw.Match(in_port=1, eth_type=fw.ETH_IPV4), goto=20, hard_timeout_s=600),
        fw.FlowRule(10, 5, fw.Match(eth_type=MPLS, mpls_label=16001), (fw.DecTtl(), fw.ToGroup(1))),
        fw.FlowRule(10, 5, fw.Match(eth_type=MPLS, mpls_label=24002, mpls_bos=0), (fw.Pop(MPLS), fw.Output(2))),
        fw.FlowRule(10, 5, fw.Match(eth_type=MPLS, mpls_label=24002, mpls_bos=1), (fw.Pop(fw.ETH_IPV4), fw.Output(2))),
        fw.FlowRule(10, 5, fw.Match(eth_type=MPLS, mpls_label=40003, mpls_bos=0), (fw.Pop(MPLS), fw.Resubmit(10))),
        fw.FlowRule(20, 7, fw.Match(eth_type=fw.ETH_IPV4, ipv4_dst="10.0.1.0/24"), (fw.Push(16001), fw.ToGroup(1))),
        *(
            fw.FlowRule(10, 5, fw.Match(eth_type=MPLS, mpls_label=17000 + number), (fw.Swap(3), fw.ToGroup(1)))
            for number in range(SERIES)
        ),
    )
)
REFUSED = ModifyGroup(fw.GroupRule(9999, "indirect", (fw.Bucket((fw.Output(2),)),)))
DELETED = fw.FlowRule(10, 1, fw.Match(eth_type=MPLS, mpls_label=8), (fw.Output(2),)).signed()


# ------------------------------------------------------------------ the controller with a toy brain


class ToyBrain:
    """Everything to an empty switch, nothing to any other."""

    def handle(self, event: Event, now: float) -> Sequence[Command]:  # noqa: ARG002
        if not isinstance(event, SwitchUp):
            return []
        if not event.cookies:
            return [Program(event.pop, self._everything(), 1)]
        expected = {rule.cookie for rule in RULES}
        same = {
            "cookies": event.cookies == expected,
            "groups": sorted(event.groups, key=lambda g: g.id) == list(GROUPS),
        }
        return [Note("read_back", same)]

    def _everything(self) -> tuple[Mod, ...]:
        groups = [AddGroup(FIRST), *(AddGroup(group) for group in GROUPS[1:]), ModifyGroup(GROUPS[0])]
        flows = [AddFlow(DELETED), *(AddFlow(rule) for rule in RULES), DeleteFlow(DELETED.cookie)]
        return (*groups, REFUSED, *flows)


def brain(framework: str) -> None:
    app.run(runtime.load(framework), TOPOLOGY, ToyBrain(), PORT)


# ------------------------------------------------------------------ the scenario


def run(*words: str | Path) -> str:
    return subprocess.run([*map(str, words)], check=True, capture_output=True, text=True).stdout


def wait_for(condition: Callable[[], Any], what: str, deadline_s: float = 20.0) -> Any:
    ends_s = time.monotonic() + deadline_s
    while not (found := condition()):
        if time.monotonic() > ends_s:
            raise TimeoutError(what)
        time.sleep(0.01)
    return found


@contextmanager
def open_vswitch(rundir: Path) -> Iterator[None]:
    """ovsdb-server and ovs-vswitchd with one bridge; both die with the namespace."""
    run("ip", "link", "set", "lo", "up")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    rundir.mkdir(parents=True)
    database, socket = rundir / "conf.db", rundir / "db.sock"
    run("ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema")
    server = subprocess.Popen(["ovsdb-server", f"--remote=punix:{socket}", database], stderr=subprocess.DEVNULL)
    wait_for(socket.exists, "ovsdb-server")
    run("ovs-vsctl", "--no-wait", "init")
    switch = subprocess.Popen(["ovs-vswitchd", f"unix:{socket}"], stderr=subprocess.DEVNULL)
    bridge = ["add-br", "a", "--", "set", "bridge", "a", "datapath_type=netdev", "protocols=OpenFlow13"]
    identity = ["other-config:datapath-id=0000000000000001", "fail_mode=secure"]
    ports = [word for n in (2, 3) for word in ("--", "add-port", "a", f"p{n}", "--", "set", "interface", f"p{n}",
                                               "type=internal", f"ofport_request={n}")]  # fmt: skip
    run("ovs-vsctl", *bridge, *identity, *ports)
    for port in ("p2", "p3"):
        run("ip", "link", "set", port, "up")
    yield
    for daemon in (switch, server):
        daemon.kill()
        daemon.wait()


class Lines(list[Mapping[str, Any]]):
    """The controller's log."""

    def of(self, what: str, **data: Any) -> list[Mapping[str, Any]]:
        return [line for line in list(self) if line["what"] == what and data.items() <= line.items()]


def is_connected() -> bool:
    """From the kernel: the switch's end of an established connection. (OVSDB's own column lags by seconds.)"""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[2].endswith(f":{PORT:04X}") and row[3] == "01" for row in rows)


def lab(framework: str, hang: bool) -> dict[str, Any]:
    with open_vswitch(Path("/run/openvswitch")):
        lines = Lines()
        command = [sys.executable, __file__, "brain", "--framework", framework]
        controller = ControllerProcess(command, port=PORT, on_line=lines.append)
        controller.start()
        run("ovs-vsctl", "set-controller", "a", f"tcp:127.0.0.1:{PORT}")
        try:
            found = elsewhere(command) | {**programmed(lines), **ports(lines), **returned(controller, lines)}
            found |= hung(controller, lines) if hang else {}
        except TimeoutError as error:
            raise TimeoutError(f"{error}; the controller's last lines: {lines[-20:]}") from None
        finally:
            controller.kill()
        return {**found, "ready": lines.of("ready")[0], "state": controller.state(), "stderr": lines.of("stderr")}


def elsewhere(command: Sequence[str]) -> dict[str, bool]:
    """Started in the network namespace of another process, it listens there and not here."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    own = Path("/proc/self/ns/net").readlink()
    wait_for(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != own, "a network namespace")
    controller = ControllerProcess(command, namespace_pid=holder.pid, port=PORT)
    controller.start()
    inode = Path(f"/proc/{controller.pid}/ns/net").readlink()
    there, here = inode == Path(f"/proc/{holder.pid}/ns/net").readlink(), own == Path("/proc/self/ns/net").readlink()
    controller.kill()
    holder.kill()
    holder.wait()
    return {"there": there, "we_stayed": here}


def programmed(lines: Lines) -> dict[str, Any]:
    applied = wait_for(lambda: lines.of("applied"), "barrier reply")[0]
    flows = dump("flows", "cookie=0xfa57000000000000/0xffff000000000000")
    groups = dump("groups")
    return {
        "applied": applied,
        "errors": lines.of("error"),
        "up": lines.of("up")[0],
        "flow_count": len(flows),
        "group_count": len(groups),
        "flows": [flow for flow in flows if "set_field:3->" not in flow],
        "groups": [group for group in groups if int(group.split(",")[0].split("=")[1]) < 100],
    }


def dump(what: str, *matching: str) -> list[str]:
    """Open vSwitch's own words, without the counters and cookies."""
    text = run("ovs-ofctl", "-O", "OpenFlow13", "--no-stats", f"dump-{what}", "a", *matching)
    return sorted(
        re.sub(r"cookie=\S+ ", "", line.strip()) for line in text.splitlines() if not line.startswith("OFPST")
    )


def ports(lines: Lines) -> dict[str, Any]:
    """Carrier and BFD: what becomes of a port is told with the right cause, and told again when it is back."""
    run("ip", "link", "set", "p2", "down")
    wait_for(lambda: lines.of("port", port=2, live=False, carrier=False), "carrier lost")
    run("ip", "link", "set", "p2", "up")
    wait_for(lambda: lines.of("port", port=2, live=True, carrier=True), "carrier back")
    run("ovs-vsctl", "set", "interface", "p3", "bfd:enable=true", "bfd:min_tx=100", "bfd:min_rx=100")
    wait_for(lambda: lines.of("port", port=3, live=False, carrier=True), "BFD down")
    run("ovs-vsctl", "set", "interface", "p3", "bfd:enable=false")
    wait_for(lambda: lines.of("port", port=3, live=True, carrier=True), "BFD off")
    return {"ports": "told"}


def returned(controller: ControllerProcess, lines: Lines) -> dict[str, Any]:
    """A brain that was killed and comes back finds what it left."""
    controller.kill()
    gone = controller.state()
    wait_for(lambda: not is_connected(), "switch notices the kill")
    controller.start()
    read_back = wait_for(lambda: lines.of("read_back"), "reading back")[0]
    took_ms = (lines.of("up")[-1]["t_ns"] - lines.of("hello")[-1]["t_ns"]) / 1e6
    return {"gone": gone, "read_back": read_back, "up_again": lines.of("up")[-1], "reading_took_ms": took_ms}


def hung(controller: ControllerProcess, lines: Lines) -> dict[str, Any]:
    """A stopped process answers no echo: the inactivity probe finds out (5 s at least), a resumed one is taken back."""
    hellos = len(lines.of("hello"))
    controller.pause()
    began_s = time.monotonic()
    stopped = controller.state()
    wait_for(lambda: not is_connected(), "switch notices the hang", 30.0)
    noticed_s = time.monotonic() - began_s
    controller.resume()
    wait_for(lambda: len(lines.of("hello")) > hellos, "switch returns")
    wait_for(lambda: len(lines.of("read_back")) > 1, "reading back after the hang")
    return {"stopped": stopped, "hang_noticed_s": noticed_s, "downs": len(lines.of("down"))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["lab", "brain"])
    parser.add_argument("--framework", required=True)
    parser.add_argument("--hang", action="store_true", help="also stop the process until the switch notices")
    options = parser.parse_args()
    if options.part == "brain":
        brain(options.framework)
    else:
        sys.stdout.write(json.dumps(lab(options.framework, options.hang)))
