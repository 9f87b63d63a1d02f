"""``brain.kill``: SIGKILL. The kernel still closes its sockets, so every switch notices at once.

A power failure is quieter: see ``brain.poweroff``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.brains import connected, settled, states, struck
from experiments.faults.kind import BRAIN, NO_SETTINGS, Evidence, Fact, Settings, until
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

PROOF_S = 2.0
"""Long enough for a FIN to cross the longest control channel, and once more if it is lost."""


@FAULTS.register
@dataclass(slots=True)
class BrainKill:
    """Gone from the process table, and no switch holds a connection."""

    kind: ClassVar[str] = "brain.kill"
    aims_at: ClassVar[str] = BRAIN
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...] = (BRAIN,)

    def inject(self, lab: Lab) -> None:
        self.targets = settled(lab, self.targets)
        for brain in struck(lab, self.targets):
            brain.kill()

    def proof(self, lab: Lab) -> Evidence:
        brains = struck(lab, self.targets)
        until(lab, lambda: states(brains) == "gone" and not connected(brains), PROOF_S)
        state, left = states(brains), connected(brains)
        return Evidence(
            (
                Fact("process", state, state == "gone"),
                Fact("switches_connected", len(left), not left),
            )
        )

    def heal(self, lab: Lab) -> None:
        for brain in struck(lab, self.targets):
            if brain.state() == "gone":
                brain.start()
