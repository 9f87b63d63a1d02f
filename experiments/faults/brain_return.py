"""``brain.return``: whatever was done to the brain ends; it runs, and the switches find it again.

Setting: ``state``, what it remembers if it has to be started (``controller.memory``), in place of the
policy's return behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from controller.memory import MEMORIES
from experiments.faults.kind import BRAIN, Evidence, Fact, Fault, Settings, until
from experiments.faults.registry import FAULTS
from experiments.lab import Lab
from topology.errors import unknown

PROOF_S = 10.0
"""Open vSwitch backs off for up to 8 s between attempts; then come the round trips of the farthest PoP."""


def parse_memory(text: object) -> str:
    """A state's name. Raises ValueError, naming the known ones."""
    if text not in MEMORIES:
        raise ValueError(unknown("state", str(text), MEMORIES))
    return str(text)


@FAULTS.register
@dataclass(slots=True)
class BrainReturn:
    """Running in the process table, and every switch holds a connection."""

    kind: ClassVar[str] = "brain.return"
    aims_at: ClassVar[str] = "brain"
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = {"state": parse_memory}
    target: str = BRAIN
    state: str = ""

    def prepare(self, lab: Lab) -> None:
        if self.state:
            lab.brain.returns_as(self.state)

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
