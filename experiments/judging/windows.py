"""Windows: how available each pair was, second by second.

A window of a pair is *bad* when more than 5 % of the probes sent in it were lost. Windows are
counted from the start of their phase, so that no window is half one phase and half another; a
last piece shorter than half a window is joined to the one before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.judging.samples import Bools, Floats, Ints, Samples

WINDOW_S = 1.0
BAD_LOSS = 0.05


@dataclass(frozen=True)
class Windows:
    """Counts per pair and window of one stretch of time."""

    start_s: float
    edges_s: Floats
    sent: Ints
    """[pair, window]."""
    lost: Ints
    """[pair, window]."""

    @property
    def known(self) -> Bools:
        """Where at least one probe was sent."""
        return np.asarray(self.sent > 0, dtype=np.bool_)

    @property
    def bad(self) -> Bools:
        return np.asarray(self.lost > BAD_LOSS * self.sent, dtype=np.bool_)

    @property
    def availability(self) -> Floats:
        """Per pair, the share of its known windows that are good; NaN where none is known."""
        known = self.known.sum(axis=1)
        good = (self.known & ~self.bad).sum(axis=1)
        return np.asarray(np.divide(good, known, out=np.full(len(known), np.nan), where=known > 0))

    @property
    def doubt(self) -> Floats:
        """Per pair, the share of its known time that counts as bad but delivered: windows bad in part."""
        known = np.maximum(self.known.sum(axis=1), 1)
        delivered = np.where(self.bad, 1 - self.lost / np.maximum(self.sent, 1), 0.0)
        return np.asarray(delivered.sum(axis=1) / known)


def edges(start_s: float, end_s: float, width_s: float = WINDOW_S) -> Floats:
    """Borders of the windows from ``start_s`` to ``end_s``; at least one window."""
    count = max(1, round((end_s - start_s) / width_s))
    inner = start_s + width_s * np.arange(count, dtype=np.float64)
    return np.asarray(np.append(inner, max(end_s, inner[-1] + 1e-9)))


def count(samples: Samples, chosen: Bools, start_s: float, end_s: float, width_s: float = WINDOW_S) -> Windows:
    """Windows over the ``chosen`` probes; those due before ``start_s`` (lost under way) fall into the first."""
    borders = edges(start_s, end_s, width_s)
    shape = (len(samples.pairs), len(borders) - 1)
    kept = chosen & samples.sent
    window = np.clip(np.searchsorted(borders, samples.due_s[kept], side="right") - 1, 0, shape[1] - 1)
    cell = samples.pair[kept] * shape[1] + window
    size = shape[0] * shape[1]
    sent = np.bincount(cell, minlength=size).reshape(shape)
    lost = np.bincount(cell[samples.lost[kept]], minlength=size).reshape(shape)
    return Windows(start_s, borders, sent, lost)


def touched_pops(samples: Samples, pairs: Bools) -> set[str]:
    """PoPs that one of the chosen pairs starts from or leads to."""
    return {pop for index in np.flatnonzero(pairs) for pop in samples.pairs[index]}
