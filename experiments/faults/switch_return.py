"""``switch.return``: killed switches run again, with empty tables until a brain fills them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.ending import Ending
from experiments.faults.kind import SWITCH, Evidence, Fact, until
from experiments.faults.pops import running, start
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

PROOF_S = 1.0


@FAULTS.register
@dataclass(slots=True)
class SwitchReturn(Ending):
    """In the process table, and each switch tells over OpenFlow of a port that is live."""

    kind: ClassVar[str] = "switch.return"
    aims_at: ClassVar[str] = SWITCH

    def inject(self, lab: Lab) -> None:
        start(lab, self.targets)

    def proof(self, lab: Lab) -> Evidence:
        freed = self.freed()
        until(lab, lambda: _forwarding(lab, freed) == len(freed), PROOF_S)
        alive, forwarding = running(lab, freed), _forwarding(lab, freed)
        return Evidence(
            (
                Fact("switches_running", alive, alive == len(freed)),
                Fact("switches_with_live_ports", forwarding, forwarding == len(freed)),
            )
        )


def _forwarding(lab: Lab, pops: tuple[str, ...]) -> int:
    return sum(bool(lab.switches[pop].live_ports()) for pop in pops)
