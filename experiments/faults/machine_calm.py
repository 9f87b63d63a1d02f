"""``machine.calm``: the other work on this machine ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.crowding import crowd, used_ms, window
from experiments.faults.ending import Ending
from experiments.faults.kind import MACHINE, Evidence, Fact
from experiments.faults.registry import FAULTS
from experiments.lab import Lab


@FAULTS.register
@dataclass(slots=True)
class MachineCalm(Ending):
    """None of them in the process table, and they use no processor time."""

    kind: ClassVar[str] = "machine.calm"
    aims_at: ClassVar[str] = MACHINE

    def inject(self, lab: Lab) -> None:
        crowd(lab).end()

    def proof(self, lab: Lab) -> Evidence:
        count, used = crowd(lab).count(), used_ms(lab)
        return Evidence((Fact("busy_processes", count, count == 0), Fact(window(), used, used == 0)))
