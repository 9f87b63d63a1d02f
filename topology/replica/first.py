"""PID 1 of the sandbox: namespaces made, mounts laid, orphans reaped, main forked."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from topology.replica import namespaces
from topology.replica.forks import UNBUILT, Orders, exit_status, fork, report

RUN = Path("/run")
_NAMESPACES = (
    namespaces.CLONE_NEWUSER
    | namespaces.CLONE_NEWNS
    | namespaces.CLONE_NEWPID
    | namespaces.CLONE_NEWNET
    | namespaces.CLONE_NEWIPC
    | namespaces.CLONE_NEWUTS
)


def build(orders: Orders, ours: socket.socket, theirs: socket.socket) -> int:
    """Unshare, wait for the maps, fork PID 1 and leave it to the guard."""
    ours.close()
    try:
        namespaces.unshare(_NAMESPACES)
    except OSError as error:
        report(orders.report, missing=f"namespaces are refused ({error.args[1]})")
        return UNBUILT
    theirs.send(b"unshared")
    theirs.recv(16)
    fork(lambda: _first(orders, theirs))
    return 0


def _first(orders: Orders, channel: socket.socket) -> int:
    """PID 1. Each step waits for the guard, so that no death in between goes unnoticed."""
    if not channel.recv(16):
        return UNBUILT
    namespaces.die_with_parent()
    channel.send(b"first")
    if not channel.recv(16):
        return UNBUILT
    try:
        _furnish()
    except OSError as error:
        report(orders.report, missing=f"the sandbox could not be furnished ({error.args[1]})")
        return UNBUILT
    main = fork(lambda: _main(orders, channel))
    while True:
        pid, status = os.wait()
        if pid == main:
            return exit_status(status)


def _main(orders: Orders, channel: socket.socket) -> int:
    """Main's own reports follow the one that the launcher waits for."""
    channel.send(b"main")
    channel.recv(16)
    return orders.main(channel)


def _furnish() -> None:
    """Mounts and the network's settings: nothing of the host's Open vSwitch is to be seen, /tmp stays the host's."""
    namespaces.mount("none", "/", flags=namespaces.MS_REC | namespaces.MS_PRIVATE)
    guarded = namespaces.MS_NOSUID | namespaces.MS_NODEV
    namespaces.mount("proc", "/proc", "proc", guarded | namespaces.MS_NOEXEC)
    namespaces.mount("tmpfs", RUN, "tmpfs", guarded, "mode=755,size=512m")
    if not Path("/var/run").resolve().is_relative_to(RUN):
        namespaces.mount(str(RUN), "/var/run", flags=namespaces.MS_BIND)
    with suppress(OSError):  # only Mininet's looks into /sys/class/net need it
        namespaces.mount("sysfs", "/sys", "sysfs", guarded | namespaces.MS_NOEXEC)
    namespaces.loopback_up()
    namespaces.disable_ipv6()
    namespaces.give_children_small_tcp_tables()
