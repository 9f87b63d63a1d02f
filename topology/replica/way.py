"""One direction of a relayed link: when does which frame leave? Pure: the clock is an argument.

A frame waits until the sender has put all earlier frames on the wire, takes its own time
to be put there (size / rate), and arrives one propagation delay later. Times are integer
nanoseconds of one clock. ``topology.replica.relay`` moves the frames themselves.
"""

from __future__ import annotations

import random
from collections import deque
from heapq import heapify, heappush

LATENESS_STEP_NS = 50_000
LATENESS_STEPS = 200
"""The histogram ends at 10 ms; its last bucket holds all that was later."""

WINDOW_NS = 100_000_000
FRAMES_PER_S, STORM_SHARE = 5_000, 2.5
"""The storm bound: a way takes no more frames a second than this, or than so many times the full frames that its
rate allows (a queue may fill while another drains). Where bridges flood in a circle, small frames would else fill
every link until nothing has a processor any more."""
_FULL_FRAME = 1514

Agenda = list[tuple[int, int, "Way"]]
"""A heap of (due, key, way): when the first frame of each way that holds frames is due."""


class Lateness:
    """How much later than due the frames of a link left, as a histogram."""

    __slots__ = ("counts", "worst_ns")

    def __init__(self) -> None:
        self.counts = [0] * (LATENESS_STEPS + 1)
        self.worst_ns = 0

    def add(self, late_ns: int) -> None:
        step = late_ns // LATENESS_STEP_NS
        self.counts[step if step < LATENESS_STEPS else LATENESS_STEPS] += 1
        if late_ns > self.worst_ns:  # noqa: PLR1730 (max() costs three times as much, on every frame)
            self.worst_ns = late_ns


class Way:
    """The state of one direction. ``key`` is unique among the ways of a relay."""

    __slots__ = (
        "armed",
        "closed",
        "cut_off",
        "delay_ns",
        "delivered",
        "fifo",
        "free_ns",
        "key",
        "last_due_ns",
        "lateness",
        "loss",
        "lost",
        "most",
        "ns_per_byte",
        "overflowed",
        "queue_ns",
        "random",
        "refused",
        "sink",
        "source",
        "stormed",
        "taken",
        "window_ends_ns",
    )

    def __init__(self, key: int, *, source: int, sink: int, seed: str, lateness: Lateness) -> None:
        self.key, self.source, self.sink = key, source, sink
        self.random = random.Random(seed).random
        self.lateness = lateness
        self.fifo: deque[tuple[int, bytes]] = deque()
        self.armed = False
        """The agenda holds an entry for this way."""
        self.closed = False
        self.free_ns = self.last_due_ns = 0
        self.delivered = self.overflowed = self.lost = self.cut_off = self.refused = self.stormed = 0
        self.taken = self.window_ends_ns = 0
        self.reshape(0.0, 1e9, 0.0, 100.0)

    def reshape(self, delay_ms: float, rate_bps: float, loss: float, queue_ms: float) -> None:
        """What holds for frames from now on; those on the wire keep the time they were given."""
        self.delay_ns = round(delay_ms * 1e6)
        self.ns_per_byte = 8e9 / rate_bps
        self.loss = loss
        self.queue_ns = round(queue_ms * 1e6)
        self.most = round(max(FRAMES_PER_S, STORM_SHARE * rate_bps / (8 * _FULL_FRAME)) * WINDOW_NS / 1e9)

    def admit(self, size: int, now_ns: int) -> int:
        """When a frame of ``size`` bytes that comes now will leave; 0 if it is lost.

        Order is kept: after a lowered delay no frame overtakes those already on the wire.
        """
        if self.closed or (self.loss and self.random() < self.loss):
            self.lost += 1
            return 0
        start = self.free_ns if self.free_ns > now_ns else now_ns
        if start - now_ns > self.queue_ns:
            self.overflowed += 1
            return 0
        if now_ns >= self.window_ends_ns:
            self.window_ends_ns, self.taken = now_ns + WINDOW_NS, 0
        self.taken += 1
        if self.taken > self.most:
            self.stormed += 1
            return 0
        self.free_ns = start + int(size * self.ns_per_byte)
        due = self.free_ns + self.delay_ns
        if due < self.last_due_ns:  # noqa: PLR1730
            due = self.last_due_ns
        self.last_due_ns = due
        return due

    def hold(self, due_ns: int, frame: bytes, agenda: Agenda) -> None:
        """Keep an admitted frame until it is due."""
        self.fifo.append((due_ns, frame))
        if not self.armed:
            self.armed = True
            heappush(agenda, (due_ns, self.key, self))

    def sever(self, agenda: Agenda) -> None:
        """Close the way; what is on the wire or queued for it is lost."""
        self.closed = True
        self.cut_off += len(self.fifo)
        self.fifo.clear()
        self.free_ns = self.last_due_ns = 0
        if self.armed:
            self.armed = False
            agenda[:] = [entry for entry in agenda if entry[2] is not self]
            heapify(agenda)

    def counters(self) -> dict[str, int]:
        """Frames by their fate: lost is to chance or a closed way; refused, by a sink that was down."""
        return {
            "delivered": self.delivered,
            "in_flight": len(self.fifo),
            "lost": self.lost,
            "overflowed": self.overflowed,
            "stormed": self.stormed,
            "cut_off": self.cut_off,
            "refused": self.refused,
        }
