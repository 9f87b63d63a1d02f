"""Which places ever led to which: the forwarding of a network, read against its direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NOBODY = -1
Table = NDArray[np.int64]


class Upstream:
    """A row of places per place. What led there once stays in it: whether it still does, ask ``Places.leads``."""

    def __init__(self) -> None:
        self._rows: Table = np.full((1024, 4), NOBODY, dtype=np.int64)
        self._counts: dict[int, int] = {}

    def add(self, place: int, leads: int) -> None:
        """A packet at ``place`` goes to ``leads``."""
        count = self._counts.get(leads, 0)
        if count and place in self._rows[leads, :count]:
            return
        count = self._counts[leads] = count + 1
        self._rows = _with_room(self._rows, leads + 1, count)
        self._rows[leads, count - 1] = place

    def of(self, places: Table) -> tuple[Table, Table]:
        """(those that ever led to one of these places, the place that each led to)."""
        rows = self._rows[places[places < len(self._rows)]]
        to = np.repeat(places[places < len(self._rows)], rows.shape[1])
        there = rows.ravel() != NOBODY
        return rows.ravel()[there], to[there]


def _with_room(rows: Table, height: int, width: int) -> Table:
    """At least so large; grows by doubling."""
    missing = [(0, need if need > have else 0) for have, need in zip(rows.shape, (height, width), strict=True)]
    return np.pad(rows, missing, constant_values=NOBODY) if any(more for _, more in missing) else rows
