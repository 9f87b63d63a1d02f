"""``pop.down``: the PoP is dark. No light on its links, its switch dead, its way to the brain gone.

The brain itself is not touched, also when it lives there: it has a power supply of its own here (``brain.poweroff``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.faults.kind import NO_SETTINGS, POP, Evidence, Fact, Settings, frames, frames_within, until
from experiments.faults.pops import links_at, revive, running
from experiments.faults.registry import FAULTS
from experiments.faults.severed import PROOF_S, WINDOW_S, carriers, no_frames
from experiments.lab import Lab, LinkControl


@FAULTS.register
@dataclass(slots=True)
class PopDown:
    """Its switch is gone from the process table, no end of its links has carrier, and no frame comes."""

    kind: ClassVar[str] = "pop.down"
    aims_at: ClassVar[str] = POP
    severs: ClassVar[bool] = True
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...]
    before: int = field(default=0, init=False)

    def inject(self, lab: Lab) -> None:
        links = self._links(lab)
        for link in links:
            link.cut()
        for pop in self.targets:
            lab.switches[pop].crash()
        self.before = frames(links)

    def _links(self, lab: Lab) -> list[LinkControl]:
        return [*links_at(lab, self.targets), *(lab.control[pop] for pop in self.targets)]

    def proof(self, lab: Lab) -> Evidence:
        links = self._links(lab)
        until(lab, lambda: not running(lab, self.targets) and not any(any(x.carrier()) for x in links), PROOF_S)
        alive, since = running(lab, self.targets), frames_within(lab, links, WINDOW_S)
        return Evidence(
            (
                Fact("switches_running", alive, alive == 0),
                carriers(links, lit=False),
                *no_frames(since, self.before),
            )
        )

    def heal(self, lab: Lab) -> None:
        revive(lab, self.targets)
