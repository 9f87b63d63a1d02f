"""One network interface in some other process's namespace, by ioctl: no child process, no sysfs.

An ioctl acts in the namespace where its socket was born, so one socket per namespace is
a door into it that works from anywhere. Frames are moved by ``topology.replica.relay``;
links are made of interfaces in ``links`` (TAPs) and ``netem`` (veth pairs).
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import resource
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from topology.replica.namespaces import CLONE_NEWNET, enter_network, setns

MTU = 1600
"""Room for a full Ethernet payload, three labels and a VLAN tag: a frame too long vanishes uncounted."""

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFMTU, _SIOCETHTOOL = 0x8913, 0x8914, 0x8922, 0x8946
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_TUNSETIFF, _TUNSETPERSIST, _TUNSETCARRIER = 0x400454CA, 0x400454CB, 0x400454E2
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_ETHTOOL_GLINK = 0x0A
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)
"""ETHTOOL_S TXCSUM, TSO, GSO and GRO: a 64-kB frame is no frame to a link that counts bits."""


@contextmanager
def inside(pid: int) -> Iterator[None]:
    """This thread is in the network namespace of ``pid`` for a while; others stay where they are."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_network(pid)
        try:
            yield
        finally:
            setns(home, CLONE_NEWNET)
    finally:
        os.close(home)


def raise_descriptor_limit() -> None:
    """As many descriptors as we may have: a link takes two TAPs."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_tap(name: str) -> int:
    """Make a TAP in this thread's namespace; it lives as long as its descriptor. Raises OSError.

    IFF_NO_PI: bare Ethernet frames, without the four bytes of packet information.
    """
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def set_tap_outlasts(descriptor: int, on: bool) -> None:
    """TUNSETPERSIST: whether the TAP outlives its descriptors; it then ends with its namespace.

    Ending with its descriptor costs 17 ms each, one after the other (the kernel waits for every
    CPU); a namespace ends with all its interfaces at once.
    """
    fcntl.ioctl(descriptor, _TUNSETPERSIST, int(on))


def set_tap_carrier(descriptor: int, on: bool) -> None:
    """TUNSETCARRIER: plug the cable in, or pull it."""
    fcntl.ioctl(descriptor, _TUNSETCARRIER, struct.pack("i", on))


def door_into(pid: int) -> socket.socket:
    """A socket by which interfaces of that process's namespace can be handled from here."""
    with inside(pid):
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface behind a door. Every method raises OSError when it is gone."""

    door: socket.socket
    name: str

    def set_mtu(self, mtu: int = MTU) -> None:
        self._ioctl(_SIOCSIFMTU, struct.pack("i20x", mtu))

    def set_up(self, up: bool = True) -> None:
        flags = self._flags()
        self._ioctl(_SIOCSIFFLAGS, struct.pack("H22x", flags | _IFF_UP if up else flags & ~_IFF_UP))

    def running(self) -> bool:
        """Operational state (RFC 2863) as its readers, Open vSwitch among them, see it."""
        return bool(self._flags() & _IFF_RUNNING)

    def carrier(self) -> bool:
        """Carrier as the driver has it; False as well when the interface is down.

        Asking does more than tell: the kernel publishes at most one loss of carrier per
        second on the whole machine (net/core/link_watch.c); from Linux 6.8 on, a question
        makes it publish what is pending for this interface at once.
        """
        return bool(self._ethtool(_ETHTOOL_GLINK))

    def await_running(self, within_s: float = 5.0) -> None:
        """Return when frames can pass: the kernel opens the queue of a plugged-in interface a moment later."""
        deadline = time.monotonic() + within_s
        while not (self.carrier() and self.running()):
            if time.monotonic() > deadline:
                raise OSError(errno.ETIMEDOUT, f"{self.name} has no carrier")
            select.select([], [], [], 0.0002)
        self.carrier()  # takes the kernel's network lock (rtnl), so what made it running has been finished

    def disable_offloads(self) -> None:
        """Checksums and segments are made before the link; what a driver has not got is left alone."""
        for feature in _OFFLOADS:
            try:
                self._ethtool(feature, 0)
            except OSError:
                continue

    def _flags(self) -> int:
        return int(struct.unpack_from("H", self._ioctl(_SIOCGIFFLAGS, bytes(24)))[0])

    def _ethtool(self, command: int, value: int = 0) -> int:
        data = array.array("I", [command, value])
        self._ioctl(_SIOCETHTOOL, struct.pack("P16x", data.buffer_info()[0]))
        return data[1]

    def _ioctl(self, request: int, argument: bytes) -> bytes:
        """An ifreq is the name in 16 bytes, then a union of 24."""
        return fcntl.ioctl(self.door, request, struct.pack("16s", self.name.encode()) + argument)[16:]
