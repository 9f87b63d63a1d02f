"""``brain.poweroff``: the power of the brain's site fails. No FIN, no RST: the switches find out by their probes only.

SIGKILL alone is not that, because the kernel outlives the process and closes its sockets; so
its control channels fall silent first, then the process is killed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.faults.brain_return import within_reach
from experiments.faults.brains import connected, settled, states, struck
from experiments.faults.kind import (
    ALL,
    BRAIN,
    CONTROL,
    NO_SETTINGS,
    Evidence,
    Fact,
    Settings,
    drained,
    frames_within,
    until,
    wires,
)
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

WINDOW_S = 0.3
PROOF_S = 1.0


@FAULTS.register
@dataclass(slots=True)
class BrainPoweroff:
    """Gone from the process table, its control channels deliver no frame, and the switches have not noticed."""

    kind: ClassVar[str] = "brain.poweroff"
    aims_at: ClassVar[str] = BRAIN
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...] = (BRAIN,)
    channels: tuple[str, ...] = field(default=(), init=False)
    """Its own alone: one that leads to a living brain too says FIN for the dead one."""
    had: frozenset[str] = field(default=frozenset(), init=False)
    """PoPs whose switch held a connection to it before, over a channel with light."""

    def inject(self, lab: Lab) -> None:
        self.targets = settled(lab, self.targets, brain=ALL)
        brains = struck(lab, self.targets)
        others = [brain for brain in lab.brains.values() if brain not in brains]
        mine = frozenset().union(*(brain.charge for brain in brains)).difference(*(brain.charge for brain in others))
        self.channels = tuple(CONTROL + pop for pop in lab.control if pop in mine)
        self.had = self.had or connected(brains) & within_reach(lab)
        for channel in wires(lab, self.channels):
            channel.silence()
        for brain in brains:
            brain.kill()

    def proof(self, lab: Lab) -> Evidence:
        brains = struck(lab, self.targets)
        until(lab, lambda: states(brains) == "gone", PROOF_S)
        silent = wires(lab, self.channels)
        drained(lab, silent)
        state, frames, held = states(brains), frames_within(lab, silent, WINDOW_S), connected(brains)
        return Evidence(
            (
                Fact("process", state, state == "gone"),
                Fact(f"control_frames_in_{WINDOW_S * 1000:.0f}_ms", frames, frames == 0),
                Fact("switches_connected", len(held), held >= self.had),
            )
        )

    def heal(self, lab: Lab) -> None:
        for channel in wires(lab, self.channels):
            channel.heal()
        for brain in struck(lab, self.targets):
            if brain.state() == "gone":
                brain.start()
