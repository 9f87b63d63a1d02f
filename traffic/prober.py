"""The probing process, ``python -m traffic.prober``: one socket in every host's namespace, one clock.

Told by ``traffic.probes`` over stdin (a line of JSON, then a line with the run's zero, then end
of file for "stop"); tells over stdout ("ready", then "<pairs down> <pairs heard>" now and then).

Why it is cheap and exact: it sleeps until the schedule has something due, and sends that; arrivals
wait in the kernel, stamped on arrival, and are fetched in batches every ``DRAIN_NS``. So reading late
costs no accuracy, and the garbage collector is off. One unconnected socket per host: a connected
one per pair saves 0.3 of the 2.1 µs of a send, and needs a descriptor for each of thousands of pairs.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

from topology.replica.namespaces import CLONE_NEWNET, enter_network, setns
from traffic.clockwork import Alarm
from traffic.records import DROPPED, END, RECEIVED, SENT, Recorder
from traffic.schedule import FINE, FLIGHT_S, NS_PER_S, ProbePlan, Wheel

PROBE_PORT = 27001
DRAIN_NS = 10_000_000
REPORT_DRAINS = 25
NEVER_NS = 1 << 62
LATEST_NS = 20_000_000
"""Fine probes may be later than their interval: the record has the true time, and the burst is small."""
RECEIVE_BUFFER_BYTES = 4 << 20
PAYLOAD = struct.Struct("<IIq")
"""Cookie of this prober, slot, time sent."""
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE, _SO_MEMINFO = 35, 33, 55
_TIMESPEC = struct.Struct("qq")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)

Put = Callable[[int, int, int], None]


def open_sockets(pids: dict[str, int]) -> dict[str, socket.socket]:
    """A stamping UDP socket in the network namespace of each process; raises OSError."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    sockets = {}
    try:
        for pop, pid in pids.items():
            enter_network(pid)
            sockets[pop] = _open_socket()
    finally:
        setns(home, CLONE_NEWNET)
        os.close(home)
    return sockets


def _open_socket() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    with contextlib.suppress(PermissionError):  # beyond net.core.rmem_max only with CAP_NET_ADMIN
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    opened.bind(("", PROBE_PORT))
    return opened


class Sender:
    """Turns one wheel: sends what is due, at most one interval or ``LATEST_NS`` late, and skips the rest."""

    def __init__(self, wheel: Wheel, mark: int, sockets: dict[str, socket.socket], addresses: dict[str, str]) -> None:
        self._wheel, self._mark, self._next = wheel, mark, 0
        self._patience_ns = max(wheel.interval_ns, LATEST_NS)
        self._targets = [(sockets[a].sendto, (addresses[b], PROBE_PORT)) for a, b in wheel.pairs]

    def next_ns(self) -> int:
        """When something will be due; far away when nothing more will."""
        return self._wheel.due_ns(self._next) if self._next < self._wheel.slots else NEVER_NS

    def send_due(self, now_ns: int, cookie: int, put: Put) -> None:
        last = self._wheel.last_due(now_ns)
        if last < self._next:
            return
        count, mark, targets, pack, clock = len(self._targets), self._mark, self._targets, PAYLOAD.pack, time.time_ns
        for slot in range(max(self._next, self._wheel.last_due(now_ns - self._patience_ns) + 1), last + 1):
            send, address = targets[slot % count]
            stamp = clock()
            try:
                send(pack(cookie, slot | mark, stamp), address)
            except OSError:  # host without a way out, or a full send buffer: never sent
                continue
            put(slot | mark, SENT, stamp)
        self._next = last + 1


class Receiver:
    """Fetches arrivals; remembers for the live view when each coarse pair was last heard."""

    def __init__(self, sockets: dict[str, socket.socket], plan: ProbePlan) -> None:
        self._sockets = {opened.fileno(): opened for opened in sockets.values()}
        self._poll = select.epoll()
        for descriptor in self._sockets:
            self._poll.register(descriptor, select.EPOLLIN)
        self.heard_ns = [0] * len(plan.pairs)
        self._patience_ns = max(5 * plan.coarse.interval_ns, NS_PER_S // 4)

    def drain(self, now_ns: int, cookie: int, put: Put) -> None:
        for descriptor, _ in self._poll.poll(0):
            receive = self._sockets[descriptor].recvmsg
            with contextlib.suppress(BlockingIOError):
                while True:
                    data, ancillary, _, _ = receive(64, _ANCILLARY_BYTES)
                    if len(data) == PAYLOAD.size and ancillary:
                        self._take(data, ancillary[0][2], now_ns, cookie, put)

    def _take(self, data: bytes, stamp: bytes, now_ns: int, cookie: int, put: Put) -> None:
        owner, slot, _ = PAYLOAD.unpack(data)
        if owner != cookie:
            return
        seconds, nanoseconds = _TIMESPEC.unpack(stamp)
        put(slot, RECEIVED, seconds * NS_PER_S + nanoseconds)
        if not slot & FINE:
            self.heard_ns[slot % len(self.heard_ns)] = now_ns

    def report(self, now_ns: int) -> tuple[int, int]:
        """(pairs with nothing delivered for 5 intervals and 250 ms at least, pairs ever heard)."""
        silent_since = now_ns - self._patience_ns
        return sum(at < silent_since for at in self.heard_ns), sum(at > 0 for at in self.heard_ns)

    def dropped(self) -> int:
        """What the kernel threw away because we read too late (SK_MEMINFO_DROPS)."""
        return sum(
            struct.unpack("9I", opened.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))[8]
            for opened in self._sockets.values()
        )


class ProbeLoop:
    """The whole run: send, drain, report, until stdin ends; then wait for what is in flight."""

    def __init__(self, plan: ProbePlan, senders: list[Sender], receiver: Receiver, recorder: Recorder) -> None:
        self._plan, self._senders, self._receiver, self._recorder = plan, senders, receiver, recorder
        self._cookie = os.getpid()
        self._stop_ns: int | None = None
        self._told = (-1, -1)
        self._drains = 0

    def run(self, zero_ns: int) -> None:
        start, alarm = zero_ns - time.time_ns() + time.monotonic_ns(), Alarm()
        drain_ns = max(0, time.monotonic_ns() - start)
        while True:
            alarm.wait(start + min(drain_ns, self._next_ns()))
            now_ns = time.monotonic_ns() - start
            if self._stop_ns is None:
                for sender in self._senders:
                    sender.send_due(now_ns, self._cookie, self._recorder.put)
            if now_ns >= drain_ns:
                drain_ns = now_ns + DRAIN_NS
                if self._collect(now_ns):
                    break
        self._finish(zero_ns)

    def _next_ns(self) -> int:
        return NEVER_NS if self._stop_ns is not None else min(sender.next_ns() for sender in self._senders)

    def _collect(self, now_ns: int) -> bool:
        """Fetch arrivals and look after the pipes; True when all is over."""
        self._receiver.drain(now_ns, self._cookie, self._recorder.put)
        self._drains += 1
        reports = self._drains % REPORT_DRAINS == 0
        if reports or self._told[1] < len(self._plan.pairs):
            self._tell(min(now_ns, self._plan.coarse.duration_ns))
        if reports:
            self._recorder.flush()
        if self._stop_ns is None and select.select([0], [], [], 0)[0]:
            self._stop_ns = min(now_ns, self._plan.coarse.duration_ns)
        return self._stop_ns is not None and now_ns >= self._stop_ns + FLIGHT_S * NS_PER_S

    def _tell(self, now_ns: int) -> None:
        told = self._receiver.report(now_ns)
        if told != self._told:
            self._told = told
            with contextlib.suppress(BlockingIOError):  # nobody reads: the next one tells as much
                os.write(1, b"%d %d\n" % told)

    def _finish(self, zero_ns: int) -> None:
        self._recorder.put(self._receiver.dropped(), DROPPED, time.time_ns())
        self._recorder.put(0, END, zero_ns + (self._stop_ns or 0))
        self._recorder.close()


def main() -> None:
    """Read the order, open the sockets, say so, wait for the run's zero, probe."""
    order = json.loads(sys.stdin.buffer.readline())
    plan = ProbePlan(**{**order["plan"], **{key: tuple(map(tuple, order["plan"][key])) for key in _PAIR_KEYS}})
    sockets = open_sockets(order["pids"])
    receiver = Receiver(sockets, plan)
    senders = [
        Sender(wheel, mark, sockets, order["addresses"]) for wheel, mark in ((plan.coarse, 0), (plan.fine, FINE))
    ]
    gc.disable()
    os.write(1, b"ready\n")
    zero = sys.stdin.buffer.readline()
    if zero:
        os.set_blocking(1, False)
        recorder = Recorder(Path(order["out"]), plan, int(zero))
        ProbeLoop(plan, senders, receiver, recorder).run(int(zero))


_PAIR_KEYS = ("pairs", "fine_pairs")

if __name__ == "__main__":
    main()
