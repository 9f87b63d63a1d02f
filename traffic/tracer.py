"""The tracing process behind ``traffic.pathtrace``, ``python -m traffic.tracer``; the only user of scapy.

Reads one request per line and answers with one line: per pair the hops and whether it was delivered.
A packet is known by numbers at its end, so several pairs, and traces that overlap, stay apart.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from scapy.contrib.mpls import MPLS
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import PcapWriter

from traffic.capture import (
    MAGIC,
    PAYLOAD_BYTES,
    SO_TIMESTAMPNS,
    TAIL,
    TRACE_PORT,
    Frame,
    frames,
    inject,
    open_sink,
    open_tap,
)

_DLT_EN10MB = 1
_NS_PER_S = 1_000_000_000


def build(source: str, target: str, trace: int, pair: int) -> bytes:
    """The IPv4 packet that is traced."""
    payload = b"\0" * (PAYLOAD_BYTES - TAIL.size) + TAIL.pack(trace, pair, MAGIC)
    return bytes(IP(src=source, dst=target) / UDP(sport=TRACE_PORT, dport=TRACE_PORT) / Raw(payload))


def labels(raw: bytes) -> tuple[int, ...]:
    """The label stack of a frame, top first."""
    stack = []
    layer = Ether(raw).payload
    while isinstance(layer, MPLS):
        stack.append(int(layer.label))
        layer = layer.payload
    return tuple(stack)


def hops(seen: Iterable[Frame], ports: dict[str, list[Any]]) -> list[tuple[str, int, tuple[int, ...]]]:
    """(PoP, port, stack) of every frame that left by a known port, in the order of its stamps."""
    left = sorted((f for f in seen if f.outgoing and f.interface in ports), key=lambda frame: frame.time_ns)
    return [(*ports[frame.interface], labels(frame.raw)) for frame in left]


def write_pcap(path: str, seen: Iterable[Frame]) -> None:
    """All frames, in order, with stamps to the nanosecond; raises OSError."""
    with contextlib.closing(PcapWriter(path, linktype=_DLT_EN10MB, nano=True)) as writer:
        writer.write_header(None)
        for frame in sorted(seen, key=lambda frame: frame.time_ns):
            seconds, nanoseconds = divmod(frame.time_ns, _NS_PER_S)
            writer.write_packet(frame.raw, sec=seconds, usec=nanoseconds)


class Trace:
    """One trace of several pairs: attach, send, watch, detach."""

    def __init__(self, order: dict[str, Any], number: int, pairs: Sequence[Sequence[str]]) -> None:
        self._order, self._number, self._pairs = order, number, pairs
        self.seen: list[Frame] = []
        self.delivered: set[int] = set()

    def run(self, deadline_s: float) -> None:
        with contextlib.ExitStack() as stack:
            taps = [stack.enter_context(open_tap(pid)) for pid in self._order["pops"].values()]
            ends = sorted({target for _, target in self._pairs})
            sinks = [stack.enter_context(open_sink(self._order["hosts"][pop])) for pop in ends]
            self._send()
            self._watch(taps, sinks, time.monotonic() + deadline_s)

    def _send(self) -> None:
        hosts, addresses = self._order["hosts"], self._order["addresses"]
        for index, (source, target) in enumerate(self._pairs):
            packet = build(addresses[source], addresses[target], self._number, index)
            with contextlib.suppress(OSError):  # a host without a way out: not delivered
                inject(hosts[source], packet, addresses[target])

    def _watch(self, taps: list[socket.socket], sinks: list[socket.socket], deadline: float) -> None:
        """Until all are delivered or time is up. What a sink has, the taps had before."""
        poll = select.epoll()
        for sink in sinks:
            poll.register(sink.fileno(), select.EPOLLIN)
        with poll:
            while len(self.delivered) < len(self._pairs) and (rest := deadline - time.monotonic()) > 0:
                if poll.poll(rest):
                    self.delivered.update(index for sink in sinks for index in self._arrived(sink))
        self.seen = [frame for tap in taps for frame in frames(tap) if frame.ids[0] == self._number]

    def _arrived(self, sink: socket.socket) -> Iterable[int]:
        with contextlib.suppress(BlockingIOError):
            while True:
                payload = sink.recv(2048)
                if len(payload) == PAYLOAD_BYTES:
                    trace, index, _ = TAIL.unpack(payload[-TAIL.size :])
                    if trace == self._number:
                        yield index

    def answer(self) -> list[dict[str, Any]]:
        return [
            {
                "hops": hops((frame for frame in self.seen if frame.ids[1] == index), self._order["ports"]),
                "delivered": index in self.delivered,
            }
            for index in range(len(self._pairs))
        ]


def main() -> None:
    """Serve requests until stdin ends."""
    order = json.loads(sys.stdin.readline())
    # The kernel stamps frames while anybody wants that, and begins a moment after the first one asks: ask for good.
    keeper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    keeper.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    labels(bytes(Ether(type=0x8847) / MPLS() / IP() / UDP()))  # scapy builds its tables on first use
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    first = (os.getpid() & 0xFFFF) << 16  # no packet of an earlier tracer is taken for ours
    for number, line in enumerate(iter(sys.stdin.readline, ""), first):
        request = json.loads(line)
        trace = Trace(order, number, request["pairs"])
        trace.run(request["deadline_s"])
        if request["pcap"]:
            write_pcap(request["pcap"], trace.seen)
        sys.stdout.write(json.dumps(trace.answer()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
