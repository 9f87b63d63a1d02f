"""``brain.restart``: killed and started again, as by a watchdog or a careless upgrade.

Settings: ``down`` (``0 s``): how long it stays away at least; ``state``: what it remembers, as of
``brain.return``. Whatever else was done to the brain ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.faults.brain_return import BrainReturn, parse_memory
from experiments.faults.brains import connected, settled, states, struck
from experiments.faults.kind import BRAIN, Evidence, Fact, Settings, until
from experiments.faults.registry import FAULTS
from experiments.lab import Lab
from topology.units import parse_time_s

GONE_S = 2.0
"""Long enough for a FIN to cross the longest control channel."""


@FAULTS.register
@dataclass(slots=True)
class BrainRestart(BrainReturn):
    """In between no process and no connection; then it runs, and every switch holds a connection."""

    kind: ClassVar[str] = "brain.restart"
    settings: ClassVar[Settings] = {"down": parse_time_s, "state": parse_memory}
    targets: tuple[str, ...] = (BRAIN,)
    down: float = 0.0
    between: tuple[Fact, ...] = field(default=(), init=False)

    def prepare(self, lab: Lab) -> None:
        """Only the start of its own remembers ``state``."""

    def inject(self, lab: Lab) -> None:
        self.targets = settled(lab, self.targets)
        brains = struck(lab, self.targets)
        began_s = lab.now_s()
        for brain in brains:
            brain.kill()
        until(lab, lambda: not connected(brains), GONE_S)
        state, left = states(brains), connected(brains)
        self.between = (
            Fact("process_between", state, state == "gone"),
            Fact("switches_connected_between", len(left), not left),
        )
        lab.wait_until(began_s + self.down)
        for brain in brains:
            if self.state:
                brain.returns_as(self.state)
            brain.start()

    def proof(self, lab: Lab) -> Evidence:
        return Evidence((*self.between, *BrainReturn.proof(self, lab).facts))
