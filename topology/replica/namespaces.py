"""Namespaces, mounts and death signals by ctypes: what ``os`` lacks before Python 3.12.

Thin and honest: each function is one system call and raises OSError with the kernel's
errno. What is built of them lives in ``topology.replica.sandbox``.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 1 << 18

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """unshare(2): give this thread namespaces of its own (CLONE_NEW*)."""
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int = 0) -> None:
    """setns(2): move this thread into the namespace behind an open descriptor."""
    _check(_libc.setns(descriptor, kind), "setns")


def enter_network(pid: int) -> None:
    """Move this thread into the network namespace of process ``pid``.

    Sockets and TAPs opened from now on are born there; those already open stay where they are.
    """
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(descriptor, CLONE_NEWNET)
    finally:
        os.close(descriptor)


@contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Be in the network namespace of ``pid`` for a while, then back in one's own."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_network(pid)
        try:
            yield
        finally:
            setns(home, CLONE_NEWNET)
    finally:
        os.close(home)


def within(pid: int, command: list[str]) -> list[str]:
    """The command line that runs this in the network namespace of ``pid``, and in nothing else of it."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net", *command]


def mount(source: str, target: Path | str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    arguments = (source.encode(), str(target).encode(), kind.encode() or None, ctypes.c_ulong(flags))
    _check(_libc.mount(*arguments, options.encode() or None), f"mount {kind or 'flags'} on {target}")


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Get this signal when the thread that forked us ends (PR_SET_PDEATHSIG).

    Forgotten by fork and by a change of credentials: ask again after them.
    """
    _prctl(_PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends (PR_SET_CHILD_SUBREAPER)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def loopback_up() -> None:
    """Bring ``lo`` of this network namespace up; it is born down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _IFF_UP))


def disable_ipv6() -> bool:
    """Silence IPv6 (neighbour and router discovery) in this network namespace; False where it is built out.

    Holds for interfaces that exist and for those that will be made.
    """
    written = [_sysctl(f"net/ipv6/conf/{which}/disable_ipv6", "1") for which in ("all", "default")]
    return all(written)


def give_children_small_tcp_tables(buckets: int = 256) -> bool:
    """Network namespaces that are made from this one get a TCP table of their own; False before Linux 6.1.

    Without, all share the machine's (262,144 buckets with 24 GB), and each look at /proc/PID/net/tcp walks
    through it: 5 ms, where that of a PoP with one connection takes 0.1 ms (ip-sysctl: tcp_child_ehash_entries).
    """
    return _sysctl("net/ipv4/tcp_child_ehash_entries", str(buckets))


def _sysctl(name: str, value: str) -> bool:
    try:
        Path("/proc/sys", name).write_text(value)
    except OSError:
        return False
    return True


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
