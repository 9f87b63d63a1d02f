"""``link.flap``: links that go down and come back, again and again: each time everybody reacts.

Settings: ``every`` (``2 s``: one period), ``duty`` (``50 %``: the part of it that they are cut),
``lasting`` (``20 s``), ``jitter`` (``10 %``: periods are longer or shorter by up to that, by the seed).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.flapping import SETTINGS, Flapping
from experiments.faults.kind import LINK, Beat, Settings
from experiments.faults.registry import FAULTS


@FAULTS.register
@dataclass(frozen=True, slots=True)
class LinkFlap(Flapping):
    """Its first cut and its last heal prove themselves; all are in the journal."""

    kind: ClassVar[str] = "link.flap"
    aims_at: ClassVar[str] = LINK
    severs: ClassVar[bool] = True
    settings: ClassVar[Settings] = SETTINGS

    def beats(self, at_s: float, seed: str) -> Iterator[Beat]:
        return self.alternate(at_s, seed, down="link.cut", up="link.heal")
