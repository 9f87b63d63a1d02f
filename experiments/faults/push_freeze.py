"""``push.freeze``: no stage begins any more and no push; only a roll-back is obeyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from controller.orders import Freeze, Thaw
from experiments.faults.kind import BRAIN, NO_SETTINGS, ORDER, Evidence, Fact, Fault, Settings
from experiments.faults.ordering import Ordering
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

PROOF_S, WINDOW_S = 1.0, 0.5


@FAULTS.register
@dataclass(slots=True)
class PushFreeze(Ordering):
    """The brain says that it has frozen, and then no PoP is configured."""

    kind: ClassVar[str] = "push.freeze"
    aims_at: ClassVar[str] = ORDER
    severs: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...] = (BRAIN,)

    def undoes(self, _other: Fault) -> bool:
        """What has been pushed stays."""
        return False

    def inject(self, lab: Lab) -> None:
        self.tell(lab, Freeze(), "push-frozen", "configured")

    def proof(self, lab: Lab) -> Evidence:
        frozen = self.fact(lab, "push-frozen", 1, PROOF_S)
        before = self.heard(lab, "configured")
        lab.wait_until(lab.now_s() + WINDOW_S)
        since = self.heard(lab, "configured") - before
        return Evidence((frozen, Fact(f"configured_in_{WINDOW_S * 1000:.0f}_ms", since, since == 0)))

    def heal(self, lab: Lab) -> None:
        self.tell(lab, Thaw())
