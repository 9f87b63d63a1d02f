"""``brain.replan``: a planned change of every path of the network, make before break under the other version bit.

Setting ``metric``: what paths are shortest by from now on (``hops``, or ``delay`` as at the beginning).
It is no failure, and nothing should be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from controller.orders import Replan
from controller.paths import METRICS
from controller.pipeline import INGRESS
from experiments.faults.kind import PUSH, Evidence, Fact, Settings
from experiments.faults.ordering import Ordering
from experiments.faults.push_poison import one_of
from experiments.faults.registry import FAULTS
from experiments.lab import Lab
from topology.forwarding import OWNER, Push
from topology.labels import VERSION_BIT, node_index

PROOF_S = 8.0
STAGES = 3
"""Prepare, switch over, clean up: of each brain."""


@FAULTS.register
@dataclass(slots=True)
class BrainReplan(Ordering):
    """Every brain has carried out all stages, and ingresses push no node label of another version than it named."""

    kind: ClassVar[str] = "brain.replan"
    aims_at: ClassVar[str] = PUSH
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    moves: ClassVar[bool] = True
    settings: ClassVar[Settings] = {"metric": one_of("metric", tuple(METRICS))}
    targets: tuple[str, ...]
    metric: str = "hops"

    def inject(self, lab: Lab) -> None:
        self.tell(lab, Replan(self.metric), "replan", "programmed")

    def proof(self, lab: Lab) -> Evidence:
        said = self.fact(lab, "replan", self.told, PROOF_S)
        programmed = self.fact(lab, "programmed", STAGES * self.told, PROOF_S)
        wanted = {brain.last("replan").get("version") for brain in lab.brains.values()}
        pushed = _versions(lab)
        return Evidence((said, programmed, Fact("versions_pushed", sorted(pushed), bool(pushed) and pushed <= wanted)))

    def heal(self, lab: Lab) -> None:
        """A planned change stays."""


def _versions(lab: Lab) -> frozenset[int]:
    """Version bits of the node labels that ingress rules push (0 or 1); no other label has one."""
    rules = (rule for state in lab.snapshot().values() for rule in state.flows if rule.owner == OWNER)
    pushed = (action for rule in rules if rule.table == INGRESS for action in rule.actions)
    labels = (action.label for action in pushed if isinstance(action, Push))
    return frozenset(int(bool(label & VERSION_BIT)) for label in labels if node_index(label) is not None)
