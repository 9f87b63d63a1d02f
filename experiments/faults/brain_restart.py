"""``brain.restart``: killed and started again, as by a watchdog or a careless upgrade.

Settings: ``down`` (``0 s``): how long it stays away at least; ``state``: what it remembers, as of ``brain.return``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.brain_return import parse_memory
from experiments.faults.kind import BRAIN, Beat, Settings
from experiments.faults.registry import FAULTS
from topology.units import parse_time_s


@FAULTS.register
@dataclass(frozen=True, slots=True)
class BrainRestart:
    """A kill, and the return of whom it struck: each proves itself."""

    kind: ClassVar[str] = "brain.restart"
    aims_at: ClassVar[str] = BRAIN
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = {"down": parse_time_s, "state": parse_memory}
    targets: tuple[str, ...] = (BRAIN,)
    down: float = 0.0
    state: str = ""

    def beats(self, at_s: float, seed: str) -> Iterator[Beat]:  # noqa: ARG002 (nothing is left to chance)
        yield Beat(at_s, "brain.kill")
        memory = {"state": self.state} if self.state else {}
        yield Beat(at_s + self.down, "brain.return", ends=True, settings=memory)
