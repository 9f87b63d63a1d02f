"""``push.good``: a version of the configuration that harms nobody goes out: it also ends what a bad one did.

Settings: ``stages`` and ``gate``, as of ``push.poison``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from controller.edge import Config
from controller.orders import Push
from experiments.faults.kind import BRAIN, ORDER, Evidence, Settings
from experiments.faults.pushing import ROLLOUT, Pushing
from experiments.faults.registry import FAULTS
from experiments.lab import Lab


@FAULTS.register
@dataclass(slots=True)
class PushGood(Pushing):
    """The brain brings it to the PoPs of the first stage, and their tables hold the new version."""

    kind: ClassVar[str] = "push.good"
    aims_at: ClassVar[str] = ORDER
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = True
    settings: ClassVar[Settings] = ROLLOUT
    targets: tuple[str, ...] = (BRAIN,)
    stages: tuple[float, ...] = (1.0,)
    gate: float = 0.0

    def inject(self, lab: Lab) -> None:
        self.push(lab, Push(Config(), lab.topology.names, self.stages, self.gate))

    def proof(self, lab: Lab) -> Evidence:
        return self.arrived(lab)

    def heal(self, lab: Lab) -> None:
        """A good version is healthy: nothing to undo."""
