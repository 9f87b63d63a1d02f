"""The processes between the launcher and the sandbox's main function.

    launcher ── guard ── PID 1 ── main ── …
    └─ host's namespaces ─┘   └─ own user, mount, pid, network, ipc and uts namespaces ─┘

- The **guard** keeps the launcher's rights: it writes the id maps, raises priorities on
  request, and dies with the launcher.
- **PID 1** mounts, reaps, and dies with the guard; with it the kernel kills all the rest.
- A fourth process lives for a moment: the one that unshares and forks PID 1, which the
  guard then adopts, so that a death always reaches PID 1 from its own parent.

``first`` is what happens inside.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from topology.replica import namespaces, priority
from topology.replica.first import build
from topology.replica.forks import UNBUILT, Orders, fork, report, status_of

_CREDENTIALS = struct.Struct("3i")


def fork_guard(orders: Orders) -> int:
    """Fork the guard; its pid, in the launcher only."""
    launcher = os.getpid()
    return fork(lambda: _guard(orders, launcher))


def identity_map(parent: str) -> str:
    """The parent's id map (/proc/self/uid_map) → a map under which every id keeps its number."""
    inside = (line.split() for line in parent.splitlines())
    return "".join(f"{first} {first} {count}\n" for first, _, count in inside)


def _guard(orders: Orders, launcher: int) -> int:
    _stand_guard(orders, launcher)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    builder = fork(lambda: build(orders, ours, theirs))
    theirs.close()
    if not _next(ours):
        return status_of(builder)
    _write_maps(builder)
    ours.send(b"mapped")
    if (status := status_of(builder)) != 0:
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
            return status_of(first)
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
