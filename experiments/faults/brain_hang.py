"""``brain.hang``: SIGSTOP. It answers nothing, yet its sockets stay open: worse than dead.

Open vSwitch notices by its inactivity probe only, after between one and two probe intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import BRAIN, NO_SETTINGS, Evidence, Fact, Metered, Settings, until
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

PROOF_S, WINDOW_S = 1.0, 0.3
"""A healthy brain ticks more often than once in the window."""


@FAULTS.register
@dataclass(slots=True)
class BrainHang:
    """Stopped in the process table, computing nothing, and the switches still hold their connections: not a death."""

    kind: ClassVar[str] = "brain.hang"
    aims_at: ClassVar[str] = "brain"
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    target: str = BRAIN

    def inject(self, lab: Lab) -> None:
        lab.brain.pause()

    def proof(self, lab: Lab) -> Evidence:
        until(lab, lambda: lab.brain.state() == "stopped", PROOF_S)
        state, computed, connected = lab.brain.state(), _computed(lab), lab.brain.connected()
        return Evidence(
            (
                Fact("process", state, state == "stopped"),
                *computed,
                Fact("switches_connected", len(connected), bool(connected)),
            )
        )

    def heal(self, lab: Lab) -> None:
        if lab.brain.state() == "stopped":
            lab.brain.resume()


def _computed(lab: Lab) -> tuple[Fact, ...]:
    """Processor time over a window, where the lab can tell."""
    if not isinstance(lab.brain, Metered) or lab.brain.state() == "gone":
        return ()
    before_s = lab.brain.cpu_s()
    lab.wait_until(lab.now_s() + WINDOW_S)
    used_ms = (lab.brain.cpu_s() - before_s) * 1e3
    return (Fact(f"cpu_ms_in_{WINDOW_S * 1000:.0f}_ms", round(used_ms, 3), used_ms == 0),)
