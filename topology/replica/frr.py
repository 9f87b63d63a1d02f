"""FRR's configuration and command lines, as pure functions of frozen data: nothing here runs anything.

Three daemons per PoP: zebra (the kernel's routes), bfdd (is the neighbour there?), ospfd (RFC 2328).
Each PoP's set lives in the PoP's network namespace; FRR's *pathspace* keeps their sockets apart.
``topology.replica.routers`` runs it. Commands: docs.frrouting.org, user guide of FRR 8.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from topology import addressing
from topology.forwarding import PLUMBING_OWNER
from topology.igp import Igp, cost
from topology.model import Topology

FOLDER = Path("/usr/lib/frr")
"""Where Debian and Ubuntu put the daemons."""
DAEMONS = ("zebra", "bfdd", "ospfd")
"""In the order of their start."""
RUN_FOLDER = Path("/var/run/frr")
SCRATCH_FOLDER = Path("/var/tmp/frr")
"""Compiled into FRR; both are on a tmpfs of the sandbox."""
ACCOUNTS = {"passwd": "frr:x:0:0:FRR in a sandbox:/:/usr/sbin/nologin", "group": "frr:x:0:\nfrrvty:x:0:frr"}
"""File of /etc → lines for it: FRR wants to become user frr, and a user namespace may know one id only."""
_PROFILE = "backbone"
_PRIORITY = 300
_OSPF, _BFD_PORT = 89, 3784
_ZEBRA_ROUTES_OSPF = 188
"""RTPROT_OSPF of linux/rtnetlink.h."""


def configuration(topology: Topology, pop: str, igp: Igp) -> dict[str, str]:
    """Daemon → its configuration file."""
    return {"zebra": _zebra(topology, pop), "bfdd": _bfd(igp), "ospfd": _ospf(topology, pop, igp)}


def _zebra(topology: Topology, pop: str) -> str:
    """Addresses: given here, they come back with interfaces that vanish and return with their switch."""
    lines = ["no ip forwarding", "interface lo", f" ip address {addressing.router_id(topology.pop(pop).index)}/32"]
    for port, link in topology.ports(pop).items():
        here = addressing.transit_ips(link.index)[pop != link.a]
        lines += [f"interface {addressing.router_interface(pop, port)}", f" ip address {here}/31", " no shutdown"]
    return "\n".join([*lines, ""])


def _bfd(igp: Igp) -> str:
    return "\n".join(
        (
            "bfd",
            f" profile {_PROFILE}",
            f"  detect-multiplier {igp.bfd_multiplier}",
            f"  receive-interval {igp.bfd_interval_ms}",
            f"  transmit-interval {igp.bfd_interval_ms}",
            "",
        )
    )


def _ospf(topology: Topology, pop: str, igp: Igp) -> str:
    lines = ["interface lo", " ip ospf area 0"]
    for port, link in topology.ports(pop).items():
        lines += [
            f"interface {addressing.router_interface(pop, port)}",
            " ip ospf area 0",
            " ip ospf network point-to-point",
            f" ip ospf cost {cost(link)}",
            f" ip ospf hello-interval {igp.hello_s}",
            f" ip ospf dead-interval {igp.dead_s}",
            " ip ospf retransmit-interval 1",
            " ip ospf mtu-ignore",
            " ip ospf bfd",
            f" ip ospf bfd profile {_PROFILE}",
        ]
    lines += [
        "router ospf",
        f" ospf router-id {addressing.router_id(topology.pop(pop).index)}",
        f" timers throttle spf {igp.spf_delay_ms} {igp.spf_hold_ms} {igp.spf_max_ms}",
        f" timers throttle lsa all {igp.lsa_interval_ms}",
        f" timers lsa min-arrival {igp.lsa_interval_ms}",
        " maximum-paths 1",
        "",
    ]
    return "\n".join(lines)


def daemon(name: str, pop: str, home: Path) -> list[str]:
    """Run in the foreground, with its configuration and its log in ``home``."""
    return [
        str(FOLDER / name),
        *("-N", pop, "-f", str(home / f"{name}.conf")),
        *("-i", str(home / f"{name}.pid")),
        *("--log", f"file:{home / f'{name}.log'}", "-A", "127.0.0.1", "-P", "0"),
    ]


def interface_lines(topology: Topology, pop: str) -> list[str]:
    """``ip -batch`` lines for a PoP's namespace: the switch's own ports answer no ARP.

    The kernel hears what they receive too, and would answer for every address of the namespace.
    """
    return [f"link set {addressing.port_interface(pop, port)} arp off" for port in topology.ports(pop)]


def plumbing_flows(topology: Topology, pop: str) -> Iterator[str]:
    """As ``ovs-ofctl add-flows`` reads them: a daemon's packets, between its interfaces and the links."""
    head = f"table=0,priority={_PRIORITY},cookie={PLUMBING_OWNER << 48:#x}"
    for port in topology.ports(pop):
        router = addressing.router_port(port)
        yield f"{head},in_port={router},actions=output:{port}"
        yield f"{head},in_port={port},ip,nw_proto={_OSPF},actions=output:{router}"
        yield f"{head},in_port={port},arp,actions=output:{router}"
        yield f"{head},in_port={port},udp,tp_dst={_BFD_PORT},actions=output:{router}"


def routes_command() -> list[str]:
    """What OSPF has put into the kernel of the namespace, as JSON."""
    return ["ip", "-json", "-4", "route", "show", "proto", str(_ZEBRA_ROUTES_OSPF)]
