"""Sockets that see traced packets, and only those, on every interface of a network namespace.

The filter runs in the kernel (classic BPF): it takes frames of a traced packet's length, with up to
``MAX_LABELS`` labels, that end in our magic number. It looks from the end of the frame, so it finds
them under any stack, where tcpdump's "udp" misses whatever is MPLS.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from topology.replica.namespaces import CLONE_NEWNET, enter_network, setns

MAGIC = 0xFA57_0B5E
TAIL = struct.Struct(">III")
"""The last bytes of a traced packet: number of the trace, number of the pair, MAGIC."""
PAYLOAD_BYTES = 200
BARE_BYTES = 14 + 20 + 8 + PAYLOAD_BYTES
MAX_LABELS = 5
TRACE_PORT = 27000
_ETH_P_ALL = 0x0003
_PACKET_OUTGOING = 4
SO_TIMESTAMPNS = 35
_SO_ATTACH_FILTER = 26
_TIMESPEC = struct.Struct("qq")
_REJECT = 8
_FILTER = (
    (0x80, 0, 0, 0),  # A = length of the frame
    (0x35, 0, _REJECT - 2, BARE_BYTES),  # if A < shortest: reject
    (0x25, _REJECT - 3, 0, BARE_BYTES + 4 * MAX_LABELS),  # if A > longest: reject
    (0x14, 0, 0, 4),  # A -= 4
    (0x07, 0, 0, 0),  # X = A
    (0x40, 0, 0, 0),  # A = the 4 bytes at X
    (0x15, 0, 1, MAGIC),  # if A != MAGIC: reject
    (0x06, 0, 0, 0xFFFF),  # accept
    (0x06, 0, 0, 0),  # reject
)
"""Instructions as (code, jump if true, jump if false, operand), linux/filter.h."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as the kernel saw it."""

    time_ns: int
    """CLOCK_REALTIME."""
    interface: str
    outgoing: bool
    raw: bytes

    @property
    def ids(self) -> tuple[int, int]:
        """(number of the trace, number of the pair)."""
        trace, pair, _ = TAIL.unpack(self.raw[-TAIL.size :])
        return trace, pair


@contextlib.contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Within it, sockets are born in the network namespace of process ``pid``."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_network(pid)
        yield
    finally:
        setns(home, CLONE_NEWNET)
        os.close(home)


def open_tap(pid: int) -> socket.socket:
    """A socket for the traced frames of all interfaces in a namespace; raises OSError."""
    with network_of(pid):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_ALL))
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in _FILTER))
    setting = struct.pack("HP", len(_FILTER), ctypes.addressof(program))
    tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, setting)
    tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return tap


def open_sink(pid: int) -> socket.socket:
    """The UDP socket that traced packets are sent to: what it gets was delivered; raises OSError."""
    with network_of(pid):
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sink.bind(("", TRACE_PORT))
    return sink


def inject(pid: int, packet: bytes, address: str) -> None:
    """Send an IPv4 packet, header and all, from a namespace by its own routes; raises OSError."""
    with network_of(pid), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(packet, (address, 0))


def frames(tap: socket.socket) -> Iterator[Frame]:
    """The frames that wait in a tap."""
    with contextlib.suppress(BlockingIOError):
        while True:
            raw, ancillary, _, address = tap.recvmsg(2048, socket.CMSG_SPACE(_TIMESPEC.size))
            # A frame that came in before the filter was attached.
            if len(raw) < BARE_BYTES or TAIL.unpack(raw[-TAIL.size :])[2] != MAGIC or not ancillary:
                continue
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            yield Frame(seconds * 1_000_000_000 + nanoseconds, address[0], address[2] == _PACKET_OUTGOING, raw)
