"""etcd as the store of an election: timers, ports and command lines; nothing here runs anything.

Members are processes on one loopback, at the brains' site. Options: etcd's configuration flags (3.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

_FIRST_PORT = 2379
"""IANA's ports for etcd: 2379 for clients, 2380 for members; each further member two higher."""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Etcd:
    """A companion of a policy: a cluster and its timers (etcd's own defaults: 100 and 1000 ms)."""

    members: int = 3
    heartbeat_ms: int = 50
    election_ms: int = 500

    name = "etcd"
    needs = ("etcd",)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"etcd-{number}" for number in range(1, self.members + 1))

    @property
    def client_ports(self) -> tuple[int, ...]:
        return tuple(_FIRST_PORT + 2 * number for number in range(self.members))

    @property
    def quorum(self) -> int:
        return self.members // 2 + 1

    @property
    def least_ttl_s(self) -> int:
        """The shortest lease that is granted: one and a half election time-outs, in whole seconds (etcdserver)."""
        return math.ceil(1.5 * self.election_ms / 1000)


def command(settings: Etcd, number: int, data: Path) -> list[str]:
    """Member ``number`` (0 the first), with its files in ``data``."""
    peers = [f"http://{LOOPBACK}:{port + 1}" for port in settings.client_ports]
    client = f"http://{LOOPBACK}:{settings.client_ports[number]}"
    options = {
        "name": settings.names[number],
        "data-dir": str(data),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peers[number],
        "initial-advertise-peer-urls": peers[number],
        "initial-cluster": ",".join(f"{name}={peer}" for name, peer in zip(settings.names, peers, strict=True)),
        "heartbeat-interval": str(settings.heartbeat_ms),
        "election-timeout": str(settings.election_ms),
        "logger": "zap",
        "log-level": "error",
    }
    return ["etcd", *(f"--{option}={value}" for option, value in options.items())]
