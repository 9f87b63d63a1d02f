"""When each probe is due, as arithmetic: the part of probing that needs no socket and no clock.

The prober sends by it, the reader counts losses by it, the spec's check weighs links by it.
Two wheels turn side by side: the coarse one over ``pairs``, the fine one over ``fine_pairs``.
A wheel of n pairs and interval δ numbers its slots 0, 1, 2, …: slot m belongs to pair m mod n, is
that pair's probe number m div n, and has its place at m·δ/n after the run's zero. Slots side by
side whose pairs begin at the same host are a *bunch*: all are due at the place of the first. A
packet that comes alone wakes every process on its way, which costs many times what it costs to
carry it; a bunch wakes them once. The bunches are spread over the interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from topology.errors import InputError, Problem
from topology.model import Link, Pair

ETHERNET_BYTES, MPLS_BYTES, IPV4_BYTES, UDP_BYTES = 14, 4, 20, 8
PROBE_PAYLOAD_BYTES = 16
FINE = 1 << 31
"""Marks a slot number of the fine wheel, on the wire and in the record."""
NS_PER_S = 1_000_000_000
BUNCH = 16
"""Probes that leave a host together, at most: the last waits for the others, some 10 µs each on a narrow link."""
FLIGHT_S = 1.0
"""How long a probe may be under way: above the longest path plus its queues."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """Which pairs are probed, how often, for how long: part of the spec, never of the machine."""

    pairs: tuple[Pair, ...]
    interval_s: float
    fine_pairs: tuple[Pair, ...] = ()
    fine_interval_s: float = 0.002
    duration_s: float = 0.0
    fine_from_s: float = 0.0
    fine_until_s: float | None = None
    """Fine probes are sent in this stretch only (None: to the end): they cost as much as fifty pairs."""

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise InputError(problems)

    def _problems(self) -> Iterable[Problem]:
        for name in ("interval_s", "fine_interval_s", "duration_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0 and (value > 0 or name == "duration_s")):
                yield Problem(f"probes: {name}", f"{value} is not a positive number of seconds")
        for name in ("pairs", "fine_pairs"):
            pairs: tuple[Pair, ...] = getattr(self, name)
            if len(set(pairs)) != len(pairs):
                yield Problem(f"probes: {name}", "a pair stands there twice")

    @property
    def coarse(self) -> Wheel:
        return Wheel(self.pairs, _nanoseconds(self.interval_s), _nanoseconds(self.duration_s))

    @property
    def fine(self) -> Wheel:
        until_s = self.duration_s if self.fine_until_s is None else min(self.fine_until_s, self.duration_s)
        length_ns = _nanoseconds(max(0.0, until_s - self.fine_from_s))
        return Wheel(self.fine_pairs, _nanoseconds(self.fine_interval_s), length_ns, _nanoseconds(self.fine_from_s))

    @property
    def probes_per_s(self) -> float:
        return len(self.pairs) / self.interval_s + len(self.fine_pairs) / self.fine_interval_s


@dataclass(frozen=True, slots=True)
class Wheel:
    """The slots of one set of pairs; times in nanoseconds after the run's zero."""

    pairs: tuple[Pair, ...]
    interval_ns: int
    duration_ns: int
    begin_ns: int = 0
    leads: tuple[int, ...] = field(init=False, repr=False)
    """Of each pair's number, the number with which its bunch begins."""
    _ends: tuple[int, ...] = field(init=False, repr=False)
    """And that of its last."""

    def __post_init__(self) -> None:
        bunches = list(_bunches(self.pairs))
        object.__setattr__(self, "leads", tuple(bunch[0] for bunch in bunches for _ in bunch))
        object.__setattr__(self, "_ends", tuple(bunch[-1] for bunch in bunches for _ in bunch))

    @property
    def slots(self) -> int:
        """How many slots are due before the end."""
        return self._end(-(-self.duration_ns * len(self.pairs) // self.interval_ns) - 1) + 1

    def due_ns(self, slot: int) -> int:
        """Never less than that of an earlier slot."""
        turn, number = divmod(slot, max(len(self.pairs), 1))
        place = turn * len(self.pairs) + (self.leads[number] if self.pairs else 0)
        return self.begin_ns + place * self.interval_ns // max(len(self.pairs), 1)

    def last_due(self, now_ns: int) -> int:
        """The newest slot that is due at ``now_ns``; −1 when none is."""
        if now_ns < self.begin_ns or not self.pairs:
            return -1
        return min(self._end((now_ns - self.begin_ns) * len(self.pairs) // self.interval_ns), self.slots - 1)

    def _end(self, slot: int) -> int:
        """The last slot of its bunch."""
        if slot < 0 or not self.pairs:
            return -1
        number = slot % len(self.pairs)
        return slot - number + self._ends[number]


def _bunches(pairs: Sequence[Pair]) -> Iterator[range]:
    """Runs of numbers whose pairs begin at one host, none longer than ``BUNCH``."""
    first = 0
    for number in range(1, len(pairs) + 1):
        if number == len(pairs) or pairs[number][0] != pairs[first][0] or number - first == BUNCH:
            yield range(first, number)
            first = number


def frame_bits(labels: int = 0) -> int:
    """A probe on the wire: Ethernet header, labels, IPv4, UDP, payload (no preamble, no FCS, as a TAP sees it)."""
    return 8 * (ETHERNET_BYTES + labels * MPLS_BYTES + IPV4_BYTES + UDP_BYTES + PROBE_PAYLOAD_BYTES)


def probe_load_bps(plan: ProbePlan, paths: Mapping[Pair, Sequence[Link]], *, labels: int = 2) -> dict[Pair, float]:
    """What the probes put on each direction (from, to) of each link, given the links that each pair crosses.

    ``labels`` is the deepest stack without a repair: an upper bound. Raises KeyError for a pair without a path.
    """
    load: dict[Pair, float] = {}
    for pairs, interval_s in ((plan.pairs, plan.interval_s), (plan.fine_pairs, plan.fine_interval_s)):
        for pair in pairs:
            for direction in _directions(pair[0], paths[pair]):
                load[direction] = load.get(direction, 0.0) + frame_bits(labels) / interval_s
    return load


def probe_shares(plan: ProbePlan, paths: Mapping[Pair, Sequence[Link]], *, labels: int = 2) -> dict[Pair, float]:
    """The same as shares of each link's capacity: none may exceed a tenth in an experiment."""
    capacity = {
        ends: link.capacity_bps for path in paths.values() for link in path for ends in (link.ends, (link.b, link.a))
    }
    return {ends: bps / capacity[ends] for ends, bps in probe_load_bps(plan, paths, labels=labels).items()}


def _directions(start: str, path: Sequence[Link]) -> Iterable[Pair]:
    here = start
    for link in path:
        yield (here, link.other(here))
        here = link.other(here)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * NS_PER_S)
