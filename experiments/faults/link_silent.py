"""``link.silent``: frames vanish both ways, carrier stays. Only BFD (RFC 5880) can notice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.faults.kind import NO_SETTINGS, Evidence, Fact, Settings, drained, frames_within, wire
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

WINDOW_S = 0.2


@FAULTS.register
@dataclass(slots=True)
class LinkSilent:
    """Carrier at both ends, and frames, which did come before, come no more."""

    kind: ClassVar[str] = "link.silent"
    aims_at: ClassVar[str] = "link"
    severs: ClassVar[bool] = True
    settings: ClassVar[Settings] = NO_SETTINGS
    target: str
    before: int = field(default=0, init=False)

    def inject(self, lab: Lab) -> None:
        link = wire(lab, self.target)
        link.silence()
        self.before = sum(link.frames())

    def proof(self, lab: Lab) -> Evidence:
        link = wire(lab, self.target)
        drained(lab, [link])
        frames, carrier = frames_within(lab, link, WINDOW_S), link.carrier()
        return Evidence(
            (
                Fact("carrier", carrier, all(carrier)),
                Fact(f"frames_in_{WINDOW_S * 1000:.0f}_ms", frames, frames == 0),
                Fact("frames_before", self.before, self.before > 0),
            )
        )

    def heal(self, lab: Lab) -> None:
        wire(lab, self.target).heal()
