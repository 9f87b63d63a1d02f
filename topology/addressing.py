"""PoP index → every number and name that hangs on it; pure and deterministic.

Edge hosts share 10.0.0.0/8, one /24 per PoP. Each PoP has a /30 towards the brain
in 172.16.0.0/12: the brain's end is .1, the PoP's end .2. Where routing daemons run, each
has a loopback in 100.127.0.0/16, and each link a /31 in 100.64.0.0/12 (both RFC 6598).
"""

from __future__ import annotations

from ipaddress import IPv4Address

HOST_NETWORK_BITS = 8
OPENFLOW_PORT = 6653
"""IANA's port for OpenFlow."""
ROUTER_PORTS = 1000
"""Port 1000 + p of a switch leads to its routing daemon's end of backbone port p."""


def openflow_port(brain: int) -> int:
    """Where the brain of this number (0 the first) listens, at the site that all brains share."""
    return OPENFLOW_PORT + brain


def datapath_id(index: int) -> int:
    return index + 1


def host_ip(index: int) -> str:
    return f"10.{index >> 8}.{index & 255}.10"


def host_prefix(index: int) -> str:
    """The destination prefix by which ingress PoPs classify."""
    return f"10.{index >> 8}.{index & 255}.0/24"


def host_mac(index: int) -> str:
    """Locally administered (bit 1 of the first octet)."""
    return f"02:00:0a:00:{index >> 8:02x}:{index & 255:02x}"


def host_index(mac: str) -> int | None:
    """The PoP of an edge host's address; None for any other address."""
    octets = mac.split(":")
    return int(octets[4] + octets[5], 16) if octets[:4] == ["02", "00", "0a", "00"] else None


def control_ips(index: int) -> tuple[str, str]:
    """(the brain's end, the PoP's end) of the control channel's /30."""
    base = int(IPv4Address("172.16.0.0")) + 4 * index
    return str(IPv4Address(base + 1)), str(IPv4Address(base + 2))


def router_id(index: int) -> str:
    """A PoP's routing daemon: its name among the others and its loopback, which is where its traffic is to go."""
    return f"100.127.{index >> 8}.{index & 255}"


def router_index(loopback: str) -> int | None:
    """The other way round; None for what is no loopback of ours."""
    parts = loopback.removesuffix("/32").split(".")
    return int(parts[2]) << 8 | int(parts[3]) if parts[:2] == ["100", "127"] and "/" not in parts[3] else None


def transit_ips(link_index: int) -> tuple[str, str]:
    """(end a, end b) of a link's /31 between two routing daemons (RFC 3021)."""
    base = int(IPv4Address("100.64.0.0")) + 2 * link_index
    return str(IPv4Address(base)), str(IPv4Address(base + 1))


def router_port(port: int) -> int:
    """The switch port behind which the routing daemon's end of a backbone port lies."""
    return ROUTER_PORTS + port


def router_interface(pop: str, port: int) -> str:
    """That port's name, as the routing daemon sees it."""
    return f"{pop}-r{port}"


def host_name(pop: str) -> str:
    """The Mininet name of the edge host behind a PoP."""
    return f"h-{pop}"


def port_interface(pop: str, port: int) -> str:
    """≤ 15 characters, the kernel's limit, for PoP names of ≤ 9."""
    return f"{pop}-eth{port}"


def control_interface(pop: str) -> str:
    """The PoP's end of its control channel."""
    return f"{pop}-ctl"


def brain_interface(index: int) -> str:
    """The brain's end of the control channel to PoP ``index``."""
    return f"brain-eth{index}"


def host_interface(pop: str) -> str:
    """The edge host's end of its access link, cut to the kernel's 15 characters."""
    return f"{host_name(pop)}-eth0"[:15]
