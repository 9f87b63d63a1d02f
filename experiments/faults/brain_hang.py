"""``brain.hang``: SIGSTOP. It answers nothing, yet its sockets stay open: worse than dead.

Open vSwitch notices by its inactivity probe only, after between one and two probe intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.brains import connected, settled, states, struck
from experiments.faults.kind import BRAIN, NO_SETTINGS, Evidence, Fact, Metered, Settings, until
from experiments.faults.registry import FAULTS
from experiments.lab import BrainControl, Lab

PROOF_S, WINDOW_S = 1.0, 0.3
"""A healthy brain ticks more often than once in the window."""
BOOKED_LATE_MS = 0.1
"""The kernel may book a stopped process's last microseconds late (8 µs were seen); one tick takes more."""


@FAULTS.register
@dataclass(slots=True)
class BrainHang:
    """Stopped in the process table, computing nothing, and the switches still hold their connections: not a death."""

    kind: ClassVar[str] = "brain.hang"
    aims_at: ClassVar[str] = BRAIN
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...] = (BRAIN,)

    def inject(self, lab: Lab) -> None:
        self.targets = settled(lab, self.targets)
        for brain in struck(lab, self.targets):
            brain.pause()

    def proof(self, lab: Lab) -> Evidence:
        brains = struck(lab, self.targets)
        until(lab, lambda: states(brains) == "stopped", PROOF_S)
        state, computed, held = states(brains), _computed(lab, brains), connected(brains)
        return Evidence(
            (
                Fact("process", state, state == "stopped"),
                *computed,
                Fact("switches_connected", len(held), bool(held)),
            )
        )

    def heal(self, lab: Lab) -> None:
        for brain in struck(lab, self.targets):
            if brain.state() == "stopped":
                brain.resume()


def _computed(lab: Lab, brains: tuple[BrainControl, ...]) -> tuple[Fact, ...]:
    """Processor time over a window, where the lab can tell."""
    metered = [brain for brain in brains if isinstance(brain, Metered) and brain.state() != "gone"]
    if not metered:
        return ()
    before_s = sum(brain.cpu_s() for brain in metered)
    lab.wait_until(lab.now_s() + WINDOW_S)
    used_ms = (sum(brain.cpu_s() for brain in metered) - before_s) * 1e3
    return (Fact(f"cpu_ms_in_{WINDOW_S * 1000:.0f}_ms", round(used_ms, 3), used_ms < BOOKED_LATE_MS),)
