"""A real Open vSwitch for the emulation suite: one bridge, any rules, any packet.

It runs in a sandbox on Open vSwitch's own *dummy* datapath: the translation of rules, the group
liveness and the user-space forwarding are the real ones, only the ports are files. That needs no
TAP, and what leaves can be read to the last byte.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from openflow_text import bundle, frame, number_of
from random_switches import Arrival

from topology.errors import LabError
from topology.forwarding import SwitchState
from topology.replica import ovs, readback, trace, vswitch
from topology.replica.preflight import probe
from topology.replica.sandbox import Inside, Sandbox

PORTS = range(1, 6)
DEADLINE_S = 30.0
FENCE = struct.pack("!6s6sH46x", b"\2", b"\2fence", 0x88B5)
"""A frame of the ethertype for local experiments."""
FENCE_RULE = "flow add table=0,priority=65535,dl_type=0x88b5,actions=in_port"
ROUND = 50
"""Packets sent before their answers are read: a dummy port queues 100."""
_PCAP_HEAD, _RECORD_HEAD = 24, 16


class ControlSocket:
    """What ``ovs-appctl`` does, without a process for each question: JSON-RPC (RFC 4627) on a Unix socket."""

    def __init__(self, path: Path) -> None:
        self._socket, self._inbox = socket.socket(socket.AF_UNIX), ""
        self._socket.settimeout(DEADLINE_S)
        self._socket.connect(str(path))

    def ask(self, method: str, *words: str) -> str:
        self._socket.sendall(json.dumps({"id": 0, "method": method, "params": words}).encode())
        while (answer := self._take()) is None:
            more = self._socket.recv(1 << 16)
            if not more:
                raise LabError(f"ovs-vswitchd is gone after {method} {' '.join(words)}")
            self._inbox += more.decode()
        if answer["error"] is not None:
            raise LabError(f"{method} {' '.join(words)}: {answer['error']}")
        return str(answer["result"])

    def close(self) -> None:
        self._socket.close()

    def _take(self) -> dict[str, Any] | None:
        try:
            answer, end = json.JSONDecoder().raw_decode(self._inbox)
        except ValueError:
            return None
        self._inbox = self._inbox[end:]
        return dict(answer)


class RealSwitch:
    """Bridge ``dut`` with ports 1 to 5."""

    def __init__(self, home: Path) -> None:
        self.place = ovs.Place(home, "dut")
        self._live = frozenset(PORTS)

    def run(self, _: Inside) -> int:
        """In the sandbox: both daemons, until it ends."""
        os.environ.update(self.place.environment())
        subprocess.run(ovs.create_database(self.place.database), check=True)
        with subprocess.Popen(ovs.database_server(self.place)):
            self._await_database()
            return subprocess.run([*ovs.vswitchd(self.place), "--enable-dummy=override"], check=False).returncode

    def connect(self) -> None:
        """Outside: make the bridge, open its control socket and what it writes."""
        self._await_database()
        vswitch.run_all({"bridge": self._configure()})
        pid = int((self.place.home / "ovs-vswitchd.pid").read_text())
        self._control = ControlSocket(self.place.control_socket("ovs-vswitchd", pid))
        self._captures = {port: self._capture(port).open("rb") for port in PORTS}
        for capture in self._captures.values():
            capture.seek(_PCAP_HEAD)
        self._numbers = trace.parse_ports(self._control.ask("dpif/show"))

    def close(self) -> None:
        self._control.close()
        for capture in self._captures.values():
            capture.close()

    def load(self, state: SwitchState, *, megaflows: bool = False) -> None:
        """These rules and live ports, and nothing left of those before.

        With ``megaflows`` a cached decision serves similar packets too, as it does by default. In Open
        vSwitch 3.1 such a decision writes the whole top label entry without asking for it: after a
        dec_mpls_ttl by a rule that matches no label, the next packet gets the label of the first, and
        after a swap its TTL. Without, each packet is decided for itself.
        """
        rules = self.place.home / "rules"
        rules.write_text("\n".join([*bundle(state), FENCE_RULE]))
        vswitch.run_all({"rules": ["ovs-ofctl", "-O", "OpenFlow13", "bundle", self.place.openflow, str(rules)]})
        live = state.live_ports & set(PORTS)
        if live != self._live:
            self._set_live(live)
        self._control.ask(f"upcall/{'enable' if megaflows else 'disable'}-megaflows")
        self._control.ask("revalidator/purge")

    def trace(self, arrival: Arrival) -> trace.Trace | None:
        """None where the packet is looked up anew after a pop, which ofproto/trace does not show."""
        packet = frame(arrival.packet)
        text = self._control.ask("ofproto/trace", "dut", f"in_port={arrival.in_port}", packet.hex())
        return None if "recirc(0x" in text else trace.parse_trace(text, packet, self._numbers)

    def forward(self, arrivals: Sequence[Arrival]) -> list[list[tuple[int, bytes]]]:
        """Send them all; what left for each of them: (port, frame)."""
        left: dict[int, list[tuple[int, bytes]]] = {number: [] for number in range(len(arrivals))}
        for number, arrival in enumerate(arrivals):
            self._receive(arrival.in_port, frame(arrival.packet, number))
            if number % ROUND == ROUND - 1 or number == len(arrivals) - 1:
                for port, sent in self._settle():
                    left[number_of(sent)].append((port, sent))
        return list(left.values())

    def _settle(self) -> list[tuple[int, bytes]]:
        """What leaves until all that was received is dealt with."""
        return [*self._until_fenced(), *self._until_fenced()]

    def _until_fenced(self) -> list[tuple[int, bytes]]:
        """A port is first in, first out; what a second fence finds has been written before the first was dealt with."""
        seen: list[tuple[int, bytes]] = []
        for port in PORTS:
            self._receive(port, FENCE)

        def fenced() -> bool:
            seen.extend((port, sent) for port, capture in self._captures.items() for sent in _records(capture))
            return all((port, FENCE) in seen for port in PORTS)

        vswitch.wait_for(fenced, DEADLINE_S, "the frame that ends a round")
        return [(port, sent) for port, sent in seen if sent != FENCE]

    def _receive(self, port: int, packet: bytes) -> None:
        self._control.ask("netdev-dummy/receive", f"p{port}", packet.hex())

    def _set_live(self, live: frozenset[int]) -> None:
        """First OpenFlow tells, then the forwarding knows: within the round that follows."""
        for port in self._live ^ live:
            self._control.ask("netdev-dummy/set-admin-state", f"p{port}", "up" if port in live else "down")
        self._live = live
        vswitch.wait_for(lambda: self._told_live() == live, DEADLINE_S, f"ports {sorted(live)} live, the others not")
        self._settle()

    def _told_live(self) -> frozenset[int]:
        described = vswitch.run_all({"ports": ovs.dump(self.place, "ports-desc")})["ports"]
        return readback.parse_live_ports(described) & frozenset(PORTS)

    def _await_database(self) -> None:
        def answers() -> bool:
            with socket.socket(socket.AF_UNIX) as attempt:
                return attempt.connect_ex(str(self.place.database_socket)) == 0

        vswitch.wait_for(answers, DEADLINE_S, "ovsdb-server")

    def _configure(self) -> ovs.Command:
        bridge = ["datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow13"]
        words = ["ovs-vsctl", f"--db=unix:{self.place.database_socket}", "--timeout=30"]
        words += ["--", "add-br", "dut", "--", "set", "Bridge", "dut", *bridge]
        for port in PORTS:
            options = ["type=dummy", f"ofport_request={port}", f"options:tx_pcap={self._capture(port)}"]
            words += ["--", "add-port", "dut", f"p{port}", "--", "set", "Interface", f"p{port}", *options]
        return words

    def _capture(self, port: int) -> Path:
        return self.place.home / f"p{port}.pcap"


def _records(capture: BinaryIO) -> Iterator[bytes]:
    """The frames written since the last look; one that is not whole yet stays for the next."""
    while True:
        begin = capture.tell()
        head = capture.read(_RECORD_HEAD)
        length = int.from_bytes(head[8:12], sys.byteorder)
        packet = capture.read(length)
        if len(head) < _RECORD_HEAD or len(packet) < length:
            capture.seek(begin)
            return
        yield packet


@pytest.fixture(scope="module")
def real_switch() -> Iterator[RealSwitch]:
    """Skips where no sandbox or no Open vSwitch is to be had."""
    needed = (probe().ability(name) for name in ("namespaces", "openvswitch"))
    if lacking := [ability for ability in needed if not ability.ok]:
        pytest.skip("; ".join(f"{ability.name}: {ability.detail}. {ability.remedy}" for ability in lacking))
    with tempfile.TemporaryDirectory(prefix="failstatic-") as folder:
        switch = RealSwitch(Path(folder))
        switch.place.home.mkdir()
        with Sandbox("test-switch", switch.run, output=switch.place.home / "output"):
            switch.connect()
            yield switch
            switch.close()


SQUARE = """
name: square
brain: ams
pops:
  - {name: ams, city: Amsterdam}
  - {name: lon, city: London}
  - {name: par, city: Paris}
  - {name: fra, city: Frankfurt am Main}
links:
  - {ends: [ams, lon], capacity: 40 Gbit/s}
  - {ends: [lon, par], capacity: 40 Gbit/s}
  - {ends: [par, fra], capacity: 40 Gbit/s}
  - {ends: [fra, ams], capacity: 40 Gbit/s}
"""
"""Four PoPs in a ring, small enough for a run with real packets in a test."""


@pytest.fixture(scope="session")
def square(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of that topology."""
    file = tmp_path_factory.mktemp("square") / "square.yaml"
    file.write_text(SQUARE)
    return file
