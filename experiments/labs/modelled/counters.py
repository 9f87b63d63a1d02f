"""Frames that came out of each link so far: as many as the traffic's schedule and courses say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from experiments.labs.modelled.courses import Course
from experiments.labs.modelled.flight import Direction, Flight
from experiments.labs.modelled.schedule import Stream
from topology.model import Pair
from traffic.bulk import BulkFlow
from traffic.schedule import NS_PER_S


class Counters:
    """Of one run's probes and bulk flows; nothing before it began."""

    def __init__(
        self, streams: Sequence[Stream], flows: Sequence[BulkFlow], courses: Mapping[Pair, Course], zero_s: float
    ) -> None:
        self._streams: dict[Pair, list[Stream]] = {}
        for stream in streams:
            self._streams.setdefault(stream.pair, []).append(stream)
        self._frames_per_s: dict[Pair, float] = {}
        for flow in flows:
            self._frames_per_s[flow.pair] = flow.rate_bps / (8 * flow.block_bytes)
        self._courses, self._zero_s = courses, zero_s

    def frames(self, link: str, now_s: float) -> tuple[int, int]:
        """Delivered until now (a→b, b→a)."""
        ways: tuple[Direction, Direction] = ((link, True), (link, False))
        totals = [0.0, 0.0]
        for pair, course in self._courses.items():
            for segment in course.segments(now_s):
                for number, way in enumerate(ways):
                    for leaves_s, share in _crossings(segment.flight, way):
                        until_s = min(segment.until_s, now_s - leaves_s)
                        totals[number] += share * self._sent(pair, segment.from_s, until_s)
        return (int(totals[0]), int(totals[1]))

    def _sent(self, pair: Pair, from_s: float, until_s: float) -> float:
        """Frames that the pair sent in a stretch of time."""
        if until_s <= from_s:
            return 0.0
        probes = sum(_due(stream, until_s - self._zero_s) for stream in self._streams.get(pair, ()))
        probes -= sum(_due(stream, from_s - self._zero_s) for stream in self._streams.get(pair, ()))
        since_s = max(from_s, self._zero_s)
        return probes + max(0.0, until_s - since_s) * self._frames_per_s.get(pair, 0.0)


def _due(stream: Stream, t_s: float) -> int:
    return int(np.searchsorted(stream.due_ns, t_s * NS_PER_S))


def _crossings(flight: Flight, way: Direction) -> Iterable[tuple[float, float]]:
    """(when a packet comes out of the link, the share that does); several times where it loops."""
    share = 1.0
    for leg in flight.legs:
        share *= 1 - leg.loss
        if leg.direction == way and leg.leaves_s is not None:
            yield leg.leaves_s, share
