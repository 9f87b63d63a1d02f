"""``brain.flap``: it dies and comes back, again and again: at each return it goes through the whole network.

Settings: ``every`` (``3 s``: one period), ``duty`` (``50 %``: the part of it that it is gone),
``lasting`` (``20 s``), ``jitter`` (``10 %``: periods are longer or shorter by up to that, by the seed).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.flapping import SETTINGS, Flapping
from experiments.faults.kind import BRAIN, Beat, Settings
from experiments.faults.registry import FAULTS


@FAULTS.register
@dataclass(frozen=True, slots=True)
class BrainFlap(Flapping):
    """Its first kill and its last return prove themselves; all are in the journal."""

    kind: ClassVar[str] = "brain.flap"
    aims_at: ClassVar[str] = BRAIN
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = SETTINGS
    every: float = 3.0

    def beats(self, at_s: float, seed: str) -> Iterator[Beat]:
        return self.alternate(at_s, seed, down="brain.kill", up="brain.return")
