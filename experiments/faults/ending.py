"""Events that end others: what heals and returns have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.faults.kind import ALL, NO_SETTINGS, SWITCH_OF, Evidence, Fact, Fault, Settings, frames, until, wires
from experiments.faults.severed import carriers
from experiments.lab import Lab

PROOF_S = 0.5
"""Where anybody forwards, frames come back with the next probe or BFD packet."""


@dataclass(slots=True)
class Ending:
    """Ends every fault that aims at the same and strikes nothing else than its targets."""

    aims_at: ClassVar[str]
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = True
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...]
    held: frozenset[str] = field(default=frozenset(), init=False)

    def leaves(self, other: Fault) -> tuple[str, ...]:
        if other.aims_at != self.aims_at:
            return other.targets
        return () if ALL in self.targets else tuple(name for name in other.targets if name not in self.targets)

    def freed(self, kind: str = SWITCH_OF) -> tuple[str, ...]:
        """Its targets without those that others hold; ``kind``: what of a PoP that is."""
        return tuple(name for name in self.targets if kind + name not in self.held)

    def heal(self, lab: Lab) -> None:
        """An end is healthy: nothing to undo."""


@dataclass(slots=True)
class Healed(Ending):
    """Carrier at both ends, and frames come out again: of every link that no other fault holds."""

    def inject(self, lab: Lab) -> None:
        for link in wires(lab, self.targets):
            link.heal()

    def proof(self, lab: Lab) -> Evidence:
        freed = self.freed(kind="")
        links = wires(lab, freed)
        before = [frames([link]) for link in links]

        def alive() -> bool:
            return all(all(link.carrier()) and frames([link]) > had for link, had in zip(links, before, strict=True))

        if not until(lab, alive, PROOF_S):
            lab.heard(freed)  # where nobody forwards, nobody sends: frames of our own
        since = min((frames([link]) - had for link, had in zip(links, before, strict=True)), default=0)
        return Evidence((carriers(links, lit=True), Fact("frames_since", since, since > 0 or not freed)))
