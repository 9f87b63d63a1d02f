"""``push.rollback``: back to the last known good version, everywhere at once.

Setting ``to``: ``good`` (the last one that passed all its gates, which may be a bad one) or
``first`` (the configuration before all pushes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from controller.orders import Rollback
from experiments.faults.kind import BRAIN, ORDER, Evidence, Fact, Settings
from experiments.faults.ordering import Ordering, versions
from experiments.faults.push_poison import one_of
from experiments.faults.registry import FAULTS
from experiments.lab import Lab

GOOD, FIRST = "good", "first"
PROOF_S = 4.0


@FAULTS.register
@dataclass(slots=True)
class PushRollback(Ordering):
    """The brain says that it is done, and all switches that it can reach hold the version that it went back to."""

    kind: ClassVar[str] = "push.rollback"
    aims_at: ClassVar[str] = ORDER
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = True
    settings: ClassVar[Settings] = {"to": one_of("version", (GOOD, FIRST))}
    targets: tuple[str, ...] = (BRAIN,)
    to: str = GOOD

    def inject(self, lab: Lab) -> None:
        self.tell(lab, Rollback(self.to == FIRST), "rolled-back", "rollback")

    def proof(self, lab: Lab) -> Evidence:
        said = self.fact(lab, "rolled-back", self.told, PROOF_S)
        wanted = self.version(lab, "rollback")
        reached = frozenset[str]().union(*(brain.connected() for brain in lab.brains.values()))
        found = sorted({version for pop, version in versions(lab).items() if pop in reached})
        return Evidence((said, Fact("versions_in_tables", found, found == [wanted])))

    def heal(self, lab: Lab) -> None:
        """Nothing to undo."""
