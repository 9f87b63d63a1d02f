"""Reads what a prober recorded: one row per scheduled probe, sent or not, delivered or not.

Losses are counted from the schedule, so a probe that the prober never sent is a row too
(``sent_s`` is nan) and can be told from one that the network lost (``recv_s`` is nan).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topology.errors import LabError
from topology.model import Pair
from traffic.records import DROPPED, END, FORMAT, RECEIVED, RECORD, SENT
from traffic.schedule import FINE, FLIGHT_S, NS_PER_S, ProbePlan, Wheel

_RECORD = np.dtype([("slot", "<u4"), ("kind", "<u4"), ("time_ns", "<i8")])
_Records = NDArray[np.void]


@dataclass(frozen=True)
class Samples:
    """Columns of equal length, one row per probe; times in seconds on the run's clock."""

    pairs: tuple[Pair, ...]
    """What ``pair`` counts in: the plan's pairs, then its fine pairs."""
    pair: NDArray[np.int32]
    seq: NDArray[np.int32]
    fine: NDArray[np.bool_]
    due_s: NDArray[np.float64]
    sent_s: NDArray[np.float64]
    """nan: never sent, the prober was more than an interval late."""
    recv_s: NDArray[np.float64]
    """nan: not delivered. Of a packet that arrived twice, the first."""
    dropped: int
    """Datagrams that reached the host and were lost in the prober's own buffers: must be 0."""
    complete: bool
    """False when the prober died: then the last ``FLIGHT_S`` are left out, their fate being unknown."""


def read(path: Path, plan: ProbePlan | None = None) -> Samples:
    """Read a record file, whole or cut off anywhere after its header.

    Raises LabError if it is no such file, or of another plan than ``plan``; OSError if unreadable.
    """
    raw = path.read_bytes()
    zero_ns, recorded, begin = _header(raw, path)
    if plan is not None and plan != recorded:
        raise LabError(f"{path}: recorded by another plan of probes")
    records = np.frombuffer(raw, dtype=_RECORD, count=(len(raw) - begin) // RECORD.size, offset=begin)
    return _assemble(recorded, records, zero_ns)


def due_ns(wheel: Wheel, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """``Wheel.due_ns`` of many slots."""
    count = max(len(wheel.pairs), 1)
    number = slots % count
    places = slots - number + np.array(wheel.leads, dtype=np.int64)[number] if wheel.pairs else slots
    return wheel.begin_ns + places * wheel.interval_ns // count


def _header(raw: bytes, path: Path) -> tuple[int, ProbePlan, int]:
    begin = raw.find(b"\n") + 1
    try:
        head = json.loads(raw[:begin])
        if head["format"] != FORMAT:
            raise ValueError(head["format"])
        return head["zero_ns"], _plan(head["plan"]), begin
    except (ValueError, KeyError, TypeError):
        raise LabError(f"{path}: not a record of probes ('{FORMAT}'), or cut off in its first line") from None


def _plan(fields: dict[str, Any]) -> ProbePlan:
    pairs = {name: tuple((a, b) for a, b in fields[name]) for name in ("pairs", "fine_pairs")}
    return ProbePlan(**{**fields, **pairs})


def _assemble(plan: ProbePlan, records: _Records, zero_ns: int) -> Samples:
    kind = records["kind"]
    ends = records["time_ns"][kind == END]
    times = records["time_ns"][(kind == SENT) | (kind == RECEIVED)]
    if len(ends):
        until_s = (int(ends[0]) - zero_ns) / NS_PER_S
    else:
        until_s = (int(times.max()) - zero_ns) / NS_PER_S - FLIGHT_S if len(times) else 0.0
    halves = [_columns(wheel, mark, records, zero_ns, until_s) for wheel, mark in ((plan.coarse, 0), (plan.fine, FINE))]
    coarse, fine = halves
    fine["pair"] += np.int32(len(plan.pairs))
    columns = {name: np.concatenate((coarse[name], fine[name])) for name in coarse}
    dropped = int(records["slot"][kind == DROPPED].sum())
    return Samples(plan.pairs + plan.fine_pairs, **columns, dropped=dropped, complete=bool(len(ends)))


def _columns(wheel: Wheel, mark: int, records: _Records, zero_ns: int, until_s: float) -> dict[str, NDArray[Any]]:
    """The rows of one wheel that were due before ``until_s``."""
    count = max(len(wheel.pairs), 1)
    scheduled = np.arange(wheel.slots, dtype=np.int64)
    due_s = due_ns(wheel, scheduled) / NS_PER_S
    slots = scheduled[due_s < until_s]
    mine = records[(records["slot"] & np.uint32(FINE)) == mark]
    return {
        "pair": (slots % count).astype(np.int32),
        "seq": (slots // count).astype(np.int32),
        "fine": np.full(len(slots), bool(mark)),
        "due_s": due_s[: len(slots)],
        "sent_s": _times(mine, SENT, zero_ns, len(slots)),
        "recv_s": _times(mine, RECEIVED, zero_ns, len(slots)),
    }


def _times(records: _Records, kind: int, zero_ns: int, count: int) -> NDArray[np.float64]:
    """Per slot the time of its first record of this kind, nan where there is none."""
    chosen = records[records["kind"] == kind][::-1]
    slots = (chosen["slot"] & np.uint32(FINE - 1)).astype(np.int64)
    times = np.full(count, np.nan)
    known = slots < count
    times[slots[known]] = (chosen["time_ns"][known] - zero_ns) / NS_PER_S
    return times
