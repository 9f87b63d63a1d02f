"""``link.heal``: whatever was done to a link ends: carrier, frames, delay, rate and loss as configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import NO_SETTINGS, Evidence, Fact, Fault, Measuring, Settings, until, wire
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

PROOF_S = 0.5
"""Where anybody forwards, frames come back with the next probe or BFD packet."""


@FAULTS.register
@dataclass(slots=True)
class LinkHeal:
    """Carrier at both ends, and frames come out again."""

    kind: ClassVar[str] = "link.heal"
    aims_at: ClassVar[str] = "link"
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    target: str

    def undoes(self, other: Fault) -> bool:
        return other.aims_at == self.aims_at and other.target == self.target

    def inject(self, lab: Lab) -> None:
        wire(lab, self.target).heal()

    def proof(self, lab: Lab) -> Evidence:
        link = wire(lab, self.target)
        before = sum(link.frames())
        alive = until(lab, lambda: all(link.carrier()) and sum(link.frames()) > before, PROOF_S)
        if not alive and isinstance(lab, Measuring):
            lab.measure_link(self.target)  # where nobody forwards, nobody sends: frames of our own
        carrier, frames = link.carrier(), sum(link.frames()) - before
        return Evidence(
            (
                Fact("carrier", carrier, all(carrier)),
                Fact("frames_since", frames, frames > 0),
            )
        )

    def heal(self, lab: Lab) -> None:
        """A heal is healthy: nothing to undo."""
