"""``push.freeze``: no stage begins any more and no push; only a roll-back is obeyed. It stands until the run ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from controller.edge import Config
from controller.orders import Freeze, Push, Thaw
from experiments.faults.kind import BRAIN, NO_SETTINGS, ORDER, Evidence, Fact, Settings
from experiments.faults.ordering import Ordering, versions
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

PROOF_S = 1.0


@FAULTS.register
@dataclass(slots=True)
class PushFreeze(Ordering):
    """The brain says that it has frozen, refuses a push of our own, and the tables hold what they held."""

    kind: ClassVar[str] = "push.freeze"
    aims_at: ClassVar[str] = ORDER
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...] = (BRAIN,)

    def inject(self, lab: Lab) -> None:
        self.tell(lab, Freeze(), "push-frozen")

    def proof(self, lab: Lab) -> Evidence:
        frozen, before = self.fact(lab, "push-frozen", self.told, PROOF_S), versions(lab)
        self.tell(lab, Push(Config(), lab.topology.names, (1.0,), 0.0), "push-refused")
        refused, after = self.fact(lab, "push-refused", self.told, PROOF_S), versions(lab)
        changed = sum(after[pop] != version for pop, version in before.items())
        return Evidence((frozen, refused, Fact("switches_with_another_version", changed, changed == 0)))

    def heal(self, lab: Lab) -> None:
        self.tell(lab, Thaw())
