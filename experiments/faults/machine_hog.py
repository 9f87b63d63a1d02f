"""``machine.hog``: somebody else wants the processors of this machine. The run must not be believed then.

Setting: ``per_core`` (2: busy processes for each processor). The modelled backend has no machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.crowding import crowd, used_ms, window
from experiments.faults.kind import MACHINE, Evidence, Fact, Settings, until
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

PROOF_S = 1.0
USED_MS = 30.0
"""Of processor time in the window, all together: as much as the busiest machine leaves to so many."""
MOST = 16


def parse_count(text: object) -> int:
    """A whole number from 1 to ``MOST``. Raises ValueError."""
    if not isinstance(text, int) or isinstance(text, bool) or not 1 <= text <= MOST:
        raise ValueError(f"'{text}' is not a whole number from 1 to {MOST}")
    return text


@FAULTS.register
@dataclass(slots=True)
class MachineHog:
    """Busy processes in the process table, and they get processor time."""

    kind: ClassVar[str] = "machine.hog"
    aims_at: ClassVar[str] = MACHINE
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = {"per_core": parse_count}
    targets: tuple[str, ...] = (MACHINE,)
    per_core: int = 2

    def inject(self, lab: Lab) -> None:
        crowd(lab).start(self.per_core)

    def proof(self, lab: Lab) -> Evidence:
        until(lab, lambda: crowd(lab).count() > 0, PROOF_S)
        count, used = crowd(lab).count(), used_ms(lab)
        return Evidence((Fact("busy_processes", count, count > 0), Fact(window(), used, used >= USED_MS)))

    def heal(self, lab: Lab) -> None:
        crowd(lab).end()
