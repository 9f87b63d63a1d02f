"""``brain.return``: whatever was done to the brain ends; it runs, and the switches find it again.

Setting: ``state``, what it remembers if it has to be started (``controller.memory``), in place of the
policy's return behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from controller.memory import MEMORIES, RECONCILE
from experiments.faults.brains import connected, settled, states, struck
from experiments.faults.ending import Ending
from experiments.faults.kind import ALL, BRAIN, Evidence, Fact, Settings, until
from experiments.faults.registry import FAULTS
from experiments.lab import BrainControl, Lab
from topology.errors import unknown

KILLING = ("brain.kill", "brain.poweroff")
"""Kinds after which a brain has to be started."""
PROOF_S = 10.0
"""Open vSwitch backs off for up to 8 s between attempts; then come the round trips of the farthest PoP."""


def parse_memory(text: object) -> str:
    """A state's name. Raises ValueError, naming the known ones."""
    if text not in MEMORIES:
        raise ValueError(unknown("state", str(text), MEMORIES))
    return str(text)


@FAULTS.register
@dataclass(slots=True)
class BrainReturn(Ending):
    """Running in the process table, and every switch that can be reached holds a connection."""

    kind: ClassVar[str] = "brain.return"
    aims_at: ClassVar[str] = BRAIN
    settings: ClassVar[Settings] = {"state": parse_memory}
    targets: tuple[str, ...] = (BRAIN,)
    state: str = ""

    @property
    def moves(self) -> bool:
        """Whether pairs may be lost or carried another way by it."""
        return self.state not in ("", RECONCILE)

    def prepare(self, lab: Lab) -> None:
        """Who it is, and what those that will have to be started remember."""
        self.targets = settled(lab, self.targets, brain=ALL)
        for brain in struck(lab, self.targets):
            if self.state and brain.state() == "gone":
                brain.returns_as(self.state)

    def inject(self, lab: Lab) -> None:
        """What healing left to do: brains that died by themselves, or were struck together with others."""
        for brain in struck(lab, self.targets):
            if brain.state() == "gone":
                brain.start()
            elif brain.state() == "stopped":
                brain.resume()

    def proof(self, lab: Lab) -> Evidence:
        everyone = within_reach(lab)
        brains = struck(lab, self.targets)
        until(lab, lambda: states(brains) == "running" and _by_all(brains, everyone), PROOF_S)
        state, whole = states(brains), _by_all(brains, everyone)
        return Evidence(
            (
                Fact("process", state, state == "running"),
                Fact("switches_connected", len(connected(brains)), bool(connected(brains)) and whole),
            )
        )


def within_reach(lab: Lab) -> frozenset[str]:
    """PoPs whose switch runs and whose control channel has carrier: others cannot connect, whatever the brain does."""
    return frozenset(pop for pop, way in lab.control.items() if lab.switches[pop].running() and all(way.carrier()))


def _by_all(brains: tuple[BrainControl, ...], everyone: frozenset[str]) -> bool:
    """Whether each of them has a connection to all switches that are told of it."""
    return all(brain.connected() >= everyone & brain.charge for brain in brains)
