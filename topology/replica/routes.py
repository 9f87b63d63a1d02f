"""A namespace's routes: told when they change (rtnetlink(7)), asked what they are (``ip -json route``)."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Mapping

from topology import addressing
from topology.errors import LabError
from topology.model import Topology
from topology.replica.namespaces import network_of

_RTMGRP_IPV4_ROUTE = 0x40
"""linux/rtnetlink.h."""


def feed(pid: int) -> socket.socket:
    """Becomes readable when an IPv4 route changes in the network namespace of ``pid``; raises OSError."""
    with network_of(pid):
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    made.bind((0, _RTMGRP_IPV4_ROUTE))
    return made


def drain(source: socket.socket) -> None:
    """Take in all that was told. What it was does not matter, nor that some was lost: we ask for everything then."""
    while True:
        try:
            source.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise


def parse(text: str, topology: Topology, pop: str) -> dict[int, int]:
    """Index of a PoP → the backbone port that the route to its loopback leaves by; the lowest of several.

    Routes to anything else, or over anything else, are left out. Raises LabError when it is no JSON.
    """
    ports = {addressing.router_interface(pop, port): port for port in topology.ports(pop)}
    try:
        entries = json.loads(text or "[]")
    except ValueError as error:
        raise LabError(f"ip -json route: {error}") from None
    found: dict[int, int] = {}
    for entry in entries:
        index = addressing.router_index(entry.get("dst", ""))
        ways = [ports[name] for name in _devices(entry) if name in ports]
        if index is not None and ways:
            found[index] = min(ways)
    return found


def _devices(entry: Mapping[str, object]) -> list[str]:
    nexthops = entry.get("nexthops")
    several = nexthops if isinstance(nexthops, list) else []
    return [str(way["dev"]) for way in (entry, *several) if "dev" in way]
