"""The processes between the launcher and the sandbox's main function.

    launcher ── guard ── PID 1 ── main ── …
    └─ host's namespaces ─┘   └─ own user, mount, pid, network, ipc and uts namespaces ─┘

- The **guard** keeps the launcher's rights: it writes the id maps, raises priorities on
  request, and dies with the launcher.
- **PID 1** mounts, reaps, and dies with the guard; with it the kernel kills all the rest.
- A fourth process lives for a moment: the one that unshares and forks PID 1, which the
  guard then adopts, so that a death always reaches PID 1 from its own parent.

Everything here runs after a fork and leaves by ``os._exit``: the launcher's clean-up
handlers are the launcher's.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from topology.replica import namespaces, priority

RUN = Path("/run")
_CREDENTIALS = struct.Struct("3i")
_NAMESPACES = (
    namespaces.CLONE_NEWUSER
    | namespaces.CLONE_NEWNS
    | namespaces.CLONE_NEWPID
    | namespaces.CLONE_NEWNET
    | namespaces.CLONE_NEWIPC
    | namespaces.CLONE_NEWUTS
)
UNBUILT = 4
"""Exit status when the namespaces could not be made."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the launcher hands to the guard."""

    main: Callable[[socket.socket], int]
    """Runs as a child of PID 1; its argument leads to the guard."""
    report: int
    """Pipe to the launcher: one JSON object a line."""
    interactive: bool
    """Stay in the terminal's session, so that Ctrl-C reaches main and not the processes here."""


def fork_guard(orders: Orders) -> int:
    """Fork the guard; its pid, in the launcher only."""
    launcher = os.getpid()
    return _fork(lambda: _guard(orders, launcher))


def exit_status(status: int) -> int:
    """waitpid's status → what a shell would say (128 + signal)."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def report(pipe: int, **data: object) -> None:
    """Tell the launcher."""
    with suppress(OSError):
        os.write(pipe, json.dumps(data).encode() + b"\n")


def identity_map(parent: str) -> str:
    """The parent's id map (/proc/self/uid_map) → a map under which every id keeps its number."""
    inside = (line.split() for line in parent.splitlines())
    return "".join(f"{first} {first} {count}\n" for first, _, count in inside)


# --- the guard ------------------------------------------------------------------------------


def _guard(orders: Orders, launcher: int) -> int:
    _stand_guard(orders, launcher)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    builder = _fork(lambda: _build(orders, ours, theirs))
    theirs.close()
    if not _next(ours):
        return _status_of(builder)
    _write_maps(builder)
    ours.send(b"mapped")
    if (status := _status_of(builder)) != 0:
        return status
    ours.send(b"adopted")
    first = _next(ours)
    if first is None:
        return UNBUILT
    ours.send(b"go")
    return _serve(ours, first.pid, orders.report)


def _stand_guard(orders: Orders, launcher: int) -> None:
    namespaces.die_with_parent()
    if os.getppid() != launcher:
        os._exit(UNBUILT)
    if not orders.interactive:
        os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    namespaces.adopt_orphans()


@dataclass(frozen=True, slots=True)
class _Request:
    """A message from the sandbox; the kernel has translated the sender's pid into ours."""

    text: bytes
    pid: int
    descriptors: tuple[int, ...]


def _next(channel: socket.socket) -> _Request | None:
    """The next message; None when the other side has ended."""
    text, ancillary, _, _ = channel.recvmsg(4096, socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(4))
    pid, descriptors = 0, []
    for _, kind, data in ancillary:
        if kind == socket.SCM_CREDENTIALS:
            pid = _CREDENTIALS.unpack(data)[0]
        elif kind == socket.SCM_RIGHTS:
            descriptors.append(struct.unpack("i", data)[0])
    return _Request(text, pid, tuple(descriptors)) if text else None


def _serve(channel: socket.socket, first: int, pipe: int) -> int:
    """Answer requests until PID 1 has ended, which is when everything in the sandbox has."""
    watch = os.pidfd_open(first)
    poller = select.poll()
    poller.register(watch, select.POLLIN)
    poller.register(channel, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poller.poll()}
        if watch in ready:
            return _status_of(first)
        request = _next(channel)
        if request is None:
            poller.unregister(channel)
        elif request.text == b"main":
            report(pipe, first=first, main=request.pid)
            channel.send(b"known")
        else:
            _lift(request)


def _lift(request: _Request) -> None:
    got = priority.lift(request.pid, json.loads(request.text))
    for descriptor in request.descriptors:
        with suppress(OSError):
            os.write(descriptor, got.encode())
        os.close(descriptor)


def _write_maps(pid: int) -> None:
    """As root every id keeps its number; as an ordinary user only our own ids exist inside, as 0."""
    process = Path(f"/proc/{pid}")
    if os.geteuid() == 0:
        with suppress(OSError):  # refused in containers without CAP_SETUID: then as an ordinary user
            (process / "uid_map").write_text(identity_map(Path("/proc/self/uid_map").read_text()))
            (process / "gid_map").write_text(identity_map(Path("/proc/self/gid_map").read_text()))
            return
    with suppress(OSError):  # what is not mapped shows at the first mount, with a name
        (process / "setgroups").write_text("deny")
        (process / "uid_map").write_text(f"0 {os.geteuid()} 1\n")
        (process / "gid_map").write_text(f"0 {os.getegid()} 1\n")


# --- inside ---------------------------------------------------------------------------------


def _build(orders: Orders, ours: socket.socket, theirs: socket.socket) -> int:
    """Unshare, wait for the maps, fork PID 1 and leave it to the guard."""
    ours.close()
    try:
        namespaces.unshare(_NAMESPACES)
    except OSError as error:
        report(orders.report, missing=f"namespaces are refused ({error.args[1]})")
        return UNBUILT
    theirs.send(b"unshared")
    theirs.recv(16)
    _fork(lambda: _first(orders, theirs))
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
    main = _fork(lambda: _main(orders, channel))
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
    """Mounts and loopback: nothing of the host's Open vSwitch is to be seen, /tmp stays the host's."""
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


# --- both -----------------------------------------------------------------------------------


def _fork(body: Callable[[], int]) -> int:
    pid = os.fork()
    if pid == 0:
        _leave(body)
    return pid


def _leave(body: Callable[[], int]) -> NoReturn:
    status = UNBUILT
    try:
        status = body()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _status_of(pid: int) -> int:
    return exit_status(os.waitpid(pid, 0)[1])
