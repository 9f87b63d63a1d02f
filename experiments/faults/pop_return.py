"""``pop.return``: whatever was done to PoPs ends; the tables of dark ones are empty until a brain fills them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.ending import Ending
from experiments.faults.kind import CONTROL, POP, Evidence, Fact, until, wires
from experiments.faults.pops import revive, running
from experiments.faults.registry import FAULTS
from experiments.faults.severed import carriers
from experiments.lab import Lab

PROOF_S = 1.0


@FAULTS.register
@dataclass(slots=True)
class PopReturn(Ending):
    """Its switch is in the process table, and both ends of its links have carrier, but for those that others hold."""

    kind: ClassVar[str] = "pop.return"
    aims_at: ClassVar[str] = POP

    def inject(self, lab: Lab) -> None:
        revive(lab, self.targets)

    def proof(self, lab: Lab) -> Evidence:
        names = (*lab.topology.links_at(self.targets), *(CONTROL + pop for pop in self.targets))
        links = wires(lab, (name for name in names if name not in self.held))
        until(lab, lambda: all(all(link.carrier()) for link in links), PROOF_S)
        freed = self.freed()
        alive = running(lab, freed)
        return Evidence((Fact("switches_running", alive, alive == len(freed)), carriers(links, lit=True)))
