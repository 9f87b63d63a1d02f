"""What links really do, measured from outside: frames of our own, stamped by the kernel where they arrive.

Both ways of all links are measured side by side, in rounds:

1. some lone frames each, for the delay;
2. a short train of full frames each, for a first idea of the rate;
3. a train sized by that idea to last ``_TRAIN_S``, for the rate, by how far the link spaced
   its frames (dispersion; Dovrolis et al., INFOCOM 2001);
4. where losses are asked for, so many small frames, at a pace that the link bears.

The frames carry the local experimental EtherType 0x88B5 (IEEE 802) and go to the address
01:80:C2:00:00:0E, which no bridge forwards (IEEE 802.1Q, 8.6.3). They are received before
any bridge takes them, so the links may be ports of a switch already.
"""

from __future__ import annotations

import ctypes
import errno
import math
import select
import socket
import struct
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from topology.errors import LabError
from topology.replica.interfaces import inside
from topology.replica.links import End

LONE_FRAMES = 7
_GAP_S = 0.004
"""Between the lone frames of a way."""
_FIRST_TRAIN, _LONGEST_TRAIN, _PARTS = 6, 100, 5
_TRAIN_S = 0.03
"""Less than a link's queue holds."""
_FRAMES_PER_S = 25_000
"""Trains of different ways start so far apart: half of what the relay can carry (``topology.replica.relay``)."""
_NAP_S = 0.002
"""Shorter sleeps are not worth it."""
_SHARE = 0.5
"""Of a link's rate that the frames of the last round take."""
_PATIENCE_S = 1.0
"""More than the longest delay: how long to wait for frames that do not come …"""
_QUEUED_S = 0.15
"""… and when the delays are known, so much beyond the longest of them since the last that came."""

_ETHERTYPE = 0x88B5
_HEADER = bytes.fromhex("0180c200000e 020000fa5700") + _ETHERTYPE.to_bytes(2, "big")
_BODY = struct.Struct("!BHQ")
"""Round, number, realtime nanoseconds at sending."""
SMALL_BYTES, FULL_BYTES = 60, 1514

_ETH_P_ALL, _SOL_PACKET, _PACKET_IGNORE_OUTGOING = 3, 263, 23
_SO_TIMESTAMPNS, _SO_ATTACH_FILTER = 35, 26
_TIMESPEC = struct.Struct("qq")


_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Measured:
    """One link as found. ``rate_bps`` is the slower way's, nan where too little came to tell."""

    delay_ab_ms: float
    """Median one-way delay, without the time that the frame itself takes at this rate."""
    delay_ba_ms: float
    rate_bps: float
    loss_ab: float = 0.0
    """Share of all frames sent that did not come."""
    loss_ba: float = 0.0
    frames: int = 0
    """So many were sent, each way at least."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame that came: which, and when it was sent and received (realtime, ns)."""

    round: int
    number: int
    sent_ns: int
    received_ns: int


@dataclass(slots=True)
class Probe:
    """One way of one link."""

    link: str
    source: Station
    interface: str
    """Where the source sends."""
    sent: int = 0
    arrivals: list[Arrival] = field(default_factory=list)

    def send(self, round_: int, number: int, size: int) -> None:
        frame = (_HEADER + _BODY.pack(round_, number, time.time_ns())).ljust(size, b"\0")
        try:
            self.source.raw.sendto(frame, (self.interface, _ETHERTYPE))
        except OSError as mistake:
            if mistake.errno not in (errno.ENOBUFS, errno.EAGAIN):
                raise
        else:  # a full queue may say so
            self.sent += 1

    @property
    def complete(self) -> bool:
        return len(self.arrivals) >= self.sent

    @property
    def loss(self) -> float:
        return 1 - len(self.arrivals) / self.sent if self.sent else 0.0

    def of_round(self, round_: int) -> list[Arrival]:
        return [arrival for arrival in self.arrivals if arrival.round == round_]


class Station:
    """A packet socket that serves all interfaces of one namespace."""

    def __init__(self, pid: int) -> None:
        self.raw = _open(pid)
        self.expected: dict[str, Probe] = {}
        """The probe that ends at each interface."""

    def receive(self) -> None:
        """All that is waiting."""
        while True:
            try:
                frame, ancillary, _, sender = self.raw.recvmsg(2048, 64)
            except BlockingIOError:
                return
            stamps = [data for level, kind, data in ancillary if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS)]
            probe = self.expected.get(sender[0])
            if stamps and probe and frame.startswith(_HEADER):  # others may come before the filter is in place
                seconds, nanoseconds = _TIMESPEC.unpack(stamps[0])
                round_, number, sent_ns = _BODY.unpack_from(frame, len(_HEADER))
                probe.arrivals.append(Arrival(round_, number, sent_ns, seconds * 1_000_000_000 + nanoseconds))


def measure(links: Mapping[str, tuple[End, End]], frames: int = 0) -> dict[str, Measured]:
    """Measure all links at once, in about half a second; ``frames``: so many more each way, to see what is lost.

    Raises LabError, naming links where nothing came.
    """
    with _stations(links) as (stations, probes):
        _lone_frames(probes, stations, _PATIENCE_S)
        patience_s = _QUEUED_S + _longest_s(probes)
        _trains(probes, stations, 1, [_FIRST_TRAIN for _ in probes], patience_s)
        lengths = [train_length(rate_bps(probe.of_round(1))) for probe in probes]
        _trains(probes, stations, 2, lengths, patience_s)
        _spread(probes, stations, frames, patience_s)
    dark = sorted({probe.link for probe in probes if not probe.of_round(0)})
    if dark:
        raise LabError(f"no frame came through: {', '.join(dark)}")
    return {ab.link: _measured(ab, ba) for ab, ba in zip(probes[::2], probes[1::2], strict=True)}


def arriving(links: Mapping[str, tuple[End, End]], within_s: float) -> dict[str, tuple[int, int]]:
    """How many lone frames come out of each link, each way, within that time of the last. Raises LabError."""
    with _stations(links) as (stations, probes):
        _lone_frames(probes, stations, within_s)
    return {ab.link: (len(ab.arrivals), len(ba.arrivals)) for ab, ba in zip(probes[::2], probes[1::2], strict=True)}


@contextmanager
def _stations(links: Mapping[str, tuple[End, End]]) -> Iterator[tuple[Collection[Station], list[Probe]]]:
    """A station in each namespace, and a probe for each way: a→b, then b→a, link after link."""
    stations: dict[int, Station] = {}
    try:
        for pid in {end.pid for ends in links.values() for end in ends}:
            stations[pid] = Station(pid)
        ways = [(name, *way) for name, (a, b) in links.items() for way in ((a, b), (b, a))]
        yield stations.values(), [_probe(*way, stations) for way in ways]
    except OSError as mistake:
        raise LabError(f"cannot calibrate the links: {mistake}") from mistake
    finally:
        _close(stations.values())


def _probe(link: str, source: End, sink: End, stations: Mapping[int, Station]) -> Probe:
    probe = Probe(link, stations[source.pid], source.interface)
    stations[sink.pid].expected[sink.interface] = probe
    return probe


def rate_bps(train: Iterable[Arrival]) -> float:
    """The rate that spaced these full frames so; nan for fewer than two.

    A long train is taken in parts of which the median counts: one hiccup of the machine
    stretches one of them, and would make the link look slower than it is.
    """
    stamps = sorted(arrival.received_ns for arrival in train)
    length = max(len(stamps) // _PARTS, _FIRST_TRAIN) if len(stamps) > _FIRST_TRAIN else len(stamps)
    parts = [stamps[at : at + length + 1] for at in range(0, len(stamps) - length // 2, max(length, 1))]
    rates = [(len(part) - 1) * FULL_BYTES * 8e9 / (part[-1] - part[0]) for part in parts if part[-1:] > part[:1]]
    return median(rates) if rates else math.nan


def train_length(rate: float) -> int:
    """How many full frames last ``_TRAIN_S`` at this rate (bit/s)."""
    if math.isnan(rate):
        return _FIRST_TRAIN
    return min(max(round(rate * _TRAIN_S / (FULL_BYTES * 8)), _FIRST_TRAIN), _LONGEST_TRAIN)


def delay_ms(lone: Iterable[Arrival], rate: float) -> float:
    """Median delay of these lone frames, less the time of ``SMALL_BYTES`` at ``rate`` (bit/s)."""
    own_ms = 0.0 if math.isnan(rate) else SMALL_BYTES * 8e3 / rate
    return median((arrival.received_ns - arrival.sent_ns) / 1e6 for arrival in lone) - own_ms


def _measured(ab: Probe, ba: Probe) -> Measured:
    rates = [rate_bps(probe.of_round(2)) for probe in (ab, ba)]
    delays = [delay_ms(probe.of_round(0), rate) for probe, rate in zip((ab, ba), rates, strict=True)]
    return Measured(delays[0], delays[1], min(rates), ab.loss, ba.loss, min(ab.sent, ba.sent))


def _lone_frames(probes: list[Probe], stations: Collection[Station], within_s: float) -> None:
    for number in range(LONE_FRAMES):
        for probe in probes:
            probe.send(0, number, SMALL_BYTES)
        _collect(stations, _GAP_S)
    _collect(stations, within_s)


def _longest_s(probes: Iterable[Probe]) -> float:
    """The longest delay that the lone frames had."""
    took_ns = (arrival.received_ns - arrival.sent_ns for probe in probes for arrival in probe.of_round(0))
    return max(took_ns, default=0) / 1e9


def _spread(probes: list[Probe], stations: Collection[Station], frames: int, patience_s: float) -> None:
    rates = [rate for probe in probes if not math.isnan(rate := rate_bps(probe.of_round(2)))]
    gap_s = max(len(probes) / _FRAMES_PER_S, SMALL_BYTES * 8 / (_SHARE * min(rates, default=math.inf)))
    begin_s = time.monotonic()
    for number in range(frames):
        for probe in probes:
            probe.send(3, number, SMALL_BYTES)
        if (early_s := begin_s + number * gap_s - time.monotonic()) > _NAP_S:
            time.sleep(early_s)
            _receive(stations)
    _collect(stations, patience_s if frames else 0.0, since_last=True)


def _receive(stations: Collection[Station]) -> None:
    for station in stations:
        station.receive()


def _trains(
    probes: list[Probe], stations: Collection[Station], round_: int, lengths: list[int], patience_s: float
) -> None:
    for probe, length in zip(probes, lengths, strict=True):
        for number in range(length):
            probe.send(round_, number, FULL_BYTES)
        _collect(stations, length / _FRAMES_PER_S)
    _collect(stations, patience_s, since_last=True)


def _collect(stations: Collection[Station], within_s: float, *, since_last: bool = False) -> None:
    """Receive until all has come that was sent, or this time is over; ``since_last``: counted anew from each frame."""
    deadline = time.monotonic() + within_s
    by_descriptor = {station.raw.fileno(): station for station in stations}
    poll = select.poll()
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    while True:
        left_s = max(0.0, deadline - time.monotonic())
        ready = poll.poll(math.ceil(left_s * 1e3))
        for descriptor, _ in ready:
            by_descriptor[descriptor].receive()
        if ready and since_last:
            deadline = time.monotonic() + within_s
        complete = all(probe.complete for station in by_descriptor.values() for probe in station.expected.values())
        if complete or time.monotonic() >= deadline:
            return


def _open(pid: int) -> socket.socket:
    """A packet socket in that namespace that takes in our frames only, each with its time.

    ETH_P_ALL and not our own type: a bridge takes a frame away before sockets of one type see it.
    """
    with inside(pid):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_ALL))
    try:
        _attach_filter(raw)
        raw.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        raw.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        _bind_to_all(raw)
    except OSError:
        raw.close()
        raise
    return raw


def _bind_to_all(raw: socket.socket) -> None:
    """Every interface, now that the filter is there; Python's own bind asks for the name of one."""
    address = struct.pack("HHiHBB8s", socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b"")  # packet(7)
    if _LIBC.bind(raw.fileno(), address, len(address)) != 0:
        raise OSError(ctypes.get_errno(), "cannot bind a packet socket")


def _close(stations: Collection[Station]) -> None:
    """Side by side: closing a packet socket waits until no CPU can be using it, 10 to 20 ms each."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        for station in stations:
            pool.submit(station.raw.close)


def _attach_filter(raw: socket.socket) -> None:
    """Classic BPF: load the EtherType; take the frame if it is ours, else nothing."""
    program = b"".join(
        struct.pack("HBBI", *step)
        for step in ((0x28, 0, 0, 12), (0x15, 0, 1, _ETHERTYPE), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0))
    )
    steps = ctypes.create_string_buffer(program, len(program))
    raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 4, ctypes.addressof(steps)))
