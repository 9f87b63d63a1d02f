"""Which links, with which labels, a packet really took: one packet per pair, seen at every port.

Division of labour: here are the result and the experiment's side; ``traffic.tracer`` is the process
that sends, captures and parses with scapy. It is started early, because importing scapy costs a
quarter of a second of CPU, and it attaches its capture for the duration of a trace only, behind a
filter in the kernel, so that it costs a running experiment nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from topology.addressing import host_ip, port_interface
from topology.errors import LabError
from topology.labels import Stack
from topology.model import HOST_PORT, Pair, Topology
from traffic.companion import Companion

ANSWER_S = 20.0
"""Patience with a machine that is very busy."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A packet seen leaving ``pop`` by ``port`` with this label stack."""

    pop: str
    port: int
    stack: Stack


@dataclass(frozen=True, slots=True)
class PathTrace:
    """Where one packet really went; ``delivered`` when the far host got it."""

    pair: Pair
    hops: tuple[Hop, ...]
    """In the order of the kernel's stamps; the last one of a delivered packet is the far PoP's host port."""
    delivered: bool

    def links(self, topology: Topology) -> tuple[str, ...]:
        """Names of the links on the way, without the last step to the host."""
        return tuple(topology.ports(hop.pop)[hop.port].name for hop in self.hops if hop.port != HOST_PORT)


class Tracer:
    """The tracing process; ``pop_pids`` and ``host_pids`` name a process in each network namespace."""

    def __init__(self, topology: Topology, pop_pids: Mapping[str, int], host_pids: Mapping[str, int]) -> None:
        ports = {pop: (HOST_PORT, *topology.ports(pop)) for pop in topology.names}
        self._order: dict[str, Any] = {
            "pops": dict(pop_pids),
            "hosts": dict(host_pids),
            "addresses": {pop.name: host_ip(pop.index) for pop in topology.pops},
            "ports": {port_interface(pop, port): (pop, port) for pop, numbers in ports.items() for port in numbers},
        }
        self._companion: Companion | None = None
        self._ready = False

    @property
    def pid(self) -> int | None:
        return self._companion.pid if self._companion else None

    def open(self) -> None:
        """Start the process and do not wait for it: ``trace`` does."""
        if self._companion is None:
            self._companion = Companion("traffic.tracer", self._order)

    def trace(
        self, pairs: Sequence[Pair], *, pcap: Path | None = None, deadline_s: float = 0.6
    ) -> tuple[PathTrace, ...]:
        """Send one packet per pair, all at once, and tell where each went.

        Returns as soon as all have arrived; what has not after ``deadline_s`` (above the longest path's delay
        plus queues) counts as not delivered. ``pcap``: a file for all frames seen, both ways. Raises LabError.
        """
        self.open()
        assert self._companion is not None
        if not self._ready:
            self._companion.wait_ready()
            self._ready = True
        request = {"pairs": list(pairs), "pcap": str(pcap.absolute()) if pcap else None, "deadline_s": deadline_s}
        self._companion.write(json.dumps(request))
        answer = self._companion.line(deadline_s + ANSWER_S)
        if answer is None:
            raise LabError("the path tracer gave no answer")
        return tuple(_path(pair, found) for pair, found in zip(pairs, json.loads(answer), strict=True))

    def stop(self) -> None:
        """End the process. May be called twice."""
        companion, self._companion, self._ready = self._companion, None, False
        if companion is not None:
            companion.stop()


def _path(pair: Pair, found: dict[str, Any]) -> PathTrace:
    hops = tuple(Hop(pop, port, tuple(stack)) for pop, port, stack in found["hops"])
    return PathTrace(pair, hops, found["delivered"])
