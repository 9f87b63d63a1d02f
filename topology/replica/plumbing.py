"""Interfaces and addresses of the replica as ``ip -batch`` lines, pure; and the one place that runs them.

One batch per network namespace, because starting ``ip`` costs more than what it does.
Backbone and control links are made by ``topology.replica.links``; here are only the
veth pairs between the PoPs and their edge hosts, and everybody's addresses.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from topology import addressing
from topology.errors import LabError
from topology.model import HOST_PORT, Pop, Topology
from topology.replica.interfaces import Interface, door_into
from topology.replica.namespaces import enter_network
from topology.replica.ovs import PORT_MTU

HOST_MTU = 1500


def veth_lines(topology: Topology, pid: Callable[[str], int]) -> list[str]:
    """Every host's veth pair, both ends born in the namespaces where they belong."""
    return [_veth(pop, pid(addressing.host_name(pop.name)), pid(pop.name)) for pop in topology.pops]


def host_lines(topology: Topology, pop: Pop) -> list[str]:
    """An edge host: its address, and everyone else's MAC (nothing in the network answers ARP)."""
    interface = addressing.host_interface(pop.name)
    others = (other for other in topology.pops if other.index != pop.index)
    return [
        "link set lo up",
        f"link set {interface} up",
        f"addr add {addressing.host_ip(pop.index)}/{addressing.HOST_NETWORK_BITS} dev {interface}",
        *(
            f"neigh add {addressing.host_ip(other.index)} lladdr {addressing.host_mac(other.index)}"
            f" dev {interface} nud permanent"
            for other in others
        ),
    ]


def pop_lines(pop: Pop) -> list[str]:
    """A PoP: the port towards its host, and its end of the control channel."""
    _, address = addressing.control_ips(pop.index)
    return [
        "link set lo up",
        f"link set {addressing.port_interface(pop.name, HOST_PORT)} up",
        f"addr add {address}/30 dev {addressing.control_interface(pop.name)}",
    ]


def brain_lines(topology: Topology) -> list[str]:
    """The brain's ends of all control channels."""
    ends = ((addressing.control_ips(pop.index)[0], addressing.brain_interface(pop.index)) for pop in topology.pops)
    return ["link set lo up", *(f"addr add {address}/30 dev {interface}" for address, interface in ends)]


def run_batches(batches: Mapping[int, list[str]]) -> None:
    """Run each batch in the network namespace of its process id, side by side. Raises LabError."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(_run_inside, batches, batches.values()))


def run_batch(lines: list[str]) -> None:
    """``ip -batch`` in the namespace of the calling thread. Raises LabError with its complaint."""
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise LabError(f"ip -batch: {done.stderr.strip()}")


def disable_offloads(interfaces: Mapping[int, str]) -> None:
    """Let the kernel cut segments and compute checksums on these interfaces (process id → name).

    The userspace datapath passes on what it reads: with the offloads on, TCP checksums
    would be left for a network card that does not exist.
    """
    for pid, name in interfaces.items():
        with door_into(pid) as door:
            Interface(door, name).disable_offloads()


def _veth(pop: Pop, host_pid: int, pop_pid: int) -> str:
    outer, inner = addressing.host_interface(pop.name), addressing.port_interface(pop.name, HOST_PORT)
    return (
        f"link add {outer} netns {host_pid} address {addressing.host_mac(pop.index)} mtu {HOST_MTU}"
        f" type veth peer name {inner} netns {pop_pid} mtu {PORT_MTU}"
    )


def _run_inside(pid: int, lines: list[str]) -> None:
    enter_network(pid)  # this worker thread only; it does nothing else
    run_batch(lines)
