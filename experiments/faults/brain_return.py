"""``brain.return``: whatever was done to the brain ends; it runs, and the switches find it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.kind import BRAIN, NO_SETTINGS, Evidence, Fact, Fault, Settings, until
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

PROOF_S = 10.0
"""Open vSwitch backs off for up to 8 s between attempts; then come the round trips of the farthest PoP."""


@FAULTS.register
@dataclass(slots=True)
class BrainReturn:
    """Running in the process table, and every switch holds a connection."""

    kind: ClassVar[str] = "brain.return"
    aims_at: ClassVar[str] = "brain"
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    target: str = BRAIN

    def undoes(self, other: Fault) -> bool:
        return other.aims_at == self.aims_at

    def inject(self, lab: Lab) -> None:
        """What ``undoes`` left to do: nothing, unless the brain died by itself."""
        if lab.brain.state() == "gone":
            lab.brain.start()

    def proof(self, lab: Lab) -> Evidence:
        everyone = frozenset(lab.topology.names)
        until(lab, lambda: lab.brain.state() == "running" and lab.brain.connected() >= everyone, PROOF_S)
        state, connected = lab.brain.state(), lab.brain.connected()
        return Evidence(
            (
                Fact("process", state, state == "running"),
                Fact("switches_connected", len(connected), connected >= everyone),
            )
        )

    def heal(self, lab: Lab) -> None:
        """A return is healthy: nothing to undo."""
