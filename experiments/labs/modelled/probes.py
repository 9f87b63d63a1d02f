"""All probes of a run, from the courses of their pairs into the file that a prober would have left."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.labs.modelled.courses import Course, Segment
from experiments.labs.modelled.flight import Flight
from experiments.labs.modelled.schedule import Ints, Stream, streams
from topology.errors import LabError
from topology.model import Pair
from traffic.records import END, RECEIVED, SENT, header
from traffic.schedule import NS_PER_S, ProbePlan

RECORD = np.dtype([("slot", "<u4"), ("kind", "<u4"), ("time_ns", "<i8")])
"""As in ``traffic.records``."""
LOST = -1


def write(
    path: Path, plan: ProbePlan, courses: Mapping[Pair, Course], *, zero_s: float, now_s: float, seed: str
) -> None:
    """Every probe that was due until now. The run's zero is the epoch's: no clock was asked. Raises LabError."""
    until_ns = min(round((now_s - zero_s) * NS_PER_S), round(plan.duration_s * NS_PER_S))
    parts = []
    for stream in streams(plan):
        count = int(np.searchsorted(stream.due_ns, until_ns))
        received_ns = arrivals(stream, count, courses[stream.pair].segments(now_s), zero_s, seed)
        came = received_ns != LOST
        parts += [
            _records(stream.slots[:count], SENT, stream.due_ns[:count]),
            _records(stream.slots[:count][came], RECEIVED, received_ns[came]),
        ]
    records = np.concatenate(parts) if parts else np.empty(0, dtype=RECORD)
    records = records[np.lexsort((records["slot"], records["kind"], records["time_ns"]))]
    _write(path, header(plan, 0), (records, _records(np.zeros(1), END, np.array([until_ns]))))


def arrivals(stream: Stream, count: int, segments: Iterable[Segment], zero_s: float, seed: str) -> Ints:
    """When the first ``count`` probes of a stream came (ns after zero); LOST where they did not."""
    due_ns = stream.due_ns[:count]
    received_ns = np.full(count, LOST, dtype=np.int64)
    for segment in segments:
        if segment.flight.delivered:
            first, last = (
                int(np.searchsorted(due_ns, np.ceil((edge_s - zero_s) * NS_PER_S)))
                for edge_s in (segment.from_s, segment.until_s)
            )
            came = due_ns[first:last] + round(segment.flight.ends_s * NS_PER_S)
            received_ns[first:last] = np.where(_survive(stream, segment.flight, first, last, seed), came, LOST)
    return received_ns


def _survive(stream: Stream, flight: Flight, first: int, last: int, seed: str) -> Any:
    """Which of these probes chance lets through. The dice of a probe hang on nothing but its own names."""
    alive = np.ones(last - first, dtype=np.bool_)
    for leg in flight.chances:
        name = f"{seed} {stream.pair} {stream.fine} {leg.direction}"
        dice = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()))).random(last)
        alive &= dice[first:] >= leg.loss
    return alive


def _records(slots: Ints, kind: int, time_ns: Ints) -> Any:
    made = np.empty(len(slots), dtype=RECORD)
    made["slot"], made["kind"], made["time_ns"] = slots, kind, time_ns
    return made


def _write(path: Path, head: bytes, parts: Iterable[Any]) -> None:
    try:
        path.write_bytes(head + b"".join(part.tobytes() for part in parts))
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}") from error
