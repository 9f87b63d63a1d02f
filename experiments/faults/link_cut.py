"""``link.cut``: the fibre is cut. Both ends lose carrier; what is in flight is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.faults.kind import NO_SETTINGS, Evidence, Fact, Settings, frames_within, until, wire
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

WINDOW_S = 0.2
PROOF_S = 0.5


@FAULTS.register
@dataclass(slots=True)
class LinkCut:
    """No carrier at either end, and frames, which did come before, come no more."""

    kind: ClassVar[str] = "link.cut"
    aims_at: ClassVar[str] = "link"
    severs: ClassVar[bool] = True
    settings: ClassVar[Settings] = NO_SETTINGS
    target: str
    before: int = field(default=0, init=False)

    def inject(self, lab: Lab) -> None:
        link = wire(lab, self.target)
        link.cut()
        # Counted after the cut so that asking does not delay it: all these came before.
        self.before = sum(link.frames())

    def proof(self, lab: Lab) -> Evidence:
        link = wire(lab, self.target)
        until(lab, lambda: not any(link.carrier()), PROOF_S)
        carrier, frames = link.carrier(), frames_within(lab, link, WINDOW_S)
        return Evidence(
            (
                Fact("carrier", carrier, not any(carrier)),
                Fact(f"frames_in_{WINDOW_S * 1000:.0f}_ms", frames, frames == 0),
                Fact("frames_before", self.before, self.before > 0),
            )
        )

    def heal(self, lab: Lab) -> None:
        wire(lab, self.target).heal()
