"""``brain.hang``: SIGSTOP. It answers nothing, yet its sockets stay open: worse than dead.

Open vSwitch notices by its inactivity probe only, after between one and two probe intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import BRAIN, NO_SETTINGS, Evidence, Fact, Settings, until
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

PROOF_S = 1.0


@FAULTS.register
@dataclass(slots=True)
class BrainHang:
    """Stopped in the process table, and the switches still hold the connections it had: not a death."""

    kind: ClassVar[str] = "brain.hang"
    aims_at: ClassVar[str] = "brain"
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    target: str = BRAIN

    def inject(self, lab: Lab) -> None:
        lab.brain.pause()

    def proof(self, lab: Lab) -> Evidence:
        until(lab, lambda: lab.brain.state() == "stopped", PROOF_S)
        state, connected = lab.brain.state(), lab.brain.connected()
        return Evidence(
            (
                Fact("process", state, state == "stopped"),
                Fact("switches_connected", len(connected), bool(connected)),
            )
        )

    def heal(self, lab: Lab) -> None:
        if lab.brain.state() == "stopped":
            lab.brain.resume()
