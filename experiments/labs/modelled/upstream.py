"""Which places ever led to which: the forwarding of a network, read against its direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NOBODY = -1
Ints = NDArray[np.int64]
Rows = NDArray[np.int32]


class Upstream:
    """A row of places per place. What led there once stays in it: whether it still does, ask ``Places.leads``."""

    def __init__(self) -> None:
        self._rows: Rows = np.full((1024, 4), NOBODY, dtype=np.int32)
        self._counts: dict[int, int] = {}

    def add(self, place: int, leads: int) -> None:
        """A packet at ``place`` goes to ``leads``."""
        count = self._counts.get(leads, 0)
        if count and place in self._rows[leads, :count]:
            return
        count = self._counts[leads] = count + 1
        self._rows = _with_room(self._rows, leads + 1, count)
        self._rows[leads, count - 1] = place

    def of(self, places: Ints) -> tuple[Ints, Ints]:
        """(those that ever led to one of these places, the place that each led to)."""
        here = places[places < len(self._rows)]
        rows = self._rows[here].astype(np.int64)
        to = np.repeat(here, rows.shape[1])
        there = rows.ravel() != NOBODY
        return rows.ravel()[there], to[there]


def _with_room(rows: Rows, height: int, width: int) -> Rows:
    """At least so large: it doubles its height, and widens step by step."""
    taller, wider = height if height > rows.shape[0] else 0, 2 if width > rows.shape[1] else 0
    return np.pad(rows, ((0, taller), (0, wider)), constant_values=NOBODY) if taller or wider else rows
