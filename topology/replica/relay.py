"""The link emulator: one process moves the frames of all links from TAP to TAP, each at its time.

    python -m topology.replica.relay DESCRIPTOR

DESCRIPTOR is one end of a SOCK_SEQPACKET pair; ``topology.replica.relayed`` holds the other
and made the TAPs, whose descriptors come with the ``add`` command. A command is a JSON list
[verb, argument…], its answer a JSON value, or {"error": text}. The process ends with its
control socket. When a frame leaves is decided in ``topology.replica.way``.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import select
import socket
import sys
from collections.abc import Callable
from heapq import heappop, heapreplace
from time import monotonic_ns
from typing import Any

from topology.replica.interfaces import Interface, set_tap_carrier
from topology.replica.timer import Timer
from topology.replica.way import Agenda, Lateness, Way

_FRAME = 2048
"""More than the MTU of any TAP here."""
_BATCH = 16
"""Frames read from one TAP before the others get their turn."""
_EVENTS = 64
_MESSAGE = 65536


class Relay:
    """All links of one process: an epoll over the TAPs, an agenda of departures, one timer."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._control_descriptor = control.fileno()
        self._links: dict[int, tuple[Way, Way]] = {}
        self._ways: dict[int, Way] = {}
        """By the descriptor that they read from."""
        self._agenda: Agenda = []
        self._timer = Timer()
        self._armed_ns = 0
        self._epoll = select.epoll()
        self._epoll.register(control, select.EPOLLIN)
        self._epoll.register(self._timer.descriptor, select.EPOLLIN | select.EPOLLET)
        self._verbs: dict[str, Callable[..., Any]] = {
            "add": self._add,
            "reshape": self._reshape,
            "cut": self._cut,
            "pull": self._pull,
            "silence": self._silence,
            "heal": self._heal,
            "counters": self._counters,
            "lateness": self._lateness,
        }

    def run(self) -> None:
        """Until the control socket ends."""
        poll, ways, drain = self._epoll.poll, self._ways, self._drain
        while True:
            for descriptor, _ in poll(-1, _EVENTS):
                way = ways.get(descriptor)
                if way is not None:
                    drain(way)
                elif descriptor == self._control_descriptor and not self._listen():
                    return
            self._release()

    def _drain(self, way: Way) -> None:
        """Take frames in. Stamped one by one: a stamp older than its frame would let it leave early."""
        read, clock, source, admit = os.read, monotonic_ns, way.source, way.admit
        try:
            for _ in range(_BATCH):
                frame = read(source, _FRAME)
                due = admit(len(frame), clock())
                if due:
                    way.hold(due, frame, self._agenda)
        except BlockingIOError:
            return
        except OSError:
            self._forget(source)

    def _release(self) -> None:
        """Send what is due. The horizon stands still, so that a backlog cannot keep us from reading."""
        agenda, horizon = self._agenda, monotonic_ns()
        while agenda and agenda[0][0] <= horizon:
            way = agenda[0][2]
            self._send(way, horizon)
            if way.fifo:
                heapreplace(agenda, (way.fifo[0][0], way.key, way))
            else:
                heappop(agenda)
                way.armed = False
        if agenda and agenda[0][0] != self._armed_ns:
            self._armed_ns = agenda[0][0]
            self._timer.set(self._armed_ns)

    @staticmethod
    def _send(way: Way, horizon: int) -> None:
        write, clock, sink, fifo, late = os.write, monotonic_ns, way.sink, way.fifo, way.lateness.add
        while fifo and fifo[0][0] <= horizon:
            due, frame = fifo.popleft()
            late(clock() - due)
            try:
                write(sink, frame)
                way.delivered += 1
            except OSError:  # the far interface is down or gone; like a port that is off, it takes nothing
                way.refused += 1

    def _forget(self, descriptor: int) -> None:
        """A TAP whose interface was deleted stays readable with EBADFD and would spin the loop."""
        self._epoll.unregister(descriptor)
        self._ways.pop(descriptor).sever(self._agenda)

    def _listen(self) -> bool:
        """Obey one command; False when there will be no more."""
        message, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE, 2)
        if not message:
            return False
        verb, *arguments = json.loads(message)
        try:
            answer = self._verbs[verb](*descriptors, *arguments)
        except (ArithmeticError, LookupError, OSError, TypeError, ValueError) as mistake:
            answer = {"error": f"{verb}: {type(mistake).__name__}: {mistake}"}
        self._control.send(json.dumps(answer).encode())
        return True

    def _add(self, a: int, b: int, index: int, seed: str, *shape: float) -> None:
        lateness = Lateness()
        ways = (
            Way(2 * index, source=a, sink=b, seed=f"{seed} a→b", lateness=lateness),
            Way(2 * index + 1, source=b, sink=a, seed=f"{seed} b→a", lateness=lateness),
        )
        self._links[index] = ways
        self._reshape(index, *shape)
        for way in ways:
            self._ways[way.source] = way
            self._epoll.register(way.source, select.EPOLLIN)

    def _reshape(self, index: int, *shape: float) -> None:
        for way in self._links[index]:
            way.reshape(*shape)

    def _cut(self, index: int) -> None:
        for way in self._links[index]:
            way.sever(self._agenda)

    def _pull(self, door_a: int, door_b: int, index: int, *names: str) -> None:
        """Frames and both carriers in one go, here and not in the client: this process has the priority for it.

        It may wait for the kernel's one network lock (rtnl) meanwhile; that is a few tenths of a
        millisecond, where a client that is scheduled twice in between took 3 to 8.
        """
        self._cut(index)
        for way, door, name in zip(self._links[index], (door_a, door_b), names, strict=True):
            with socket.socket(fileno=door) as opened:
                set_tap_carrier(way.source, False)
                Interface(opened, name).carrier()

    def _silence(self, index: int, *chosen: bool) -> None:
        for way, silent in zip(self._links[index], chosen, strict=True):
            way.closed = way.closed or silent

    def _heal(self, index: int, *shape: float) -> None:
        self._reshape(index, *shape)
        for way in self._links[index]:
            way.closed = way.source not in self._ways

    def _counters(self, index: int) -> list[dict[str, int]]:
        return [way.counters() for way in self._links[index]]

    def _lateness(self, index: int) -> list[Any]:
        late = self._links[index][0].lateness
        return [late.worst_ns, [[step, count] for step, count in enumerate(late.counts) if count]]


def main() -> None:
    """Serve the control socket whose descriptor is the first argument."""
    relay = Relay(socket.socket(fileno=int(sys.argv[1])))
    # What lives now lives to the end; nothing later makes cycles. So the collector would only cost time.
    gc.freeze()
    gc.disable()
    try:
        relay.run()
    except OSError as mistake:
        if mistake.errno not in (errno.ECONNRESET, errno.EPIPE):
            raise


if __name__ == "__main__":
    main()
