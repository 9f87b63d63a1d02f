"""``brain.kill``: SIGKILL. The kernel still closes its sockets, so every switch notices at once.

A power failure is quieter: see ``brain.poweroff``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

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
    aims_at: ClassVar[str] = "brain"
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    target: str = BRAIN

    def inject(self, lab: Lab) -> None:
        lab.brain.kill()

    def proof(self, lab: Lab) -> Evidence:
        until(lab, lambda: lab.brain.state() == "gone" and not lab.brain.connected(), PROOF_S)
        state, connected = lab.brain.state(), lab.brain.connected()
        return Evidence(
            (
                Fact("process", state, state == "gone"),
                Fact("switches_connected", len(connected), not connected),
            )
        )

    def heal(self, lab: Lab) -> None:
        if lab.brain.state() == "gone":
            lab.brain.start()
