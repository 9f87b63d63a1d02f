"""``brain.poweroff``: the power of the brain's site fails. No FIN, no RST: the switches find out by their probes only.

SIGKILL alone is not that, because the kernel outlives the process and closes its sockets; so
the control channels fall silent first, then the process is killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.brains import ALL, settled, states, struck
from experiments.faults.kind import BRAIN, NO_SETTINGS, Evidence, Fact, Settings, drained, frames_within, until
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

WINDOW_S = 0.3
PROOF_S = 1.0


@FAULTS.register
@dataclass(slots=True)
class BrainPoweroff:
    """Gone from the process table, and no control channel delivers a frame."""

    kind: ClassVar[str] = "brain.poweroff"
    aims_at: ClassVar[str] = BRAIN
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...] = (BRAIN,)

    def inject(self, lab: Lab) -> None:
        for channel in lab.control.values():
            channel.silence()
        self.targets = settled(lab, self.targets, brain=ALL)
        for brain in struck(lab, self.targets):
            brain.kill()

    def proof(self, lab: Lab) -> Evidence:
        brains = struck(lab, self.targets)
        until(lab, lambda: states(brains) == "gone", PROOF_S)
        drained(lab, lab.control.values())
        state, frames = states(brains), frames_within(lab, tuple(lab.control.values()), WINDOW_S)
        return Evidence(
            (
                Fact("process", state, state == "gone"),
                Fact(f"control_frames_in_{WINDOW_S * 1000:.0f}_ms", frames, frames == 0),
            )
        )

    def heal(self, lab: Lab) -> None:
        for channel in lab.control.values():
            channel.heal()
        for brain in struck(lab, self.targets):
            if brain.state() == "gone":
                brain.start()
